-- remembered_parts: what is left of `steps` or `marks` once sessions are forgotten
-- grain: that of the rollup
-- inputs: rollup_rows, remembered
-- parameters: none
SELECT *
FROM rollup_rows
SEMI JOIN remembered USING (day, session)
