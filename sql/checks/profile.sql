-- profile: rows of a partition by their texts, and how many of them have a value missing or unread, or a time outside the day
-- grain: service x user_type x action x feature
-- inputs: landed
-- parameters: day DATE
SELECT
    service,
    user_type,
    action,
    feature,
    sum(landed)::BIGINT AS landed,
    coalesce(sum(landed) FILTER (is_odd), 0)::BIGINT AS odd
FROM (
    SELECT
        service,
        user_type,
        action,
        feature,
        -- xor: of a time as it stands, DuckDB takes the file's own word for the least and the greatest.
        (xor(occurred_at_us, 0) BETWEEN epoch_us($day::TIMESTAMP) AND epoch_us($day::TIMESTAMP + INTERVAL 1 DAY) - 1)
            IS NOT TRUE OR consent IS NULL OR unreadable > 0 AS is_odd,
        count(*) AS landed
    FROM landed
    GROUP BY ALL
)
GROUP BY ALL
