-- event_places: where rows are whose event id has the number of another row's
-- grain: file x place
-- inputs: landed, repeated_numbers
-- parameters: none
SELECT file, place
FROM landed
SEMI JOIN repeated_numbers ON repeated_numbers.number = id_number(landed.event_id)
