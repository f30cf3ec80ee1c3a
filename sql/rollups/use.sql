-- use: what each person used in a partition, and how often
-- grain: day x pseudonym x user_type (written on the events) x feature
-- inputs: accepted
-- parameters: none
SELECT
    occurred_at::DATE AS day,
    pseudonym,
    user_type,
    feature,
    count(*) FILTER (action = 'open')::INTEGER AS opens,
    count(*) FILTER (action = 'navigate')::INTEGER AS navigations,
    count(*) FILTER (action = 'submit')::INTEGER AS submits,
    count(*) FILTER (action = 'order')::INTEGER AS orders
FROM accepted
WHERE pseudonym IS NOT NULL
GROUP BY ALL
