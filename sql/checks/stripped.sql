-- stripped: rows whose pseudonym and session are taken off
-- grain: file x place
-- inputs: looked_at, lapsed, broken_sessions
-- parameters: none
SELECT file, place, pseudonym
FROM looked_at
WHERE (file, place) IN (SELECT (file, place) FROM lapsed) OR session_id IN (SELECT session_id FROM broken_sessions)
