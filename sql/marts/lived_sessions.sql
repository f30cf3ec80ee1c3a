-- lived_sessions: a session's part on each day, and whose it is: who was forgotten begins another life
-- grain: pseudonym x session_id x day
-- inputs: session_days, withdrawals
-- parameters: none
SELECT session_days.*, coalesce(lives.begun_on, DATE '0001-01-01') AS life
FROM session_days
LEFT JOIN (
    SELECT
        pseudonym,
        begins_anew_on AS begun_on,
        lead(begins_anew_on, 1, DATE '9999-12-31') OVER (PARTITION BY pseudonym ORDER BY begins_anew_on) AS ended_on
    FROM withdrawals
    WHERE begins_anew_on IS NOT NULL
) AS lives
    ON lives.pseudonym = session_days.pseudonym AND day >= begun_on AND day < ended_on
