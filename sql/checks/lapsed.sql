-- lapsed: events with a pseudonym whose consent was not in force when they happened
-- grain: event_id
-- inputs: looked_at, doubtful_persons, intervals_seen
-- parameters: skew_seconds INTEGER
-- Of an event without a time it is not known.
SELECT DISTINCT looked_at.event_id
FROM looked_at
SEMI JOIN doubtful_persons USING (pseudonym)
WHERE occurred_at IS NOT NULL AND NOT EXISTS (
    FROM intervals_seen
    WHERE intervals_seen.pseudonym = looked_at.pseudonym
        AND looked_at.occurred_at >= granted_at - to_seconds($skew_seconds)
        AND (withdrawn_at IS NULL OR looked_at.occurred_at < withdrawn_at + to_seconds($skew_seconds))
)
