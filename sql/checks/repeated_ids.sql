-- repeated_ids: event ids that stand more than once in a partition
-- grain: event_id
-- inputs: landed, repeated_numbers
-- parameters: none
SELECT event_id
FROM landed
SEMI JOIN repeated_numbers ON repeated_numbers.number = id_number(landed.event_id)
GROUP BY event_id
HAVING count(*) > 1
