-- earlier_persons: the last day on which each person was active before a horizon; all that is needed to know who is new
-- grain: pseudonym
-- inputs: persons_before
-- parameters: none
SELECT max(day) AS day, pseudonym, NULL::VARCHAR AS user_type
FROM persons_before
GROUP BY pseudonym
