-- rows_of_numbers: how many of the rows that are looked at have an event id with the number of another row's
-- grain: one row
-- inputs: looked_at, repeated_numbers
-- parameters: none
SELECT count(*) AS found
FROM looked_at
SEMI JOIN repeated_numbers ON repeated_numbers.number = id_number(looked_at.event_id)
