-- earlier_use: the last day on which each person used each feature before a horizon; all that is needed to know a first use
-- grain: pseudonym x feature
-- inputs: use_before
-- parameters: none
SELECT
    max(day) AS day,
    pseudonym,
    NULL::VARCHAR AS user_type,
    feature,
    0 AS opens,
    0 AS navigations,
    0 AS submits,
    0 AS orders
FROM use_before
GROUP BY pseudonym, feature
