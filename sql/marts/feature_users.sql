-- feature_users: users of each feature, what they did with it, and for whom it was the first time
-- grain: beginning x user_type x feature, each also `all`
-- inputs: lawful_persons, lawful_use
-- parameters: none
-- What lies before `beginning` is history: it tells who is new, and counts for nothing else.
WITH users AS (
    SELECT
        beginning,
        pseudonym,
        arg_max(user_type, day) AS user_type,
        min(day) >= beginning AS is_new
    FROM lawful_persons
    GROUP BY beginning, pseudonym
    HAVING max(day) >= beginning
), uses AS (
    SELECT
        beginning,
        pseudonym,
        feature,
        coalesce(sum(opens + navigations + submits + orders) FILTER (day >= beginning), 0) AS events,
        min(day) >= beginning AS is_first
    FROM lawful_use
    GROUP BY beginning, pseudonym, feature
    HAVING max(day) >= beginning
), counted AS (
    SELECT beginning, user_type, feature, pseudonym, events, is_first AS is_new
    FROM uses
    JOIN users USING (beginning, pseudonym)
    UNION ALL
    SELECT beginning, user_type, 'all' AS feature, pseudonym, sum(events) AS events, any_value(users.is_new) AS is_new
    FROM uses
    JOIN users USING (beginning, pseudonym)
    GROUP BY ALL
)
SELECT
    beginning,
    coalesce(user_type, 'all') AS user_type,
    feature,
    count(*) AS users,
    sum(events) AS events_of_users,
    count(*) FILTER (is_new) AS new_users
FROM counted
GROUP BY GROUPING SETS ((beginning, user_type, feature), (beginning, feature))
