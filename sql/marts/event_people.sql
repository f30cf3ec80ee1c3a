-- event_people: how many identified people are behind events, and the most that one of them made
-- grain: beginning x user_type (written on the events) x feature, each also `all`
-- inputs: spans, use
-- parameters: none
WITH made AS (
    SELECT
        beginning,
        pseudonym,
        coalesce(user_type, 'all') AS user_type,
        coalesce(feature, 'all') AS feature,
        sum(opens + navigations + submits + orders) AS events,
        sum(opens) AS opens,
        sum(navigations) AS navigations,
        sum(submits) AS submits,
        sum(orders) AS orders
    FROM use
    JOIN spans ON use.day BETWEEN spans.beginning AND spans.last
    GROUP BY GROUPING SETS (
        (beginning, pseudonym, user_type, feature), (beginning, pseudonym, user_type),
        (beginning, pseudonym, feature), (beginning, pseudonym)
    )
)
SELECT
    beginning,
    user_type,
    feature,
    count(*) FILTER (events > 0) AS events_known,
    count(*) FILTER (opens > 0) AS opens_known,
    count(*) FILTER (navigations > 0) AS navigations_known,
    count(*) FILTER (submits > 0) AS submits_known,
    count(*) FILTER (orders > 0) AS orders_known,
    max(events) AS events_top,
    max(opens) AS opens_top,
    max(navigations) AS navigations_top,
    max(submits) AS submits_top,
    max(orders) AS orders_top
FROM made
GROUP BY ALL
