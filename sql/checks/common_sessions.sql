-- common_sessions: when sessions that seem to be in partitions days apart began and ended in one of them
-- grain: session_id
-- inputs: accepted, common_numbers
-- parameters: none
SELECT session_id::VARCHAR AS session_id, min(occurred_at) AS first_at, max(occurred_at) AS last_at
FROM accepted
SEMI JOIN common_numbers ON common_numbers.number = id_number(accepted.session_id)
WHERE session_id IS NOT NULL
GROUP BY session_id
