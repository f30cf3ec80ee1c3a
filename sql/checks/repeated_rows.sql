-- repeated_rows: the rows of repeated event ids, equal ones once
-- grain: distinct row of a repeated event_id
-- inputs: landed, event_places, repeated_ids
-- parameters: none
SELECT landed.* EXCLUDE (file, place), count(*) AS times
FROM landed
SEMI JOIN (SELECT DISTINCT place FROM event_places) AS near USING (place)
SEMI JOIN event_places USING (file, place)
SEMI JOIN repeated_ids USING (event_id)
GROUP BY ALL
