-- person_places: where rows are of persons of whom something is doubted
-- grain: file x place
-- inputs: landed, sharing_persons, ending_persons, doubtful_persons
-- parameters: none
SELECT file, place
FROM landed
SEMI JOIN (FROM sharing_persons UNION FROM ending_persons UNION FROM doubtful_persons) AS asked USING (pseudonym)
