-- sessions_seen: the sessions of a partition, as numbers that two sessions may share
-- grain: number
-- inputs: accepted
-- parameters: none
SELECT DISTINCT id_number(session_id) AS number
FROM accepted
WHERE session_id IS NOT NULL
