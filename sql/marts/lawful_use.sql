-- lawful_use: what somebody used on a day, for each row that they may be counted in
-- grain: beginning x pseudonym x day x user_type (written on the events) x feature
-- inputs: spans, use, withdrawals
-- parameters: none
-- The rule is that of `lawful_persons`.
SELECT spans.beginning, use.*
FROM use
JOIN spans ON use.day BETWEEN spans.first AND spans.last
WHERE NOT EXISTS (
    FROM withdrawals
    WHERE withdrawals.pseudonym = use.pseudonym
        AND withdrawals.withdrawn_at < spans.beginning
        AND CASE WHEN withdrawals.begins_anew_on IS NULL
            THEN withdrawals.granted_again_at IS NULL OR withdrawals.granted_again_at >= spans.beginning
            ELSE use.day < withdrawals.begins_anew_on
        END
)
