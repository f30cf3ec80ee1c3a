-- nobodys_places: where rows are that have a session and are nobody's
-- grain: file x place
-- inputs: landed, nobodys_sessions
-- parameters: none
SELECT file, place
FROM landed
SEMI JOIN nobodys_sessions ON nobodys_sessions.number = id_number(landed.session_id)
WHERE pseudonym IS NULL
