-- accepted: the rows that are rolled up: once, not held, without ids where these are taken off
-- grain: event_id
-- inputs: landed_once, held_groups, lapsed, broken_sessions
-- parameters: none
SELECT
    event_id,
    occurred_at,
    occurred_at_us,
    service,
    user_type,
    action,
    feature,
    CASE WHEN NOT is_stripped THEN pseudonym END AS pseudonym,
    CASE WHEN NOT is_stripped THEN session_id END AS session_id
FROM (
    SELECT landed_once.*, lapsed.pseudonym IS NOT NULL OR broken_sessions.session_id IS NOT NULL AS is_stripped
    FROM landed_once
    ANTI JOIN held_groups USING (service, user_type, action, feature)
    LEFT JOIN lapsed ON lapsed.pseudonym = landed_once.pseudonym AND lapsed.occurred_at = landed_once.occurred_at
    LEFT JOIN broken_sessions ON broken_sessions.session_id = landed_once.session_id
)
