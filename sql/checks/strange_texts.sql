-- strange_texts: texts that no column holds, for the detectors: values that do not cast, and those of unlisted columns
-- grain: text x is_unlisted
-- inputs: landed
-- parameters: none
SELECT text, is_unlisted, count(*) AS row_count
FROM (
    SELECT unnest(unread) AS text, false AS is_unlisted FROM landed
    UNION ALL
    SELECT unnest(unlisted), true FROM landed
)
WHERE text IS NOT NULL
GROUP BY ALL
ORDER BY ALL
