-- group_counts: how many rows of a partition break each rule that a group of equal texts can tell
-- grain: one row
-- inputs: judged_groups
-- parameters: none
SELECT
    coalesce(sum(landed), 0) AS landed,
    coalesce(sum(values_present), 0) AS values_present,
    coalesce(sum(values_readable), 0) AS values_readable,
    coalesce(sum(inside_the_day), 0) AS inside_the_day,
    coalesce(sum(event_id_random), 0) AS event_id_random,
    coalesce(sum(no_pseudonym_without_consent), 0) AS no_pseudonym_without_consent,
    coalesce(sum(pseudonym_with_consent), 0) AS pseudonym_with_consent,
    coalesce(sum(pseudonym_in_range), 0) AS pseudonym_in_range,
    coalesce(sum(session_only_with_consent), 0) AS session_only_with_consent,
    coalesce(sum(session_id_random), 0) AS session_id_random,
    coalesce(sum(landed) FILTER (other_service), 0) AS service_is_the_folders,
    coalesce(sum(landed) FILTER (undeclared_action), 0) AS action_declared,
    coalesce(sum(landed) FILTER (shapeless_service), 0) AS service_is_a_key,
    coalesce(sum(landed) FILTER (shapeless_user_type), 0) AS user_type_is_a_key,
    coalesce(sum(landed) FILTER (shapeless_feature), 0) AS feature_is_a_key,
    coalesce(sum(landed) FILTER (undeclared_service), 0) AS service_declared,
    coalesce(sum(landed) FILTER (undeclared_user_type), 0) AS user_type_declared,
    coalesce(sum(landed) FILTER (undeclared_feature), 0) AS feature_declared,
    coalesce(sum(landed) FILTER (foreign_feature), 0) AS feature_of_its_service,
    coalesce(sum(landed) FILTER (unlisted_action), 0) AS action_listed
FROM judged_groups
