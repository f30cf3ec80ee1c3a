-- session_lengths: sessions by how long they were
-- grain: user_type x microseconds
-- inputs: period_sessions
-- parameters: none
SELECT user_type, epoch_us(last_at) - epoch_us(first_at) AS microseconds, count(*) AS sessions
FROM period_sessions
GROUP BY ALL
