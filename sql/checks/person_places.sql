-- person_places: where rows are of persons whose sessions may be another's too, or go on after their consent
-- grain: file x place
-- inputs: landed, sharing_persons, ending_persons
-- parameters: none
SELECT file, place
FROM landed
SEMI JOIN (FROM sharing_persons UNION FROM ending_persons) AS asked USING (pseudonym)
