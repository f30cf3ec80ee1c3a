-- lifecycle_users: who came, stayed, came back, stayed away and withdrew in a week
-- grain: beginning (the week's Monday) x user_type, also `all`
-- inputs: lawful_persons, withdrawals
-- parameters: none
WITH users AS (
    SELECT
        beginning,
        pseudonym,
        arg_max(user_type, day) AS user_type,
        max(day) AS latest_day,
        max(day) >= beginning AS is_active,
        count(*) FILTER (day BETWEEN beginning - 7 AND beginning - 1) > 0 AS was_active,
        min(day) >= beginning AS is_new
    FROM lawful_persons
    GROUP BY beginning, pseudonym
    HAVING max(day) >= beginning - 7
), judged AS (
    SELECT
        *,
        EXISTS (
            FROM withdrawals
            WHERE withdrawals.pseudonym = users.pseudonym
                AND withdrawals.withdrawn_at < users.beginning + 7
                AND (withdrawals.granted_again_at IS NULL OR withdrawals.granted_again_at >= users.beginning + 7)
                AND (withdrawals.begins_anew_on IS NULL OR withdrawals.begins_anew_on > users.latest_day)
        ) AS is_withdrawn
    FROM users
)
SELECT
    beginning,
    coalesce(user_type, 'all') AS user_type,
    count(*) FILTER (is_new) AS new,
    count(*) FILTER (is_active AND was_active AND NOT is_new) AS returning,
    count(*) FILTER (is_active AND NOT was_active AND NOT is_new) AS resurrected,
    count(*) FILTER (was_active AND NOT is_active AND NOT is_withdrawn) AS dormant,
    count(*) FILTER (is_withdrawn) AS withdrawn
FROM judged
GROUP BY GROUPING SETS ((beginning, user_type), (beginning))
