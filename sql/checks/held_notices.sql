-- held_notices: the notices for which rows are held
-- grain: notice
-- inputs: judged_feedback, repeated_feedback
-- parameters: none
SELECT notice, count(*) - coalesce(any_value(again), 0)::BIGINT AS row_count
FROM judged_feedback
LEFT JOIN (SELECT notice, sum(times - 1) AS again FROM repeated_feedback GROUP BY notice) USING (notice)
WHERE is_held
GROUP BY notice
ORDER BY notice
