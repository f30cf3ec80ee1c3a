-- consent_contradictions: changes of the consent log that contradict what was in force before them
-- grain: partition day
-- inputs: changes
-- parameters: none
WITH ordered AS (
    SELECT
        *,
        lag(state) OVER (PARTITION BY pseudonym ORDER BY changed_at, state) AS state_before,
        count(*) OVER (PARTITION BY pseudonym, changed_at) AS at_one_instant
    FROM (SELECT DISTINCT day, pseudonym, changed_at, state FROM changes)
)
SELECT
    day,
    count(*) FILTER (state = 'withdrawn' AND state_before IS DISTINCT FROM 'granted') AS withdrawal_after_grant,
    count(*) FILTER (state = 'withdrawn' AND at_one_instant > 1) AS consent_not_contradictory
FROM ordered
GROUP BY day
