-- row_faults: how many values of a partition are missing or cannot be read, and how many rows lie outside its day
-- grain: one row
-- inputs: landed
-- parameters: day DATE
SELECT
    coalesce(sum(missing), 0) AS values_present,
    coalesce(sum(unreadable), 0) AS values_readable,
    count(*) FILTER (occurred_at < $day OR occurred_at >= $day + INTERVAL 1 DAY) AS inside_the_day
FROM landed
