-- doubtful_persons: pseudonyms that no single interval of consent covers from their first to their last event
-- grain: pseudonym
-- inputs: persons_seen, intervals
-- parameters: skew_seconds INTEGER
SELECT pseudonym
FROM persons_seen
WHERE NOT EXISTS (
    FROM intervals
    WHERE intervals.pseudonym = persons_seen.pseudonym
        AND persons_seen.first_at >= intervals.granted_at - to_seconds($skew_seconds)
        AND (intervals.withdrawn_at IS NULL OR persons_seen.last_at < intervals.withdrawn_at + to_seconds($skew_seconds))
)
