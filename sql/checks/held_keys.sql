-- held_keys: the keys for which rows are held, each with whether the catalogue knows it as such
-- grain: column x key
-- inputs: judged_groups, repeated_rows
-- parameters: none
WITH held AS (
    -- Of equal rows of one event id one is held, the others are duplicates.
    SELECT judged_groups.* REPLACE (landed - coalesce(again, 0) AS landed)
    FROM judged_groups
    LEFT JOIN (
        SELECT service, user_type, action, feature, sum(times - 1) AS again FROM repeated_rows GROUP BY ALL
    ) USING (service, user_type, action, feature)
)
SELECT held_column, key, sum(landed)::BIGINT AS row_count, bool_and(is_declared) AS is_declared
FROM (
    SELECT 'service' AS held_column, service AS key, landed, false AS is_declared FROM held WHERE undeclared_service
    UNION ALL
    SELECT 'user_type', user_type, landed, false FROM held WHERE undeclared_user_type
    UNION ALL
    SELECT 'feature', feature, landed, false FROM held WHERE undeclared_feature
    UNION ALL
    SELECT 'feature', feature, landed, true FROM held WHERE foreign_feature
    UNION ALL
    SELECT 'action', feature || ':' || action, landed, true FROM held WHERE unlisted_action
)
GROUP BY held_column, key
ORDER BY held_column, key
