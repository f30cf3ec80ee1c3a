-- feedback_texts: texts that stand in a feedback partition and that nothing declares, for the detectors
-- grain: text
-- inputs: judged_feedback
-- parameters: none
SELECT text, count(*) AS row_count
FROM (
    SELECT notice AS text FROM judged_feedback WHERE is_held
    UNION ALL
    SELECT kind FROM judged_feedback WHERE undeclared_kind
)
GROUP BY text
ORDER BY text
