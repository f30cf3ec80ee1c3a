-- intervals_seen: the intervals of consent of who is seen in a partition
-- grain: pseudonym, granted_at
-- inputs: persons_seen, intervals
-- parameters: none
FROM intervals
SEMI JOIN persons_seen USING (pseudonym)
