-- profile: rows of a partition by their texts, and how many are in a group where a value is missing or a time outside the day
-- grain: service x user_type x action x feature
-- inputs: landed
-- parameters: day DATE
SELECT
    service,
    user_type,
    action,
    feature,
    count(*) AS landed,
    -- where a group's first and last time are in the day, all are; else it counts as odd, and its rows are looked at
    CASE
        WHEN count(consent) = count(*) AND count(occurred_at) = count(*) AND max(unreadable) = 0
            AND min(occurred_at) >= $day::TIMESTAMP AND max(occurred_at) < $day::TIMESTAMP + INTERVAL 1 DAY
            THEN 0
        ELSE count(*)
    END AS odd
FROM landed
GROUP BY ALL
