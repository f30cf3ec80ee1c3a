-- session_people: how many people are behind sessions, and the most that one of them had
-- grain: user_type, also `all`
-- inputs: period_sessions
-- parameters: none
WITH had AS (
    SELECT pseudonym, coalesce(user_type, 'all') AS user_type, count(*) AS sessions
    FROM period_sessions
    GROUP BY GROUPING SETS ((pseudonym, user_type), (pseudonym))
)
SELECT user_type, count(*) AS sessions_known, max(sessions) AS sessions_top
FROM had
GROUP BY user_type
