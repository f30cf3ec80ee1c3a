-- repeated_ids: event ids that stand more than once in a partition
-- grain: event_id
-- inputs: looked_at, repeated_numbers
-- parameters: none
SELECT event_id
FROM looked_at
SEMI JOIN repeated_numbers ON repeated_numbers.number = id_number(looked_at.event_id)
GROUP BY event_id
HAVING count(*) > 1
