-- fates: what becomes of the rows of a partition that is not quarantined
-- grain: one row
-- inputs: landed_once, held_groups, stripped
-- parameters: none
SELECT
    count(*) AS kept,
    count(*) FILTER (held_groups.landed IS NOT NULL) AS held,
    count(*) FILTER (stripped.event_id IS NOT NULL AND held_groups.landed IS NULL) AS stripped
FROM landed_once
LEFT JOIN held_groups USING (service, user_type, action, feature)
LEFT JOIN stripped USING (event_id)
