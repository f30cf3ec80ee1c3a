-- feedback_texts: texts that stand in a feedback partition and that nothing declares, for the detectors
-- grain: text
-- inputs: feedback_once
-- parameters: none
SELECT text, sum(times)::BIGINT AS row_count
FROM (
    SELECT notice AS text, times FROM feedback_once WHERE is_held
    UNION ALL
    SELECT kind, times FROM feedback_once WHERE kind NOT IN ('shown', 'dismissed', 'opened', 'answered')
)
GROUP BY text
ORDER BY text
