-- known: the last day on which each person used each feature, up to a day; spares reading what lies before it
-- grain: pseudonym x feature
-- inputs: use_before
-- parameters: oldest DATE
SELECT max(day) AS day, pseudonym, feature
FROM use_before
WHERE day >= $oldest
GROUP BY pseudonym, feature
