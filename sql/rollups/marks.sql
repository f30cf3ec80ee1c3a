-- marks: what a session opened and what it finished
-- grain: day x session x feature, where there is an `open`, `submit` or `order` of it
-- inputs: session_events, sessions
-- parameters: none
SELECT
    day,
    session,
    feature,
    count(*) FILTER (action = 'open') > 0 AS is_opened,
    count(*) FILTER (action <> 'open') > 0 AS is_finished,
    coalesce(
        min(position) FILTER (action = 'open') < max(position) FILTER (action <> 'open'), false
    ) AS is_completed
FROM session_events
JOIN sessions USING (pseudonym, session_id)
WHERE action IN ('open', 'submit', 'order')
GROUP BY ALL
