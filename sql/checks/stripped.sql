-- stripped: events whose pseudonym and session are taken off
-- grain: event_id
-- inputs: landed, lapsed, broken_sessions
-- parameters: none
SELECT event_id FROM lapsed
UNION
SELECT landed.event_id FROM landed SEMI JOIN broken_sessions USING (session_id)
