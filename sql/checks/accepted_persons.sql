-- accepted_persons: the pseudonyms of a partition's accepted rows
-- grain: pseudonym
-- inputs: accepted
-- parameters: none
SELECT DISTINCT pseudonym
FROM accepted
WHERE pseudonym IS NOT NULL
