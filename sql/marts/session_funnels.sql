-- session_funnels: sessions of a period that opened a feature, and that went on to finish there
-- grain: user_type (of the session's first event), also `all` x feature, also `all`
-- inputs: period_sessions, lived_sessions, marks, funnel_features
-- parameters: first DATE, last DATE
WITH marked AS (
    SELECT
        period_sessions.pseudonym,
        period_sessions.life,
        period_sessions.session_id,
        period_sessions.user_type,
        marks.feature,
        bool_or(is_opened) AS is_opened,
        bool_or(is_completed)
            OR coalesce(min(day) FILTER (is_opened) < max(day) FILTER (is_finished), false) AS is_completed
    FROM marks
    SEMI JOIN funnel_features USING (feature)
    JOIN lived_sessions USING (day, session)
    JOIN period_sessions USING (pseudonym, life, session_id)
    WHERE day BETWEEN $first AND $last
    GROUP BY ALL
), by_feature AS (
    SELECT
        pseudonym, life, session_id, user_type, coalesce(feature, 'all') AS feature,
        bool_or(is_opened)::INTEGER AS opened,
        bool_or(is_completed)::INTEGER AS completed
    FROM marked
    GROUP BY GROUPING SETS ((pseudonym, life, session_id, user_type, feature), (pseudonym, life, session_id, user_type))
), made AS (
    SELECT
        pseudonym, coalesce(user_type, 'all') AS user_type, feature,
        sum(opened) AS opened,
        sum(completed) AS completed
    FROM by_feature
    GROUP BY GROUPING SETS ((pseudonym, user_type, feature), (pseudonym, feature))
)
SELECT
    user_type,
    feature,
    sum(opened) AS sessions_opened,
    sum(completed) AS sessions_completed,
    count(*) FILTER (opened > 0) AS sessions_opened_known,
    count(*) FILTER (completed > 0) AS sessions_completed_known,
    max(opened) AS sessions_opened_top,
    max(completed) AS sessions_completed_top
FROM made
GROUP BY ALL
