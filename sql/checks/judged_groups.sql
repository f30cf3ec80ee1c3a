-- judged_groups: the profile's groups, each judged against the catalogue
-- grain: service x user_type x action x feature
-- inputs: profile, declared_services, declared_user_types, declared_features
-- parameters: service VARCHAR
SELECT
    profile.*,
    profile.service IS DISTINCT FROM $service AND profile.service IS NOT NULL AS other_service,
    profile.action NOT IN ('open', 'navigate', 'submit', 'order') AS undeclared_action,
    NOT regexp_full_match(profile.service, '[a-z0-9._]{1,64}') AS shapeless_service,
    NOT regexp_full_match(profile.user_type, '[a-z0-9._]{1,64}') AS shapeless_user_type,
    NOT regexp_full_match(profile.feature, '[a-z0-9._]{1,64}') AS shapeless_feature,
    profile.service IS NOT NULL AND declared_services.key IS NULL AS undeclared_service,
    profile.user_type IS NOT NULL AND declared_user_types.key IS NULL AS undeclared_user_type,
    profile.feature IS NOT NULL AND declared_features.key IS NULL AS undeclared_feature,
    profile.service <> declared_features.service AS foreign_feature,
    profile.action IN ('open', 'navigate', 'submit', 'order')
        AND NOT list_contains(declared_features.actions, profile.action) AS unlisted_action,
    coalesce(undeclared_service, false) OR coalesce(undeclared_user_type, false) OR coalesce(undeclared_feature, false)
        OR coalesce(foreign_feature, false) OR coalesce(unlisted_action, false) AS is_held
FROM profile
LEFT JOIN declared_services ON declared_services.key = profile.service
LEFT JOIN declared_user_types ON declared_user_types.key = profile.user_type
LEFT JOIN declared_features ON declared_features.key = profile.feature
