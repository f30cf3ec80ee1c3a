-- judged_feedback: the rows of a feedback partition, each judged against the catalogue and the kinds that there are
-- grain: row
-- inputs: feedback, declared_notices
-- parameters: none
SELECT
    feedback.* REPLACE (left(notice, 4096) AS notice, left(kind, 4096) AS kind),  -- detectors look no further
    notice IS NOT NULL AND declared_notices.key IS NULL AS is_held,
    kind NOT IN ('shown', 'dismissed', 'opened', 'answered') AS undeclared_kind
FROM feedback
LEFT JOIN declared_notices ON declared_notices.key = feedback.notice
