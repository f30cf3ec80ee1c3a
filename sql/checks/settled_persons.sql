-- settled_persons: pseudonyms whose consent is in force from `first` to `until`, and does not end between
-- grain: pseudonym
-- inputs: intervals
-- parameters: first TIMESTAMP, until TIMESTAMP, skew_seconds INTEGER
SELECT DISTINCT pseudonym
FROM intervals
ANTI JOIN (FROM intervals WHERE withdrawn_at > $first AND withdrawn_at < $until) AS ended USING (pseudonym)
WHERE granted_at <= $first + to_seconds($skew_seconds)
    AND (withdrawn_at IS NULL OR withdrawn_at >= $until)
