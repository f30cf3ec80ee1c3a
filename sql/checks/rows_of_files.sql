-- rows_of_files: how many rows each file of a partition has
-- grain: file
-- inputs: landed
-- parameters: none
SELECT file, count(*) AS row_count
FROM landed
GROUP BY file
ORDER BY file
