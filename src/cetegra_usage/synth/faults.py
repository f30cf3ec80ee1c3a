"""The faults that can be seeded: at least one for each expectation, and some that damage a partition's folder."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING
from uuid import NAMESPACE_DNS, UUID, uuid5

from cetegra_usage.synth import broken_consents as consents
from cetegra_usage.synth import broken_events as events
from cetegra_usage.synth import broken_feedback as feedback
from cetegra_usage.synth import broken_files as files
from cetegra_usage.synth.fault import Fault
from cetegra_usage.synth.rows import edit, made_up_pseudonym

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


def _event_id_of_a_machine(_: bytes, number: int) -> bytes:
    """Return an id of version 1, with a hardware address that is kept for examples."""
    return UUID(f"{number + 1:08x}-1a2b-11f0-8000-00005e005301").bytes


def _next_day(at: datetime, _: int) -> datetime:
    return at + timedelta(days=1)


_SESSION = UUID("5e551011-0000-4000-8000-000000000001").bytes
_SESSION_OF_A_MACHINE = UUID("5e551011-1a2b-11f0-8000-00005e005301").bytes
_ANSWER = UUID("a45e4000-0000-4000-8000-000000000001").bytes
_COMPANY_OF_A_NAME = uuid5(NAMESPACE_DNS, "example.org").bytes

_EVENT_FAULTS = (
    Fault("extra_column", "no_extra_columns", "fields-listed", events.extra_column, "a column that nobody was told of"),
    Fault("missing_column", "no_missing_columns", "fields-listed", events.missing_column, "a column that is not there"),
    Fault("mistyped_column", "no_mistyped_columns", "fields-listed", events.mistyped_column, "a nested value"),
    Fault("null_value", "values_present", "fields-listed", edit("declined", action=None), "events without an action"),
    Fault(
        "unreadable_value",
        "values_readable",
        "fields-listed",
        events.unreadable_value,
        "session ids written as the word that a script has for nothing",
    ),
    Fault(
        "wrong_service",
        "service_is_the_folders",
        "fields-listed",
        edit("declined", service="docs", feature="docs.article", action="open"),
        "events of docs in the folder of workspace",
    ),
    Fault(
        "outside_the_day",
        "inside_the_day",
        "fields-listed",
        edit("declined", occurred_at=_next_day),
        "events of the next day",
    ),
    Fault(
        "reused_event_id", "event_id_unique", "fields-listed", events.reused_event_id, "one id for two different events"
    ),
    Fault(
        "event_id_of_a_machine",
        "event_id_random",
        "unlinkable-without-consent",
        edit("declined", event_id=_event_id_of_a_machine),
        "event ids of version 1, which carry a hardware address",
    ),
    Fault(
        "id_without_consent",
        "no_pseudonym_without_consent",
        "id-only-with-consent",
        edit("identified", consent=False, session_id=None),
        "a pseudonym on events that say there is no consent",
    ),
    Fault(
        "consent_without_id",
        "pseudonym_with_consent",
        "id-only-with-consent",
        edit("identified", pseudonym=None, session_id=None),
        "no pseudonym on events that say there is consent",
    ),
    Fault(
        "account_number",
        "pseudonym_in_range",
        "id-opaque",
        edit("identified", pseudonym=4711, session_id=None),
        "an account's own number for a pseudonym",
        follows=("consent_in_force",),
    ),
    Fault(
        "counted_pseudonyms",
        "pseudonym_not_sequential",
        "id-opaque",
        events.counted_pseudonyms,
        "persons who are numbered one by one",
        follows=("consent_in_force",),
    ),
    Fault(
        "account_digest",
        "pseudonym_no_account_digest",
        "id-opaque",
        edit("identified", pseudonym=events.digest_as_pseudonym(), session_id=None),
        "a pseudonym cut from the digest of an account's id",
        follows=("consent_in_force",),
    ),
    Fault(
        "session_without_consent",
        "session_only_with_consent",
        "session-only-with-consent",
        edit("declined", session_id=_SESSION),
        "a session id on events without consent",
    ),
    Fault(
        "session_of_a_machine",
        "session_id_random",
        "session-only-with-consent",
        edit("in a session", 1, session_id=_SESSION_OF_A_MACHINE),
        "a session id of version 1",
    ),
    Fault(
        "unknown_action",
        "action_declared",
        "no-content",
        edit("declined", action="delete"),
        "an action that is none of the four",
    ),
    Fault(
        "shapeless_feature",
        "feature_is_a_key",
        "no-content",
        edit("declined", feature="Cases.List"),
        "a feature that is not written as a key",
        follows=("feature_declared",),
    ),
    Fault(
        "shapeless_service",
        "service_is_a_key",
        "no-content",
        edit("declined", service="Workspace"),
        "a service that is not written as a key",
        follows=("service_is_the_folders", "service_declared", "feature_of_its_service"),
    ),
    Fault(
        "shapeless_user_type",
        "user_type_is_a_key",
        "no-content",
        edit("declined", user_type="Basic-User"),
        "a user type that is not written as a key",
        follows=("user_type_declared",),
    ),
    Fault(
        "network_address",
        "no_device_data",
        "no-device-data",
        edit("declined", feature="open_10.2.3.4"),
        "a network address in a feature",
        follows=("feature_declared",),
    ),
    Fault(
        "mail_address",
        "no_direct_identifiers",
        "no-direct-identifiers",
        edit("declined", feature="cases.post_at_example_dot_org"),
        "a mail address in a feature",
        follows=("feature_declared",),
    ),
    Fault(
        "case_number",
        "no_content_values",
        "no-content",
        edit("declined", feature="inc0012345"),
        "a case's number in a feature",
        follows=("feature_declared",),
    ),
    Fault(
        "sensitive_word",
        "no_sensitive_words",
        "no-sensitive-data",
        edit("declined", feature="trade_union_member"),
        "a word of a sensitive kind in a feature",
        follows=("feature_declared",),
    ),
    Fault(
        "person_name",
        "no_person_names",
        "no-direct-identifiers",
        edit("declined", feature="case_kari_nordmann"),
        "a made-up person's name in a feature",
        "accepted",
        follows=("feature_declared",),
    ),
    Fault(
        "unknown_service",
        "service_declared",
        "in-scope",
        events.unknown_service,
        "a third service",
        "accepted",
        follows=("feature_declared",),
        service="portal",
    ),
    Fault(
        "unknown_user_type",
        "user_type_declared",
        "user-type-known",
        edit("declined", user_type="partner_user"),
        "a user type that the catalogue does not know",
        "accepted",
    ),
    Fault(
        "unknown_feature",
        "feature_declared",
        "no-content",
        edit("declined", feature="applications.compare"),
        "a feature that the catalogue does not know",
        "accepted",
    ),
    Fault(
        "feature_of_other_service",
        "feature_of_its_service",
        "no-content",
        edit("declined", feature="docs.article", action="open"),
        "a feature of docs, used in workspace",
        "accepted",
    ),
    Fault(
        "unlisted_action",
        "action_listed",
        "no-content",
        edit("declined", feature="home.dashboard", action="order"),
        "an action that the feature does not list",
        "accepted",
    ),
    Fault(
        "id_never_granted",
        "consent_in_force",
        "consent-at-the-time",
        edit("declined", consent=True, pseudonym=made_up_pseudonym("id_never_granted")),
        "a pseudonym of which the consent log knows nothing",
        "accepted",
    ),
    Fault(
        "late_withdrawal",
        "consent_in_force",
        "consent-at-the-time",
        events.withdrawn_before,
        "events with the pseudonym of a person who, by the log, had withdrawn before them",
        "accepted",
    ),
    Fault(
        "session_of_two",
        "session_one_person",
        "session-is-a-tab",
        events.session_of_two,
        "a session of two persons",
        "accepted",
    ),
    Fault(
        "session_over_withdrawal",
        "session_ends_with_consent",
        "session-is-a-tab",
        events.session_over_withdrawal,
        "a session that goes on after consent had ended (and begun again)",
        "accepted",
    ),
    Fault(
        "session_for_days",
        "session_short",
        "session-is-a-tab",
        events.session_for_days,
        "a session that was there eight days before",
        "accepted",
        looks_back_days=events.LONGEST_SESSION_DAYS + 1,
    ),
    Fault(
        "pseudonym_of_both",
        "pseudonym_one_service",
        "no-cross-service",
        events.pseudonym_of_both,
        "a pseudonym of docs in workspace on the same day",
        "accepted",
    ),
    Fault("few_rows", "volume_as_usual", None, events.few_rows, "one row of fifty", "accepted", looks_back_days=14),
    Fault(
        "duplicate_equal",
        None,
        None,
        events.repeated_rows,
        "events that landed twice, equal in all columns",
        "accepted",
    ),
)

_CONSENT_FAULTS = (
    Fault(
        "consents_extra_column",
        "consent_no_extra_columns",
        "fields-listed",
        consents.extra_column,
        "a column that nobody was told of",
    ),
    Fault(
        "consents_missing_column",
        "consent_no_missing_columns",
        "fields-listed",
        consents.missing_column,
        "a column that is not there",
    ),
    Fault(
        "consents_mistyped_column",
        "consent_no_mistyped_columns",
        "fields-listed",
        consents.mistyped_column,
        "a nested value",
    ),
    Fault(
        "consents_null_value",
        "consent_values_present",
        "fields-listed",
        consents.add("consents_null_value", {"state": None}),
        "a change without a state",
    ),
    Fault(
        "consents_unreadable_value",
        "consent_values_readable",
        "fields-listed",
        consents.unreadable_value,
        "a time in words",
    ),
    Fault(
        "consents_outside_the_day",
        "consent_inside_the_day",
        "fields-listed",
        consents.add("consents_outside_the_day", {"changed_at": timedelta(days=1)}),
        "a change of the next day",
    ),
    Fault(
        "consents_unknown_state",
        "consent_state_declared",
        "choice-any-time",
        consents.add("consents_unknown_state", {"state": "paused"}),
        "a state that is none of the two",
    ),
    Fault(
        "consents_account_number",
        "consent_pseudonym_in_range",
        "id-opaque",
        consents.add("consents_account_number", {"pseudonym": 4711}),
        "an account's own number for a pseudonym",
    ),
    Fault(
        "withdrawal_without_grant",
        "withdrawal_after_grant",
        "choice-any-time",
        consents.add("withdrawal_without_grant", {"state": "withdrawn"}),
        "a withdrawal by a person who never gave consent",
        "accepted",
    ),
    Fault(
        "contradictory_changes",
        "consent_not_contradictory",
        "choice-any-time",
        consents.add("contradictory_changes", {}, {"state": "withdrawn"}),
        "consent given and withdrawn at one instant",
        "accepted",
    ),
)

_FEEDBACK_FAULTS = (
    Fault(
        "feedback_extra_column",
        "feedback_no_extra_columns",
        "fields-listed",
        feedback.extra_column,
        "a column that nobody was told of",
    ),
    Fault(
        "feedback_missing_column",
        "feedback_no_missing_columns",
        "fields-listed",
        feedback.missing_column,
        "a column that is not there",
    ),
    Fault(
        "feedback_mistyped_column",
        "feedback_no_mistyped_columns",
        "fields-listed",
        feedback.mistyped_column,
        "ratings that may have a fraction",
    ),
    Fault(
        "feedback_null_value",
        "feedback_values_present",
        "fields-listed",
        feedback.add("feedback_null_value", {"kind": None}),
        "a row that does not say what was done",
    ),
    Fault(
        "feedback_unreadable_value",
        "feedback_values_readable",
        "fields-listed",
        feedback.unreadable_value,
        "a rating in words",
    ),
    Fault(
        "feedback_outside_the_day",
        "feedback_inside_the_day",
        "fields-listed",
        feedback.add("feedback_outside_the_day", {"occurred_at": timedelta(days=1)}),
        "an answer of the next day",
    ),
    Fault(
        "feedback_reused_id",
        "feedback_id_unique",
        "fields-listed",
        feedback.add("feedback_reused_id", {"event_id": _ANSWER}, {"event_id": _ANSWER, "rating": 4}),
        "one id for two different answers",
    ),
    Fault(
        "feedback_id_of_a_machine",
        "feedback_id_random",
        "unlinkable-without-consent",
        feedback.add("feedback_id_of_a_machine", {"event_id": _SESSION_OF_A_MACHINE}),
        "an event id of version 1, which carries a hardware address",
    ),
    Fault(
        "rating_of_a_notice_shown",
        "rating_with_answer",
        "fields-listed",
        feedback.add("rating_of_a_notice_shown", {"kind": "shown", "rating": 5}),
        "a rating without an answer",
    ),
    Fault(
        "unknown_kind",
        "kind_declared",
        "no-content",
        feedback.add("unknown_kind", {"kind": "snoozed"}),
        "something done with a notice that is none of the four",
    ),
    Fault(
        "recipient_account_number",
        "recipient_in_range",
        "id-opaque",
        feedback.add("recipient_account_number", {"recipient": 4711}),
        "an account's own number for a recipient",
    ),
    Fault(
        "counted_recipients",
        "recipient_not_sequential",
        "id-opaque",
        feedback.counted_recipients,
        "recipients who are numbered one by one",
    ),
    Fault(
        "recipient_account_digest",
        "recipient_no_account_digest",
        "id-opaque",
        feedback.add("recipient_account_digest", {"recipient": events.digest_as_pseudonym()}),
        "a recipient cut from the digest of an account's id",
    ),
    Fault(
        "company_of_a_name",
        "company_opaque",
        "no-direct-identifiers",
        feedback.add("company_of_a_name", {"company": _COMPANY_OF_A_NAME}),
        "a company's id of version 5, which is made from its name",
    ),
    Fault(
        "shapeless_notice",
        "notice_is_a_key",
        "no-content",
        feedback.add("shapeless_notice", {"notice": "planned-downtime"}),
        "a notice that is not shaped like a key",
        follows=("notice_declared",),
    ),
    Fault(
        "notice_network_address",
        "feedback_no_device_data",
        "no-device-data",
        feedback.add("notice_network_address", {"notice": "seen_10.2.3.4"}),
        "a network address in a notice's key",
        follows=("notice_declared",),
    ),
    Fault(
        "notice_mail_address",
        "feedback_no_direct_identifiers",
        "no-direct-identifiers",
        feedback.add("notice_mail_address", {"notice": "survey.post_at_example_dot_org"}),
        "a mail address in a notice's key",
        follows=("notice_declared",),
    ),
    Fault(
        "notice_case_number",
        "feedback_no_content_values",
        "no-content",
        feedback.add("notice_case_number", {"notice": "inc0012345"}),
        "a case number for a notice",
        follows=("notice_declared",),
    ),
    Fault(
        "notice_sensitive_word",
        "feedback_no_sensitive_words",
        "no-sensitive-data",
        feedback.add("notice_sensitive_word", {"notice": "trade_union_member"}),
        "a word of a sensitive kind in a notice's key",
        follows=("notice_declared",),
    ),
    Fault(
        "notice_person_name",
        "feedback_no_person_names",
        "no-direct-identifiers",
        feedback.add("notice_person_name", {"notice": "survey_kari_nordmann"}),
        "a person's name in a notice's key",
        "accepted",
        follows=("notice_declared",),
    ),
    Fault(
        "unknown_notice",
        "notice_declared",
        "no-content",
        feedback.add("unknown_notice", {"notice": "survey.of_tomorrow"}),
        "a notice that the catalogue does not know",
        "accepted",
    ),
)

_FOLDER_FAULTS = (
    Fault("file_cut", None, None, None, "a file that is cut in half", "incomplete", damage=files.cut_file),
    Fault(
        "seal_mismatch",
        None,
        None,
        None,
        "a file of which one bit is not what its seal says",
        "incomplete",
        damage=files.change_file,
    ),
    Fault(
        "seal_missing_file", None, None, None, "a sealed file that is not there", "incomplete", damage=files.lose_file
    ),
    Fault("extra_file", None, None, None, "a file that the seal does not list", "incomplete", damage=files.add_file),
    Fault(
        "no_parquet",
        None,
        None,
        None,
        "a file that is not of the form that its name says",
        "incomplete",
        damage=files.write_nonsense,
    ),
)

FAULTS: Mapping[str, Fault] = MappingProxyType(
    {
        fault.name: fault
        for fault in (
            *_EVENT_FAULTS,
            *(replace(fault, kind="consents") for fault in _CONSENT_FAULTS),
            *(replace(fault, kind="feedback") for fault in _FEEDBACK_FAULTS),
            *_FOLDER_FAULTS,
        )
    }
)
