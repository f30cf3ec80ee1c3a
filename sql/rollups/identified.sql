-- identified: the rows that carry a pseudonym, by bucket of the pseudonym
-- grain: one row an event
-- inputs: accepted
-- parameters: buckets BIGINT
SELECT
    event_id, occurred_at, service, user_type, action, feature, pseudonym, session_id,
    xor(pseudonym, pseudonym >> 32) & ($buckets - 1) AS bucket
FROM accepted
WHERE pseudonym IS NOT NULL
