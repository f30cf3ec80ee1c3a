-- accepted: the rows that are rolled up: once, not held, without ids where these were taken off
-- grain: event_id
-- inputs: landed_once, held_groups, stripped
-- parameters: none
SELECT
    event_id,
    occurred_at,
    occurred_at_us,
    service,
    user_type,
    action,
    feature,
    CASE WHEN stripped.event_id IS NULL THEN pseudonym END AS pseudonym,
    CASE WHEN stripped.event_id IS NULL THEN session_id END AS session_id
FROM landed_once
ANTI JOIN held_groups USING (service, user_type, action, feature)
LEFT JOIN stripped USING (event_id)
