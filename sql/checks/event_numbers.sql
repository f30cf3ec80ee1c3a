-- event_numbers: the event ids of one part of a partition as numbers of 60 bits, below the four of the id's version
-- grain: one row an event with an id
-- inputs: landed
-- parameters: parts UBIGINT, part UBIGINT
SELECT event_number(event_id) + ((event_id::UHUGEINT >> 76)::UBIGINT & 15) * 1152921504606846976::UBIGINT AS number
FROM landed
WHERE event_id IS NOT NULL AND ($parts::UBIGINT = 1 OR event_number(event_id) % $parts::UBIGINT = $part::UBIGINT)
