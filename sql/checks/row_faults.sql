-- row_faults: how many values of a partition are missing or cannot be read, and how many rows lie outside its day
-- grain: one row
-- inputs: landed
-- parameters: day DATE, ids BIGINT
-- `ids` is how many rows have an event id: it is known, and ids are dear to read.
-- An id that cannot be read is no missing one: what the rules of consent counted of nulls is put right by the last three.
SELECT
    coalesce(
        7 * count(*) - $ids - count(occurred_at) - count(service) - count(user_type) - count(action) - count(feature)
        - count(consent) - sum(lost),
        0
    )::BIGINT AS values_present,
    coalesce(sum(unreadable), 0)::BIGINT AS values_readable,
    count(*) FILTER (
        occurred_at IS NOT NULL
        -- xor: as in `profile`.
        AND (xor(occurred_at_us, 0) BETWEEN epoch_us($day::TIMESTAMP) AND epoch_us($day::TIMESTAMP + INTERVAL 1 DAY) - 1)
            IS NOT TRUE
    ) AS inside_the_day,
    count(*) FILTER (NOT consent AND pseudonym_unread = 1) AS no_pseudonym_without_consent,
    -count(*) FILTER (consent AND pseudonym_unread = 1) AS pseudonym_with_consent,
    count(*) FILTER (NOT consent AND session_id_unread = 1) AS session_only_with_consent,
    coalesce(sum(pseudonym_unread), 0)::BIGINT AS pseudonym_unread
FROM landed
