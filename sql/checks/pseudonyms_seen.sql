-- pseudonyms_seen: whose rows there are
-- grain: pseudonym
-- inputs: landed
-- parameters: none
SELECT DISTINCT pseudonym
FROM landed
WHERE pseudonym IS NOT NULL
