-- notice_recipients: how many recipients each notice was shown to, and what they did with it
-- grain: notice
-- inputs: responses
-- parameters: none
WITH recipients AS (
    SELECT
        notice,
        recipient,
        bool_or(is_shown) AS is_shown,
        bool_or(is_opened) AS is_opened,
        bool_or(is_dismissed) AS is_dismissed,
        bool_or(is_answered) AS is_answered,
        arg_max(rating, day) FILTER (rating IS NOT NULL) AS rating  -- of the last answer that has one
    FROM responses
    GROUP BY notice, recipient
)
SELECT
    notice,
    count(*) FILTER (is_shown) AS shown,
    count(*) FILTER (is_opened) AS opened,
    count(*) FILTER (is_dismissed) AS dismissed,
    count(*) FILTER (is_answered) AS answered,
    count(*) FILTER (rating = 1) AS rating_1,
    count(*) FILTER (rating = 2) AS rating_2,
    count(*) FILTER (rating = 3) AS rating_3,
    count(*) FILTER (rating = 4) AS rating_4,
    count(*) FILTER (rating = 5) AS rating_5,
    count(rating) AS rated,
    coalesce(sum(rating), 0)::BIGINT AS stars
FROM recipients
GROUP BY notice
