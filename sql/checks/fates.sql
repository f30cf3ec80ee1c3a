-- fates: what becomes of the rows of a partition that is not quarantined
-- grain: one row
-- inputs: judged_groups, held_groups, looked_at, repeated_rows, lapsed, broken_sessions, held_lapsed
-- parameters: none
-- Of equal rows of one event id one is kept, and what is held is not stripped. A text that is missing holds nothing.
WITH broken AS (  -- all rows of such a session are looked at
    FROM looked_at SEMI JOIN broken_sessions USING (session_id) ANTI JOIN lapsed USING (pseudonym, occurred_at)
), again AS (
    SELECT
        repeated_rows.times - 1 AS times,
        held_groups.landed IS NOT NULL AS is_held,
        lapsed.times IS NOT NULL OR broken_sessions.session_id IS NOT NULL AS is_stripped
    FROM repeated_rows
    LEFT JOIN held_groups USING (service, user_type, action, feature)
    LEFT JOIN lapsed USING (pseudonym, occurred_at)
    LEFT JOIN broken_sessions USING (session_id)
)
SELECT
    ((SELECT sum(landed) FROM judged_groups) - (SELECT coalesce(sum(times), 0) FROM again))::BIGINT AS kept,
    ((SELECT coalesce(sum(landed), 0) FROM held_groups WHERE (service || user_type || action || feature) IS NOT NULL)
        - (SELECT coalesce(sum(times) FILTER (is_held), 0) FROM again))::BIGINT AS held,
    ((SELECT coalesce(sum(times), 0) FROM lapsed) + (SELECT count(*) FROM broken)
        - (SELECT coalesce(sum(held), 0) FROM held_lapsed)
        - (SELECT count(*) FROM broken SEMI JOIN held_groups USING (service, user_type, action, feature))
        - (SELECT coalesce(sum(times) FILTER (is_stripped AND NOT is_held), 0) FROM again))::BIGINT AS stripped,
    (SELECT max(times) FROM (SELECT sum(times) AS times FROM repeated_rows GROUP BY event_id))::BIGINT AS copies
