-- session_spans: the doubtful sessions of a partition, with whose they are and their first and last time
-- grain: session_id
-- inputs: landed, doubtful_sessions
-- parameters: none
SELECT
    session_id,
    min(pseudonym) AS pseudonym,
    max(pseudonym) AS other_pseudonym,
    min(occurred_at) AS first_at,
    max(occurred_at) AS last_at
FROM landed
SEMI JOIN doubtful_sessions USING (session_id)
GROUP BY session_id
