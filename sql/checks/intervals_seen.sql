-- intervals_seen: the intervals of consent of those whose times are asked
-- grain: pseudonym, granted_at
-- inputs: person_spans, intervals
-- parameters: none
FROM intervals
SEMI JOIN person_spans USING (pseudonym)
