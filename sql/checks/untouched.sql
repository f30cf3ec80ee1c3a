-- untouched: the rows to roll up of a partition in which no row is repeated, held or stripped: as they landed
-- grain: event_id
-- inputs: landed
-- parameters: none
SELECT event_id, occurred_at, occurred_at_us, service, user_type, action, feature, pseudonym, session_id
FROM landed
