-- session_numbers: whose rows are in which session, and when; sessions as 42 bits, below the four of the id's version
-- grain: one row an event with consent, a pseudonym or a session
-- inputs: landed
-- parameters: none
SELECT
    consent::UTINYINT AS consent,
    pseudonym,
    epoch_us(occurred_at) AS at,
    session_number(session_id) + ((session_id::UHUGEINT >> 76)::UBIGINT & 15) * 4398046511104::UBIGINT AS session
FROM landed
WHERE consent OR pseudonym IS NOT NULL OR session_id IS NOT NULL
