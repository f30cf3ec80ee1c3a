-- repeated_ids: event ids that stand more than once in a partition
-- grain: event_id
-- inputs: landed
-- parameters: none
SELECT event_id
FROM landed
WHERE event_id IS NOT NULL
GROUP BY event_id
HAVING count(*) > 1
