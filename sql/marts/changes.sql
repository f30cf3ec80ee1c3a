-- changes: distinct rows of the consent log by day
-- grain: beginning (the day)
-- inputs: spans, consent_log
-- parameters: none
WITH made AS (
    SELECT
        beginning,
        pseudonym,
        count(*) FILTER (state = 'granted') AS granted,
        count(*) FILTER (state = 'withdrawn') AS withdrawn
    FROM consent_log
    JOIN spans ON changed_at::DATE = spans.beginning
    GROUP BY ALL
)
SELECT
    beginning,
    sum(granted) AS granted,
    sum(withdrawn) AS withdrawn,
    count(*) FILTER (granted > 0) AS granted_known,
    count(*) FILTER (withdrawn > 0) AS withdrawn_known,
    max(granted) AS granted_top,
    max(withdrawn) AS withdrawn_top
FROM made
GROUP BY beginning
