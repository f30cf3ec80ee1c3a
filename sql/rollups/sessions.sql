-- sessions: the sessions of a partition; what crosses midnight is in two, and stitched when it is measured
-- grain: day x pseudonym x session_id; `session` is its number in its file
-- inputs: session_events
-- parameters: none
SELECT
    row_number() OVER (ORDER BY pseudonym, session_id)::INTEGER AS session,
    min(occurred_at)::DATE AS day,
    session_id,
    pseudonym,
    any_value(user_type) FILTER (position = 1) AS user_type,
    min(occurred_at) AS first_at,
    max(occurred_at) AS last_at,
    count(*)::INTEGER AS events,
    any_value(feature) FILTER (position = 1) AS first_feature,
    any_value(feature) FILTER (is_last) AS last_feature
FROM session_events
GROUP BY pseudonym, session_id
