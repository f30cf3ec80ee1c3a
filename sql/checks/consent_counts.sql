-- consent_counts: how many rows of a consents partition break each rule of the log
-- grain: one row
-- inputs: landed
-- parameters: day DATE, skew_seconds INTEGER
SELECT
    count(*) AS landed,
    coalesce(3 * count(*) - count(pseudonym) - count(changed_at) - count(state) - sum(lost), 0) AS consent_values_present,
    coalesce(sum(unreadable), 0) AS consent_values_readable,
    count(*) FILTER (changed_at < $day OR changed_at >= $day + INTERVAL 1 DAY) AS consent_inside_the_day,
    count(*) FILTER (pseudonym <= 4294967296) AS consent_pseudonym_in_range,
    count(*) FILTER (state NOT IN ('granted', 'withdrawn')) AS consent_state_declared,
    count(*) - count(DISTINCT (pseudonym, changed_at, left(state, 65))) AS duplicate,
    count(*) FILTER (changed_at < $day + to_seconds($skew_seconds)) AS early_changes,
    (SELECT max(times) FROM (SELECT count(*) AS times FROM landed GROUP BY pseudonym)) AS most
FROM landed
