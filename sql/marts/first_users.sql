-- first_users: of those first seen in the 56 days that end with a span, how many had used a feature so many days later
-- grain: beginning x within_days x user_type (of the first day), also `all` x feature, also `all`
-- inputs: lawful_persons, lawful_use, spans
-- parameters: none
-- Over all features everybody adopts on the first day: being seen is using something.
WITH firsts AS (
    SELECT beginning, pseudonym, min(day) AS first_day, arg_min(user_type, day) AS user_type
    FROM lawful_persons
    GROUP BY ALL
), observed AS (
    SELECT firsts.*, within_days
    FROM firsts
    JOIN spans USING (beginning)
    CROSS JOIN (VALUES (1), (7), (28)) AS windows(within_days)
    WHERE first_day > spans.last - 56 AND first_day + within_days - 1 <= spans.last
), uses AS (
    SELECT beginning, pseudonym, feature, min(day) AS first_use
    FROM lawful_use
    GROUP BY ALL
)
SELECT
    beginning,
    within_days,
    coalesce(user_type, 'all') AS user_type,
    'all' AS feature,
    count(*) AS users,
    count(*) AS adopters
FROM observed
GROUP BY GROUPING SETS ((beginning, within_days, user_type), (beginning, within_days))
UNION ALL
SELECT
    beginning,
    within_days,
    coalesce(user_type, 'all') AS user_type,
    feature,
    0 AS users,
    count(*) AS adopters
FROM observed
JOIN uses USING (beginning, pseudonym)
WHERE first_use < first_day + within_days
GROUP BY GROUPING SETS ((beginning, within_days, user_type, feature), (beginning, within_days, feature))
