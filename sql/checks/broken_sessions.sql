-- broken_sessions: sessions of two persons, and sessions that went on after their person's consent had ended
-- grain: session_id
-- inputs: session_spans, looked_at, intervals_seen
-- parameters: skew_seconds INTEGER
SELECT
    session_id,
    pseudonym <> other_pseudonym AS is_of_two,
    coalesce(is_outliving, false) AS is_outliving
FROM session_spans
LEFT JOIN (
    SELECT DISTINCT session_spans.session_id, true AS is_outliving
    FROM session_spans
    JOIN looked_at USING (session_id)  -- whoever of several persons it is whose consent ended
    JOIN intervals_seen ON intervals_seen.pseudonym = looked_at.pseudonym
        AND session_spans.first_at < withdrawn_at
        AND session_spans.last_at >= withdrawn_at + to_seconds($skew_seconds)
) AS outliving USING (session_id)
WHERE is_of_two OR is_outliving
