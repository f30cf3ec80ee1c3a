-- session_spans: sessions of persons of whom one may be another's, or go on after their consent: whose, from when to when
-- grain: session_id
-- inputs: looked_at, sharing_persons, ending_persons
-- parameters: none
-- Whoever has a session that may be shared, or nobody's too, is among the sharing: all rows of such a session are found.
SELECT
    session_id,
    min(pseudonym) AS pseudonym,
    max(pseudonym) AS other_pseudonym,
    min(occurred_at) AS first_at,
    max(occurred_at) AS last_at
FROM looked_at
SEMI JOIN (FROM sharing_persons UNION FROM ending_persons UNION SELECT NULL) AS asked
    ON asked.pseudonym IS NOT DISTINCT FROM looked_at.pseudonym
WHERE session_id IS NOT NULL
GROUP BY session_id
