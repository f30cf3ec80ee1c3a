-- unlisted_texts: texts that stand in a partition and not in the catalogue, for the detectors
-- grain: text
-- inputs: judged_groups
-- parameters: none
SELECT text, sum(landed)::BIGINT AS row_count
FROM (
    SELECT service AS text, landed FROM judged_groups WHERE undeclared_service
    UNION ALL
    SELECT user_type, landed FROM judged_groups WHERE undeclared_user_type
    UNION ALL
    SELECT feature, landed FROM judged_groups WHERE undeclared_feature
    UNION ALL
    SELECT action, landed FROM judged_groups WHERE undeclared_action
)
GROUP BY text
ORDER BY text
