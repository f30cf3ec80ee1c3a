-- held_groups: groups of rows that wait until the catalogue knows them
-- grain: service x user_type x action x feature
-- inputs: judged_groups
-- parameters: none
SELECT service, user_type, action, feature, landed
FROM judged_groups
WHERE is_held
