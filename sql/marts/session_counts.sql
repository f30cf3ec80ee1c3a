-- session_counts: sessions and their events
-- grain: user_type, also `all`
-- inputs: period_sessions
-- parameters: none
SELECT coalesce(user_type, 'all') AS user_type, count(*) AS sessions, sum(events)::BIGINT AS events
FROM period_sessions
GROUP BY GROUPING SETS ((user_type), ())
HAVING count(*) > 0
