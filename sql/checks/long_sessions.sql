-- long_sessions: sessions of a partition that had already begun more than the plausible life of a tab before
-- grain: one row
-- inputs: session_spans, earlier_sessions
-- parameters: max_days INTEGER
SELECT count(DISTINCT session_spans.session_id) AS session_short
FROM session_spans
JOIN earlier_sessions USING (session_id)
WHERE session_spans.last_at - earlier_sessions.first_at > to_days($max_days)
