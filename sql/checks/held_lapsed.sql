-- held_lapsed: how many rows that are held had no consent in force
-- grain: one row
-- inputs: landed, lapsed_places, held_groups, lapsed
-- parameters: none
SELECT count(*) AS held
FROM landed
SEMI JOIN (SELECT DISTINCT place FROM lapsed_places) AS near USING (place)
SEMI JOIN lapsed_places USING (file, place)
SEMI JOIN held_groups USING (service, user_type, action, feature)
SEMI JOIN lapsed USING (pseudonym, occurred_at)
