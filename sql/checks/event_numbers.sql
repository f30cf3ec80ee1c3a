-- event_numbers: the event ids of one part of a partition as numbers
-- grain: one row an event with an id
-- inputs: landed
-- parameters: parts UBIGINT, part UBIGINT
SELECT id_number(event_id) AS number
FROM landed
WHERE event_id IS NOT NULL AND ($parts::UBIGINT = 1 OR id_number(event_id) % $parts::UBIGINT = $part::UBIGINT)
