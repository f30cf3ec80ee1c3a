-- session_transitions: from which feature to which the sessions of a period went
-- grain: from_feature x to_feature
-- inputs: period_sessions, lived_sessions, steps
-- parameters: first DATE, last DATE
WITH days AS (
    SELECT day, session, pseudonym, life, session_id, first_feature, last_feature
    FROM lived_sessions
    SEMI JOIN period_sessions USING (pseudonym, life, session_id)
    WHERE day BETWEEN $first AND $last
), over_midnight AS (
    SELECT
        pseudonym,
        lag(last_feature) OVER (PARTITION BY pseudonym, life, session_id ORDER BY day) AS from_feature,
        first_feature AS to_feature,
        1 AS steps
    FROM days
), within_days AS (
    SELECT days.pseudonym, steps.from_feature, steps.to_feature, steps.steps
    FROM steps
    JOIN days USING (day, session)
), made AS (
    SELECT pseudonym, from_feature, to_feature, sum(steps) AS transitions
    FROM (FROM within_days UNION ALL FROM over_midnight)
    WHERE from_feature <> to_feature
    GROUP BY ALL
)
SELECT
    from_feature,
    to_feature,
    sum(transitions) AS transitions,
    count(*) AS transitions_known,
    max(transitions) AS transitions_top
FROM made
GROUP BY ALL
