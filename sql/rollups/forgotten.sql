-- forgotten: who was still withdrawn when the week and the month of the withdrawal had ended
-- grain: pseudonym; what is known of the days before `forgotten_before` goes
-- inputs: withdrawals
-- parameters: today DATE, closed DATE
-- Rows that begin on `closed` or later may not have their figures yet: who withdrew since then is still in them.
SELECT
    pseudonym,
    max(coalesce(begins_anew_on, DATE '9999-12-31')) AS forgotten_before,
    max(withdrawn_at)::DATE AS withdrawn_on
FROM withdrawals
WHERE forgotten_on <= $today
    AND withdrawn_at < $closed
    AND (granted_again_at IS NULL OR granted_again_at >= forgotten_on)
GROUP BY pseudonym
