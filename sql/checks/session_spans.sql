-- session_spans: the sessions of a partition, with whose they are and their first and last time
-- grain: session_id
-- inputs: landed
-- parameters: none
SELECT
    session_id,
    min(pseudonym) AS pseudonym,
    max(pseudonym) AS other_pseudonym,
    min(occurred_at) AS first_at,
    max(occurred_at) AS last_at
FROM landed
WHERE session_id IS NOT NULL
GROUP BY session_id
