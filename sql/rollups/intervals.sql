-- intervals: when each pseudonym's consent was in force, from the consent log
-- grain: pseudonym x granted_at; [granted_at, withdrawn_at), null where it is not withdrawn
-- inputs: consent_log
-- parameters: none
WITH settled AS (  -- at one instant `withdrawn` comes last
    SELECT pseudonym, changed_at, max(state) AS state
    FROM consent_log
    GROUP BY ALL
), turns AS (  -- what was never granted, or is said again, cuts nothing
    SELECT *
    FROM settled
    QUALIFY state <> coalesce(lag(state) OVER (PARTITION BY pseudonym ORDER BY changed_at), 'withdrawn')
)
SELECT
    pseudonym,
    changed_at AS granted_at,
    lead(changed_at) OVER (PARTITION BY pseudonym ORDER BY changed_at) AS withdrawn_at
FROM turns
QUALIFY state = 'granted'
