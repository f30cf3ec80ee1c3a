-- repeated_feedback: the rows whose event id stands more than once, equal ones as one
-- grain: different row of a repeated event id
-- inputs: judged_feedback
-- parameters: none
SELECT event_id, occurred_at, notice, kind, rating, recipient, company, is_held, count(*) AS times
FROM judged_feedback
SEMI JOIN (SELECT event_id FROM judged_feedback GROUP BY event_id HAVING count(event_id) > 1) USING (event_id)
GROUP BY ALL
