-- feedback_counts: how many rows of a feedback partition break each rule of answers to notices
-- grain: one row
-- inputs: judged_feedback, repeated_feedback
-- parameters: day DATE
-- Of equal rows of one event id one is kept, and then judged.
SELECT
    count(*) AS landed,
    (SELECT coalesce(sum(times - 1), 0) FROM repeated_feedback) AS duplicate,
    greatest(
        (SELECT max(times) FROM (SELECT count(*) AS times FROM judged_feedback GROUP BY recipient)),
        (SELECT max(times) FROM (SELECT sum(times) AS times FROM repeated_feedback GROUP BY event_id))
    )::BIGINT AS most,
    count(*) FILTER (is_held) - (SELECT coalesce(sum(times - 1) FILTER (is_held), 0) FROM repeated_feedback) AS held,
    coalesce(
        6 * count(*) - count(event_id) - count(occurred_at) - count(notice) - count(kind) - count(recipient)
        - count(company) - sum(lost),
        0
    ) AS feedback_values_present,
    coalesce(sum(unreadable), 0) AS feedback_values_readable,
    count(*) FILTER (occurred_at < $day OR occurred_at >= $day + INTERVAL 1 DAY) AS feedback_inside_the_day,
    (SELECT count(*) - count(DISTINCT event_id) FROM repeated_feedback) AS feedback_id_unique,
    count(*) FILTER (substr(event_id::VARCHAR, 15, 1) NOT IN ('4', '7')) AS feedback_id_random,
    count(*) FILTER (recipient <= 4294967296) AS recipient_in_range,
    count(*) FILTER (substr(company::VARCHAR, 15, 1) NOT IN ('4', '7')) AS company_opaque,
    count(*) FILTER (undeclared_kind) AS kind_declared,
    count(*) FILTER (rating IS NOT NULL AND (rating NOT BETWEEN 1 AND 5 OR kind IS DISTINCT FROM 'answered')) AS rating_with_answer,
    count(*) FILTER (NOT regexp_full_match(notice, '[a-z0-9._]{1,64}')) AS notice_is_a_key,
    count(*) FILTER (is_held) AS notice_declared
FROM judged_feedback
