-- row_counts: what only single rows and sessions can tell
-- grain: one row
-- inputs: repeated_rows, lapsed, broken_sessions
-- parameters: none
SELECT
    (SELECT coalesce(sum(times), 0) FROM repeated_rows
     WHERE event_id IN (SELECT event_id FROM repeated_rows GROUP BY event_id HAVING count(*) > 1)) AS event_id_unique,
    ((SELECT coalesce(sum(times), 0) FROM lapsed) - (
        SELECT coalesce(sum(ids.times - 1), 0)
        FROM (
            SELECT sum(repeated_rows.times) AS times
            FROM repeated_rows
            SEMI JOIN lapsed USING (pseudonym, occurred_at)
            GROUP BY event_id
        ) AS ids
    ))::BIGINT AS consent_in_force,
    (SELECT count(*) FROM broken_sessions WHERE is_of_two) AS session_one_person,
    (SELECT count(*) FROM broken_sessions WHERE is_outliving) AS session_ends_with_consent
