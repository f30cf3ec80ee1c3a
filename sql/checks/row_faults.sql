-- row_faults: how many rows of a partition break each rule that a single row can tell, where some row does
-- grain: one row
-- inputs: landed
-- parameters: day DATE
SELECT
    coalesce(sum(missing), 0) AS values_present,
    coalesce(sum(unreadable), 0) AS values_readable,
    count(*) FILTER (occurred_at < $day OR occurred_at >= $day + INTERVAL 1 DAY) AS inside_the_day,
    count(*) FILTER (uuid_extract_version(event_id) NOT IN (4, 7)) AS event_id_random,
    count(*) FILTER (NOT consent AND pseudonym IS NOT NULL) AS no_pseudonym_without_consent,
    count(*) FILTER (consent AND pseudonym IS NULL) AS pseudonym_with_consent,
    count(*) FILTER (pseudonym <= 4294967296 OR pseudonym > 9223372036854775807) AS pseudonym_in_range,
    count(*) FILTER (NOT consent AND session_id IS NOT NULL) AS session_only_with_consent,
    count(*) FILTER (uuid_extract_version(session_id) <> 4) AS session_id_random
FROM landed
