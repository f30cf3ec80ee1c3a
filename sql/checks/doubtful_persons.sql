-- doubtful_persons: pseudonyms that no single interval of consent covers from their first to their last event
-- grain: pseudonym
-- inputs: persons_seen, intervals_seen
-- parameters: skew_seconds INTEGER
SELECT pseudonym
FROM persons_seen
WHERE NOT EXISTS (
    FROM intervals_seen
    WHERE intervals_seen.pseudonym = persons_seen.pseudonym
        AND persons_seen.first_at >= granted_at - to_seconds($skew_seconds)
        AND (withdrawn_at IS NULL OR persons_seen.last_at < withdrawn_at + to_seconds($skew_seconds))
)
