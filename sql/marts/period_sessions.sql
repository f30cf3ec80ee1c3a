-- period_sessions: sessions that began in a period, stitched over midnights and cut at its end
-- grain: pseudonym x life x session_id
-- inputs: lived_sessions
-- parameters: first DATE, last DATE
SELECT
    pseudonym,
    life,
    session_id,
    arg_min(user_type, day) AS user_type,
    min(first_at) AS first_at,
    max(last_at) AS last_at,
    sum(events)::BIGINT AS events
FROM lived_sessions
WHERE day <= $last
GROUP BY ALL
HAVING min(day) >= $first
