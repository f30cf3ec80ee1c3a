-- held_keys: the keys for which rows are held, each with whether the catalogue knows it as such
-- grain: column x key
-- inputs: judged_groups
-- parameters: none
SELECT held_column, key, sum(landed)::BIGINT AS row_count, bool_and(is_declared) AS is_declared
FROM (
    SELECT 'service' AS held_column, service AS key, landed, false AS is_declared FROM judged_groups WHERE undeclared_service
    UNION ALL
    SELECT 'user_type', user_type, landed, false FROM judged_groups WHERE undeclared_user_type
    UNION ALL
    SELECT 'feature', feature, landed, false FROM judged_groups WHERE undeclared_feature
    UNION ALL
    SELECT 'feature', feature, landed, true FROM judged_groups WHERE foreign_feature
    UNION ALL
    SELECT 'action', feature || ':' || action, landed, true FROM judged_groups WHERE unlisted_action
)
GROUP BY held_column, key
ORDER BY held_column, key
