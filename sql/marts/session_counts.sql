-- session_counts: sessions and their events by length
-- grain: user_type, also `all` x microseconds
-- inputs: period_sessions
-- parameters: none
SELECT
    coalesce(user_type, 'all') AS user_type,
    epoch_us(last_at) - epoch_us(first_at) AS microseconds,
    count(*) AS sessions,
    sum(events)::BIGINT AS events
FROM period_sessions
GROUP BY GROUPING SETS ((user_type, microseconds), (microseconds))
