-- ndjson_shape: how many lines of an NDJSON file are not objects of exactly the listed keys, each with a plain value
-- grain: one row
-- inputs: lines
-- parameters: listed VARCHAR[]
SELECT
    -- An event has some hundred bytes: what has a million, its texts cut, is none, and would only fill the memory.
    count(*) FILTER (
        json_type(json) <> 'OBJECT'
        OR strlen(json) > 1_000_000
        -- What reads the lines lets a comma stand before a closing bracket, which is no JSON; in a text it may stand.
        OR regexp_matches(json::VARCHAR, ',\s*[}\]]')
        AND regexp_matches(
            regexp_replace(json::VARCHAR, '"([^"\\]|\\.)*"', '', 'g'), ',\s*[}\]]'
        )
    ) AS no_object,
    count(*) FILTER (
        len(list_filter(json_keys(json), lambda key: NOT list_contains($listed, key))) > 0
        OR len(json_keys(json)) > len(list_distinct(json_keys(json)))
    ) AS extra,
    count(*) FILTER (len(list_filter($listed, lambda key: NOT list_contains(json_keys(json), key))) > 0) AS missing,
    count(*) FILTER (
        len(list_filter(json_extract(json, '$.*'), lambda value: json_type(value) IN ('OBJECT', 'ARRAY'))) > 0
    ) AS mistyped,
    list_distinct(flatten(list(json_keys(json)) FILTER (
        len(list_filter(json_keys(json), lambda key: NOT list_contains($listed, key))) > 0
    ))) AS names
FROM lines
