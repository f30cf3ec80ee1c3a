-- doubtful_persons: pseudonyms that no single interval of consent covers from their first to their last event
-- grain: pseudonym
-- inputs: person_spans, intervals_seen
-- parameters: skew_seconds INTEGER
SELECT pseudonym
FROM person_spans
WHERE NOT EXISTS (
    FROM intervals_seen
    WHERE intervals_seen.pseudonym = person_spans.pseudonym
        AND person_spans.first_at >= granted_at - to_seconds($skew_seconds)
        AND (withdrawn_at IS NULL OR person_spans.last_at < withdrawn_at + to_seconds($skew_seconds))
)
