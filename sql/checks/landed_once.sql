-- landed_once: the rows of a partition, equal rows of one event id once
-- grain: event_id
-- inputs: landed, repeated_ids, repeated_rows
-- parameters: none
SELECT event_id, occurred_at, occurred_at_us, service, user_type, action, feature, pseudonym, session_id
FROM landed
ANTI JOIN repeated_ids USING (event_id)
UNION ALL
SELECT event_id, occurred_at, occurred_at_us, service, user_type, action, feature, pseudonym, session_id
FROM repeated_rows
