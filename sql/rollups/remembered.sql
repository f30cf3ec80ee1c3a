-- remembered: what is left of a rollup of persons without those who are forgotten
-- grain: that of the rollup
-- inputs: rollup_rows, forgotten
-- parameters: none
SELECT *
FROM rollup_rows
WHERE NOT EXISTS (
    FROM forgotten
    WHERE forgotten.pseudonym = rollup_rows.pseudonym AND rollup_rows.day < forgotten.forgotten_before
)
