-- session_spans: sessions that may be of two persons, or go on after their person's consent: whose, from when to when
-- grain: session_id
-- inputs: landed, shared_numbers, ending_persons
-- parameters: none
-- A session whose number is nobody else's is one person's: all its rows are found by that person.
SELECT
    session_id,
    min(pseudonym) AS pseudonym,
    max(pseudonym) AS other_pseudonym,
    min(occurred_at) AS first_at,
    max(occurred_at) AS last_at
FROM (
    SELECT session_id, pseudonym, occurred_at
    FROM landed
    SEMI JOIN shared_numbers ON shared_numbers.number = session_number(landed.session_id)
    UNION ALL
    SELECT session_id, pseudonym, occurred_at
    FROM landed
    SEMI JOIN ending_persons USING (pseudonym)
    ANTI JOIN shared_numbers ON shared_numbers.number = session_number(landed.session_id)
)
WHERE session_id IS NOT NULL
GROUP BY session_id
