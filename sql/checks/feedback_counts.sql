-- feedback_counts: how many rows of a feedback partition break each rule of answers to notices
-- grain: one row
-- inputs: feedback_once
-- parameters: day DATE
SELECT
    coalesce(sum(times), 0) AS landed,
    coalesce(sum(times) - count(*), 0) AS duplicate,
    count(*) FILTER (is_held) AS held,
    coalesce(
        sum(times * (
            (event_id IS NULL)::INT + (occurred_at IS NULL)::INT + (notice IS NULL)::INT + (kind IS NULL)::INT
            + (recipient IS NULL)::INT + (company IS NULL)::INT
        )) - sum(lost),
        0
    ) AS feedback_values_present,
    coalesce(sum(unreadable), 0) AS feedback_values_readable,
    coalesce(sum(times) FILTER (occurred_at < $day OR occurred_at >= $day + INTERVAL 1 DAY), 0) AS feedback_inside_the_day,
    count(event_id) - count(DISTINCT event_id) AS feedback_id_unique,
    coalesce(sum(times) FILTER (substr(event_id::VARCHAR, 15, 1) NOT IN ('4', '7')), 0) AS feedback_id_random,
    coalesce(sum(times) FILTER (recipient <= 4294967296), 0) AS recipient_in_range,
    coalesce(sum(times) FILTER (substr(company::VARCHAR, 15, 1) NOT IN ('4', '7')), 0) AS company_opaque,
    coalesce(sum(times) FILTER (kind NOT IN ('shown', 'dismissed', 'opened', 'answered')), 0) AS kind_declared,
    coalesce(sum(times) FILTER (rating IS NOT NULL AND (rating NOT BETWEEN 1 AND 5 OR kind IS DISTINCT FROM 'answered')), 0)
        AS rating_with_answer,
    coalesce(sum(times) FILTER (NOT regexp_full_match(notice, '[a-z0-9._]{1,64}')), 0) AS notice_is_a_key,
    coalesce(sum(times) FILTER (is_held), 0) AS notice_declared
FROM feedback_once
