-- feedback_once: the different rows of a feedback partition, and whether the catalogue knows their notice
-- grain: different row
-- inputs: feedback, declared_notices
-- parameters: none
WITH once AS (
    SELECT
        event_id, occurred_at, notice, kind, rating, recipient, company,
        count(*) AS times,
        sum(unreadable) AS unreadable,
        sum(lost) AS lost
    FROM feedback
    GROUP BY ALL
)
SELECT once.*, once.notice IS NOT NULL AND declared_notices.key IS NULL AS is_held
FROM once
LEFT JOIN declared_notices ON declared_notices.key = once.notice
