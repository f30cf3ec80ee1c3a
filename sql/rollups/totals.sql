-- totals: events of everybody in a partition, and how many of them carry a pseudonym
-- grain: day x user_type x feature x action
-- inputs: accepted
-- parameters: day DATE
SELECT $day AS day, user_type, feature, action, count(*) AS events, count(pseudonym) AS identified_events
FROM accepted
GROUP BY ALL
