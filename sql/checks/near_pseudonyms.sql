-- near_pseudonyms: pseudonyms that follow another closely or in even steps, where they are too many for chance
-- grain: one row
-- inputs: persons_seen
-- parameters: none
WITH gaps AS (
    SELECT
        pseudonym - lag(pseudonym) OVER by_number AS gap,
        pseudonym - lag(pseudonym) OVER by_number
            = lag(pseudonym) OVER by_number - lag(pseudonym, 2) OVER by_number AS is_even
    FROM persons_seen
    WHERE pseudonym > 0  -- the difference of any two is a number of 64 bits
    WINDOW by_number AS (ORDER BY pseudonym)
), near AS (
    SELECT count(*) AS persons, count(*) FILTER (gap <= 16 OR is_even) AS near
    FROM gaps
)
-- Of few pseudonyms, chance and counting cannot be told apart.
SELECT CASE WHEN persons >= 30 AND near * 10 >= persons THEN near ELSE 0 END AS pseudonym_not_sequential
FROM near
