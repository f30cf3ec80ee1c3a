-- event_totals: events of everybody by kind, and how many of them carry no pseudonym
-- grain: beginning x user_type x feature, each also `all`
-- inputs: spans, totals
-- parameters: none
SELECT
    beginning,
    coalesce(user_type, 'all') AS user_type,
    coalesce(feature, 'all') AS feature,
    sum(events) AS events,
    coalesce(sum(events) FILTER (action = 'open'), 0) AS opens,
    coalesce(sum(events) FILTER (action = 'navigate'), 0) AS navigations,
    coalesce(sum(events) FILTER (action = 'submit'), 0) AS submits,
    coalesce(sum(events) FILTER (action = 'order'), 0) AS orders,
    sum(identified_events) AS identified_events,
    sum(events - identified_events) AS events_unidentified,
    coalesce(sum(events - identified_events) FILTER (action = 'open'), 0) AS opens_unidentified,
    coalesce(sum(events - identified_events) FILTER (action = 'navigate'), 0) AS navigations_unidentified,
    coalesce(sum(events - identified_events) FILTER (action = 'submit'), 0) AS submits_unidentified,
    coalesce(sum(events - identified_events) FILTER (action = 'order'), 0) AS orders_unidentified
FROM totals
JOIN spans ON totals.day BETWEEN spans.beginning AND spans.last
GROUP BY GROUPING SETS ((beginning, user_type, feature), (beginning, user_type), (beginning, feature), (beginning))
