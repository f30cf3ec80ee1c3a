-- asked_rows: when the events were of persons of whose consent is doubted: where they were too many to be kept
-- grain: one row an event
-- inputs: landed, doubtful_persons
-- parameters: none
SELECT pseudonym, occurred_at
FROM landed
SEMI JOIN doubtful_persons USING (pseudonym)
