-- recipients_seen: who was shown a notice or did something with one
-- grain: recipient
-- inputs: feedback_once
-- parameters: none
SELECT DISTINCT recipient
FROM feedback_once
WHERE recipient IS NOT NULL
