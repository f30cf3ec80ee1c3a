-- lapsed: when there were events with a pseudonym whose consent was not in force then, and how many
-- grain: pseudonym x occurred_at
-- inputs: asked_rows, doubtful_persons, intervals_seen
-- parameters: skew_seconds INTEGER
-- Of an event without a time it is not known.
SELECT pseudonym, occurred_at, count(*) AS times
FROM asked_rows
SEMI JOIN doubtful_persons USING (pseudonym)
WHERE occurred_at IS NOT NULL AND NOT EXISTS (
    FROM intervals_seen
    WHERE intervals_seen.pseudonym = asked_rows.pseudonym
        AND asked_rows.occurred_at >= granted_at - to_seconds($skew_seconds)
        AND (withdrawn_at IS NULL OR asked_rows.occurred_at < withdrawn_at + to_seconds($skew_seconds))
)
GROUP BY ALL
