-- steps: consecutive events of a session with different features
-- grain: day x session x from_feature x to_feature
-- inputs: session_events, sessions
-- parameters: none
SELECT day, session, feature_before AS from_feature, feature AS to_feature, count(*)::INTEGER AS steps
FROM session_events
JOIN sessions USING (pseudonym, session_id)
WHERE feature_before <> feature
GROUP BY ALL
