-- accepted_groups: how many rows with the same texts are rolled up
-- grain: user_type x feature x action
-- inputs: judged_groups, held_groups, repeated_rows
-- parameters: none
SELECT user_type, feature, action, sum(events)::BIGINT AS events
FROM (
    SELECT user_type, feature, action, landed AS events
    FROM judged_groups
    WHERE NOT is_held AND action IN ('open', 'navigate', 'submit', 'order')
    UNION ALL
    SELECT user_type, feature, action, 1 - times
    FROM repeated_rows
    ANTI JOIN held_groups USING (service, user_type, action, feature)
)
GROUP BY ALL
HAVING sum(events) > 0
