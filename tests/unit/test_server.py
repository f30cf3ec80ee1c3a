"""The Prefect server that a command begins for itself: it is used, it ends, and where one is named none begins."""

from __future__ import annotations

import os
import urllib.error
import urllib.request

import pytest
from prefect.context import refresh_global_settings_context
from prefect.settings import PREFECT_API_URL, temporary_settings

from cetegra_usage.cli import server


def test_it_answers_where_prefect_is_told_and_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "to be put back")
    monkeypatch.delenv("PREFECT_API_URL")
    with temporary_settings(restore_defaults={PREFECT_API_URL}):
        begun = server.begin.__wrapped__()
        try:
            assert begun.is_awaited
            begun.use()
            health = f"{os.environ['PREFECT_API_URL']}/health"
            with urllib.request.urlopen(health, timeout=5) as answer:  # noqa: S310  # our own address
                assert answer.read() == b"true"
        finally:
            begun.stop()
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(health, timeout=5)  # noqa: S310  # our own address
    monkeypatch.undo()
    refresh_global_settings_context()


def test_where_a_server_is_named_none_begins() -> None:
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}):
        begun = server.begin.__wrapped__()
        before = os.environ.get("PREFECT_API_URL")
        begun.use()
        assert not begun.is_awaited
        assert os.environ.get("PREFECT_API_URL") == before
