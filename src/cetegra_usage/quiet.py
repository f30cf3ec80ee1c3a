"""Third parties learn nothing: every library's telemetry is switched off before it is imported."""

import os

ALWAYS = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "GX_ANALYTICS_ENABLED": "false",
}
_UNLESS_SET = {
    # A busy machine needs longer than Prefect's twenty seconds to start the embedded server.
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    # The terminal belongs to our own words; the full log is in Prefect.
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
    # Else the embedded server loses the history of short tasks when it ends.
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE": "100",
}


def silence() -> None:
    """Set the environment of this process and its children; to be called before the first heavy import."""
    os.environ.update(ALWAYS)
    for name, value in _UNLESS_SET.items():
        os.environ.setdefault(name, value)
    # A proxy between Prefect and its own embedded server breaks it.
    for name in ("NO_PROXY", "no_proxy"):
        hosts = os.environ.get(name, "")
        if "127.0.0.1" not in hosts:
            os.environ[name] = ",".join(part for part in (hosts, "127.0.0.1,localhost") if part)
