-- lapsed: events with a pseudonym whose consent was not in force when they happened
-- grain: event_id
-- inputs: landed, doubtful_persons, intervals
-- parameters: skew_seconds INTEGER
SELECT DISTINCT landed.event_id
FROM landed
SEMI JOIN doubtful_persons USING (pseudonym)
WHERE NOT EXISTS (
    FROM intervals
    WHERE intervals.pseudonym = landed.pseudonym
        AND landed.occurred_at >= intervals.granted_at - to_seconds($skew_seconds)
        AND (intervals.withdrawn_at IS NULL OR landed.occurred_at < intervals.withdrawn_at + to_seconds($skew_seconds))
)
