-- long_sessions: sessions of a partition that had already begun more than the plausible life of a tab before
-- grain: one row
-- inputs: session_spans, earlier_sessions
-- parameters: max_days INTEGER
SELECT count(DISTINCT session_spans.session_id) AS session_short
FROM session_spans
JOIN earlier_sessions USING (session_id)
-- A landed time may be any, no time at all among them: such a partition is blocked, and its difference is none.
WHERE epoch_us(session_spans.last_at)::HUGEINT - epoch_us(earlier_sessions.first_at) > $max_days * 86_400_000_000
