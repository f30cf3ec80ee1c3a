-- consent_changes_judged: how many changes of a consents partition contradict the log up to that day
-- grain: one row
-- inputs: landed, earlier_changes
-- parameters: none
WITH changes AS (
    SELECT pseudonym::BIGINT AS pseudonym, changed_at, state, true AS is_today FROM landed
    UNION
    SELECT pseudonym, changed_at, state, false FROM earlier_changes
), ordered AS (
    SELECT
        *,
        lag(state) OVER (PARTITION BY pseudonym ORDER BY changed_at, state) AS state_before,
        count(*) OVER (PARTITION BY pseudonym, changed_at) AS at_one_instant
    FROM changes
)
SELECT
    count_if(is_today AND state = 'withdrawn' AND state_before IS DISTINCT FROM 'granted') AS withdrawal_after_grant,
    count_if(is_today AND state = 'withdrawn' AND at_one_instant > 1) AS consent_not_contradictory
FROM ordered
