-- engagement_users: on how many of a span's days each user was active
-- grain: beginning x user_type, also `all` x active_days
-- inputs: lawful_persons
-- parameters: none
WITH users AS (
    SELECT beginning, pseudonym, count(*) AS active_days, arg_max(user_type, day) AS user_type
    FROM lawful_persons
    GROUP BY ALL
)
SELECT beginning, coalesce(user_type, 'all') AS user_type, active_days, count(*) AS users
FROM users
GROUP BY GROUPING SETS ((beginning, user_type, active_days), (beginning, active_days))
