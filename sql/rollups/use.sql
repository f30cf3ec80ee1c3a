-- use: what each person used in a partition, and how often
-- grain: day x pseudonym x user_type (written on the events) x feature
-- inputs: accepted
-- parameters: none
SELECT
    occurred_at::DATE AS day,
    pseudonym,
    user_type,
    feature,
    count_if(action = 'open')::INTEGER AS opens,
    count_if(action = 'navigate')::INTEGER AS navigations,
    count_if(action = 'submit')::INTEGER AS submits,
    count_if(action = 'order')::INTEGER AS orders
FROM accepted
WHERE pseudonym IS NOT NULL
GROUP BY ALL
