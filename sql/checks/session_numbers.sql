-- session_numbers: whose rows are in which session, and when
-- grain: one row an event with consent, a pseudonym or a session
-- inputs: landed
-- parameters: none
SELECT consent::UTINYINT AS consent, pseudonym, occurred_at_us AS at, id_number(session_id) AS session
FROM landed
WHERE consent OR pseudonym IS NOT NULL OR session_id IS NOT NULL
