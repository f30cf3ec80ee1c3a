-- lawful_persons: days on which somebody was active, for each row that they may be counted in
-- grain: beginning x pseudonym x day
-- inputs: spans, persons, withdrawals
-- parameters: none
-- A row begins at midnight of `beginning` and looks at the days from `first` to `last`. Who had withdrawn before it, and
-- not given consent again, is not in it; who was forgotten and gave it again is another person, who never withdrew.
SELECT spans.beginning, persons.day, persons.pseudonym, persons.user_type
FROM persons
JOIN spans ON persons.day BETWEEN spans.first AND spans.last
WHERE NOT EXISTS (
    FROM withdrawals
    WHERE withdrawals.pseudonym = persons.pseudonym
        AND withdrawals.withdrawn_at < spans.beginning
        AND CASE WHEN withdrawals.begins_anew_on IS NULL
            THEN withdrawals.granted_again_at IS NULL OR withdrawals.granted_again_at >= spans.beginning
            ELSE persons.day < withdrawals.begins_anew_on
        END
)
