-- persons: who was active in a partition, under the user type of their latest event
-- grain: day x pseudonym
-- inputs: use, accepted
-- parameters: none
WITH types AS (
    SELECT day, pseudonym, min(user_type) AS user_type, max(user_type) AS other_type
    FROM use
    GROUP BY ALL
)
SELECT day, pseudonym, user_type FROM types WHERE user_type = other_type
UNION ALL
SELECT occurred_at::DATE AS day, pseudonym, arg_max(accepted.user_type, struct_pack(at := occurred_at, id := event_id)) AS user_type
FROM accepted
SEMI JOIN (FROM types WHERE user_type <> other_type) USING (pseudonym)
GROUP BY ALL
