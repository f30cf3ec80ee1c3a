-- forgotten: who was still withdrawn when the week and the month of the withdrawal had ended
-- grain: pseudonym; what is known of the days before `forgotten_on` goes
-- inputs: withdrawals
-- parameters: today DATE
SELECT pseudonym, max(forgotten_on) AS forgotten_on
FROM withdrawals
WHERE forgotten_on <= $today AND (granted_again_at IS NULL OR granted_again_at >= forgotten_on)
GROUP BY pseudonym
