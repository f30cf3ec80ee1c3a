-- withdrawals: each end of consent, when it was given again, when the person is forgotten, and begins anew
-- grain: pseudonym x withdrawn_at
-- inputs: consent_log
-- parameters: skew_seconds INTEGER
WITH settled AS (  -- at one instant `withdrawn` comes last
    SELECT pseudonym, changed_at, max(state) AS state
    FROM consent_log
    GROUP BY ALL
), turns AS (  -- what was never granted, or is said again, ends nothing
    SELECT *
    FROM settled
    QUALIFY state <> coalesce(lag(state) OVER (PARTITION BY pseudonym ORDER BY changed_at), 'withdrawn')
), ended AS (
    SELECT
        pseudonym,
        changed_at AS withdrawn_at,
        lead(changed_at) OVER (PARTITION BY pseudonym ORDER BY changed_at) AS granted_again_at,
        -- when the week and the month of the withdrawal have ended: who is still withdrawn then begins anew
        greatest(
            date_trunc('week', changed_at) + INTERVAL 7 DAY,
            date_trunc('month', changed_at) + INTERVAL 1 MONTH
        )::DATE AS forgotten_on
    FROM turns
    QUALIFY state = 'withdrawn'
)
SELECT
    *,
    -- the first day of which events are the new person's; what the skew lets in before is the old one's
    CASE WHEN granted_again_at >= forgotten_on
        THEN greatest(forgotten_on, (granted_again_at - to_seconds($skew_seconds))::DATE)
    END AS begins_anew_on
FROM ended
