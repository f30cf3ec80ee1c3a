-- judged_feedback: the rows of a feedback partition, and whether each is held for a notice that the catalogue does not know
-- grain: row
-- inputs: feedback, declared_notices
-- parameters: none
SELECT feedback.*, notice IS NOT NULL AND declared_notices.key IS NULL AS is_held
FROM feedback
LEFT JOIN declared_notices ON declared_notices.key = feedback.notice
