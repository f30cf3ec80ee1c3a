-- strange_texts: texts that no column holds, for the detectors: values that do not cast, and those of unlisted columns
-- grain: text x is_unlisted
-- inputs: strange_lists
-- parameters: none
-- Their partition is quarantined anyhow: the beginnings of so many tell why, whatever has landed.
SELECT left(text, 300) AS text, is_unlisted, count(*) AS row_count
FROM (
    SELECT unnest(unread) AS text, false AS is_unlisted FROM strange_lists
    UNION ALL
    SELECT unnest(unlisted), true FROM strange_lists
)
WHERE text IS NOT NULL
GROUP BY ALL
ORDER BY ALL
LIMIT 100_000
