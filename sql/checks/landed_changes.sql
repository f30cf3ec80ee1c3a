-- landed_changes: the changes of a consents partition
-- grain: pseudonym x changed_at x state
-- inputs: landed
-- parameters: none
SELECT DISTINCT pseudonym::BIGINT AS pseudonym, changed_at, left(state, 65) AS state
FROM landed
