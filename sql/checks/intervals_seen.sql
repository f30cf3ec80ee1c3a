-- intervals_seen: the intervals of consent of those whose times or sessions are asked
-- grain: pseudonym, granted_at
-- inputs: person_spans, sharing_persons, intervals
-- parameters: none
FROM intervals
SEMI JOIN (SELECT pseudonym FROM person_spans UNION FROM sharing_persons) AS asked USING (pseudonym)
