-- session_events: the events of sessions in their order: time, then event_id
-- grain: one row an event
-- inputs: accepted
-- parameters: none
SELECT
    session_id,
    pseudonym,
    user_type,
    feature,
    action,
    occurred_at,
    row_number() OVER in_order AS position,
    lag(feature) OVER in_order AS feature_before,
    lead(feature) OVER in_order IS NULL AS is_last
FROM accepted
WHERE session_id IS NOT NULL
WINDOW in_order AS (PARTITION BY pseudonym, session_id ORDER BY occurred_at, event_id)
