-- ending_persons: pseudonyms with events before an end of their consent and at or after it
-- grain: pseudonym
-- inputs: persons_seen, intervals
-- parameters: skew_seconds INTEGER
SELECT DISTINCT persons_seen.pseudonym
FROM persons_seen
JOIN intervals ON intervals.pseudonym = persons_seen.pseudonym
    AND persons_seen.first_at < intervals.withdrawn_at
    AND persons_seen.last_at >= intervals.withdrawn_at + to_seconds($skew_seconds)
