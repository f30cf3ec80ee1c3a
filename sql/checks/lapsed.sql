-- lapsed: events with a pseudonym whose consent was not in force when they happened
-- grain: event_id
-- inputs: landed, doubtful_persons, intervals_seen
-- parameters: skew_seconds INTEGER
SELECT DISTINCT landed.event_id
FROM landed
SEMI JOIN doubtful_persons USING (pseudonym)
WHERE NOT EXISTS (
    FROM intervals_seen
    WHERE intervals_seen.pseudonym = landed.pseudonym
        AND landed.occurred_at >= granted_at - to_seconds($skew_seconds)
        AND (withdrawn_at IS NULL OR landed.occurred_at < withdrawn_at + to_seconds($skew_seconds))
)
