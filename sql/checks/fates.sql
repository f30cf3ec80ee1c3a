-- fates: what becomes of the rows of a partition that is not quarantined
-- grain: one row
-- inputs: landed, judged_groups, held_groups, looked_at, repeated_ids, repeated_rows, stripped
-- parameters: none
-- Of equal rows of one event id one is kept, and what is held is not stripped. A text that is missing holds nothing.
WITH held_once AS (
    SELECT event_id, times FROM repeated_rows SEMI JOIN held_groups USING (service, user_type, action, feature)
), stripped_once AS (
    SELECT event_id FROM looked_at SEMI JOIN stripped USING (event_id) ANTI JOIN repeated_ids USING (event_id)
    UNION ALL
    SELECT event_id FROM repeated_rows SEMI JOIN stripped USING (event_id)
), held_and_stripped AS (
    SELECT event_id
    FROM looked_at
    SEMI JOIN held_groups USING (service, user_type, action, feature)
    SEMI JOIN stripped USING (event_id)
    ANTI JOIN repeated_ids USING (event_id)
    UNION ALL
    SELECT event_id FROM held_once SEMI JOIN stripped USING (event_id)
)
SELECT
    ((SELECT sum(landed) FROM judged_groups) - (SELECT coalesce(sum(times - 1), 0) FROM repeated_rows))::BIGINT AS kept,
    ((SELECT coalesce(sum(landed), 0) FROM held_groups WHERE (service || user_type || action || feature) IS NOT NULL)
        - (SELECT coalesce(sum(times - 1), 0) FROM held_once))::BIGINT AS held,
    (SELECT count(*) FROM stripped_once) - (SELECT count(*) FROM held_and_stripped) AS stripped,
    (SELECT max(times) FROM repeated_rows) AS copies
