-- group_counts: how many rows of a partition break each rule that a group of equal texts can tell
-- grain: one row
-- inputs: judged_groups
-- parameters: none
SELECT
    coalesce(sum(landed), 0) AS landed,
    coalesce(sum(odd), 0) + coalesce(sum(landed) FILTER (
        service IS NULL OR user_type IS NULL OR action IS NULL OR feature IS NULL
    ), 0) AS odd,
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
