-- persons_seen: the pseudonyms of a partition, with the first and the last time of each
-- grain: pseudonym
-- inputs: landed
-- parameters: none
SELECT pseudonym, min(occurred_at) AS first_at, max(occurred_at) AS last_at
FROM landed
WHERE pseudonym IS NOT NULL
GROUP BY pseudonym
