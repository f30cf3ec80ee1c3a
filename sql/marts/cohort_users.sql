-- cohort_users: of those first seen in a week, how many are left, and how many of them were active in a later week
-- grain: beginning (the later week's Monday) x cohort_week x user_type, also `all`
-- inputs: lawful_persons
-- parameters: identified_days INTEGER
WITH weeks AS (
    SELECT
        beginning,
        pseudonym,
        date_trunc('week', day)::DATE AS week,
        max(day) AS latest_day,
        arg_max(user_type, day) AS user_type
    FROM lawful_persons
    GROUP BY ALL
), seen AS (
    SELECT
        *,
        lag(latest_day) OVER person AS day_before,
        max(week) OVER (PARTITION BY beginning, pseudonym) = beginning AS is_active
    FROM weeks
    WINDOW person AS (PARTITION BY beginning, pseudonym ORDER BY week)
)
SELECT
    beginning,
    week AS cohort_week,
    coalesce(user_type, 'all') AS user_type,
    count(*) AS cohort_users,
    count(*) FILTER (is_active) AS active_users
FROM seen
WHERE week BETWEEN beginning - 84 AND beginning
    AND (day_before IS NULL OR day_before <= week + 6 - $identified_days)
GROUP BY GROUPING SETS ((beginning, week, user_type), (beginning, week))
