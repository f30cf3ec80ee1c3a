-- near_pseudonyms: how many pseudonyms of a partition follow another closely or in even steps, as counted numbers do
-- grain: one row
-- inputs: persons_seen
-- parameters: none
WITH gaps AS (
    SELECT
        pseudonym - lag(pseudonym) OVER by_number AS gap,
        pseudonym - lag(pseudonym) OVER by_number
            = lag(pseudonym) OVER by_number - lag(pseudonym, 2) OVER by_number AS is_even
    FROM persons_seen
    WINDOW by_number AS (ORDER BY pseudonym)
)
SELECT count(*) + 1 AS persons, count_if(gap <= 16 OR is_even) AS near
FROM gaps
WHERE gap IS NOT NULL
