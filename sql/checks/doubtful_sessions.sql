-- doubtful_sessions: sessions that may be of two persons, or go on after their person's consent
-- grain: session_id
-- inputs: landed, shared_numbers, ending_persons
-- parameters: none
SELECT session_id
FROM landed
SEMI JOIN shared_numbers ON shared_numbers.number = session_number(landed.session_id)
WHERE session_id IS NOT NULL
UNION
SELECT session_id
FROM landed
SEMI JOIN ending_persons USING (pseudonym)
WHERE session_id IS NOT NULL
