-- lapsed_places: where rows are of persons whose consent was not always in force, of whom some may be held as well
-- grain: file x place
-- inputs: landed, lapsed
-- parameters: none
SELECT file, place
FROM landed
SEMI JOIN lapsed USING (pseudonym)
