-- ending_persons: pseudonyms with events before an end of their consent and at or after it
-- grain: pseudonym
-- inputs: persons_seen, intervals_seen
-- parameters: skew_seconds INTEGER
SELECT DISTINCT persons_seen.pseudonym
FROM persons_seen
JOIN intervals_seen ON intervals_seen.pseudonym = persons_seen.pseudonym
    AND persons_seen.first_at < withdrawn_at
    AND persons_seen.last_at >= withdrawn_at + to_seconds($skew_seconds)
