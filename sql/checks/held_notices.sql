-- held_notices: the notices for which rows are held
-- grain: notice
-- inputs: feedback_once
-- parameters: none
SELECT notice, count(*) AS row_count
FROM feedback_once
WHERE is_held
GROUP BY notice
ORDER BY notice
