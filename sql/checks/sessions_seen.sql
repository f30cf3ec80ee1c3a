-- sessions_seen: the sessions of partitions, as numbers that two sessions may share
-- grain: session
-- inputs: accepted
-- parameters: none
SELECT id_number(session_id) AS number
FROM accepted
WHERE session_id IS NOT NULL
