-- looked_at: the rows that are looked at one by one, the event id only of those that are there for its sake
-- grain: file x place
-- inputs: landed, event_places, person_places, nobodys_places
-- parameters: none
-- Of a single number DuckDB makes a filter of the file, of two it does not: the same place in other files falls out after.
-- A few hundred rows have one in every page of a file, and no pages cost as much as those of event ids.
WITH other_places AS (
    (FROM person_places UNION FROM nobodys_places)
    EXCEPT
    FROM event_places
), found AS (
    FROM landed
    SEMI JOIN (SELECT DISTINCT place FROM event_places) AS near USING (place)
    SEMI JOIN event_places USING (file, place)
    UNION ALL BY NAME
    SELECT file, place, occurred_at, service, user_type, action, feature, pseudonym, session_id
    FROM landed
    SEMI JOIN (SELECT DISTINCT place FROM other_places) AS near USING (place)
    SEMI JOIN other_places USING (file, place)
)
SELECT found.* REPLACE (
    -- A text beyond the length of a key blocks: the rest of it, be it gigabytes, is not kept.
    left(service, 65) AS service,
    left(user_type, 65) AS user_type,
    left(action, 65) AS action,
    left(feature, 65) AS feature
)
FROM found
