-- recipients_seen: who was shown a notice or did something with one
-- grain: recipient
-- inputs: judged_feedback
-- parameters: none
SELECT DISTINCT recipient
FROM judged_feedback
WHERE recipient IS NOT NULL
