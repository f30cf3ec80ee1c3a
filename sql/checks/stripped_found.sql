-- stripped_found: how many of the rows whose ids are taken off are where they were, and whose they were
-- grain: one row
-- inputs: landed, stripped
-- parameters: none
SELECT count(*) AS found
FROM landed
SEMI JOIN (SELECT DISTINCT place FROM stripped) AS near USING (place)
JOIN stripped ON stripped.file = landed.file AND stripped.place = landed.place
    AND stripped.pseudonym IS NOT DISTINCT FROM landed.pseudonym
