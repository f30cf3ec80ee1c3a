-- ending_persons: pseudonyms with events before an end of their consent and at or after it
-- grain: pseudonym
-- inputs: person_spans, intervals_seen
-- parameters: skew_seconds INTEGER
SELECT DISTINCT person_spans.pseudonym
FROM person_spans
JOIN intervals_seen ON intervals_seen.pseudonym = person_spans.pseudonym
    AND person_spans.first_at < withdrawn_at
    AND person_spans.last_at >= withdrawn_at + to_seconds($skew_seconds)
