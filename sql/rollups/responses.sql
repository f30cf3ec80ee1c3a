-- responses: what each recipient did with each notice on a day, and the rating of their last answer that has one
-- grain: day x recipient x notice
-- inputs: feedback, held_notices
-- parameters: none
-- The company is of no use to any figure: it is not kept.
SELECT
    occurred_at::DATE AS day,
    recipient,
    notice,
    bool_or(kind = 'shown') AS is_shown,
    bool_or(kind = 'opened') AS is_opened,
    bool_or(kind = 'dismissed') AS is_dismissed,
    bool_or(kind = 'answered') AS is_answered,
    arg_max(rating, struct_pack(at := occurred_at, id := event_id)) FILTER (rating IS NOT NULL)::TINYINT AS rating
FROM feedback
ANTI JOIN held_notices USING (notice)
GROUP BY ALL
