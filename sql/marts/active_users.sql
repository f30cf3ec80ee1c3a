-- active_users: users of a day, of the 7 days and of the 28 days that end with it
-- grain: beginning (the day) x user_type, also `all`
-- inputs: lawful_persons
-- parameters: none
WITH users AS (
    SELECT beginning, pseudonym, max(day) AS latest_day, arg_max(user_type, day) AS user_type
    FROM lawful_persons
    WHERE day > beginning - 28
    GROUP BY ALL
)
SELECT
    beginning,
    coalesce(user_type, 'all') AS user_type,
    count(*) FILTER (latest_day = beginning) AS dau,
    count(*) FILTER (latest_day > beginning - 7) AS wau,
    count(*) AS mau
FROM users
GROUP BY GROUPING SETS ((beginning, user_type), (beginning))
