-- stripped: events whose pseudonym and session are taken off
-- grain: event_id
-- inputs: looked_at, lapsed, broken_sessions
-- parameters: none
SELECT event_id FROM lapsed
UNION
SELECT looked_at.event_id FROM looked_at SEMI JOIN broken_sessions USING (session_id)
