-- identified: the rows that carry a pseudonym, texts as their places in a list
-- grain: one row an event; `moment` is microseconds since the day began
-- inputs: accepted
-- parameters: user_types VARCHAR[], features VARCHAR[], day DATE
SELECT
    pseudonym,
    occurred_at_us - epoch_us($day::TIMESTAMP) AS moment,
    (
        ((list_position($user_types, user_type) - 1) * len($features) + list_position($features, feature) - 1) * 4
        + list_position(['open', 'navigate', 'submit', 'order'], action) - 1
    )::UINTEGER AS code,
    coalesce(session_id, '00000000-0000-0000-0000-000000000000') AS session_id,
    event_id
FROM accepted
WHERE pseudonym IS NOT NULL
