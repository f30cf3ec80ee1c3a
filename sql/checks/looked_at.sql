-- looked_at: the rows that are looked at one by one
-- grain: file x place
-- inputs: landed, event_places, person_places, nobodys_places
-- parameters: none
-- Of a single number DuckDB makes a filter of the file, of two it does not: the same place in other files falls out after.
WITH places AS (
    FROM event_places
    UNION
    FROM person_places
    UNION
    FROM nobodys_places
)
SELECT landed.* REPLACE (
    -- A text beyond the length of a key blocks: the rest of it, be it gigabytes, is not kept.
    left(service, 65) AS service,
    left(user_type, 65) AS user_type,
    left(action, 65) AS action,
    left(feature, 65) AS feature
)
FROM landed
SEMI JOIN (SELECT DISTINCT place FROM places) AS near USING (place)
SEMI JOIN places USING (file, place)
