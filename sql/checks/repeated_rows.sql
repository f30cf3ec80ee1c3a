-- repeated_rows: the rows whose event id stands more than once, equal ones as one
-- grain: different row of a repeated event id
-- inputs: looked_at, repeated_ids
-- parameters: none
SELECT looked_at.* EXCLUDE (file, place), count(*) AS times
FROM looked_at
SEMI JOIN repeated_ids USING (event_id)
GROUP BY ALL
