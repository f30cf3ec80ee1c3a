-- repeated_rows: the rows of repeated event ids, equal ones once
-- grain: distinct row of a repeated event_id
-- inputs: landed, repeated_ids
-- parameters: none
SELECT landed.*, count(*) AS times
FROM landed
SEMI JOIN repeated_ids USING (event_id)
GROUP BY ALL
