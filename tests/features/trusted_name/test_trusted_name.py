"""The verb `trusted_name`: the stored account, what the daemon starts, and when HTTPS is turned on."""

from __future__ import annotations

import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from gateway.core.helper_process import HelperProcess
from gateway.core.reason_codes import Code
from gateway.web.acme import ACCOUNT, FOLDER, read_account
from tests.features.conftest import Make
from tests.features.desk import NOON, Desk
from tests.features.rules.edited import audit, refused

TOKEN = "a7c4d0ad-114e-40ef-ba1d-d217904a50f2"
ASKED = {
    "action": "get", "name": "Family-4821.DuckDNS.org", "provider": "duckdns", "token": TOKEN,
    "email": "mum@example.net", "by": "Mum",
}  # fmt: skip
NAME = "family-4821.duckdns.org"


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[tuple[HelperProcess, Sequence[str]]]:
    """The processes that would run."""
    found: list[tuple[HelperProcess, Sequence[str]]] = []
    monkeypatch.setattr(HelperProcess, "start", lambda process, argv: found.append((process, argv)))
    return found


def folder(desk: Desk) -> Path:
    return Path(desk.rules.household.config.state) / FOLDER


def ends(desk: Desk, status: int) -> None:
    desk.features.trusted_names._finished(status, "")


def test_the_token_is_in_one_file_and_nowhere_else(make: Make, started: list[Any]) -> None:
    desk = make(NOON)
    state = desk.ask("trusted_name", **ASKED)
    assert (state["name"], state["provider"], state["configured"]) == (NAME, "duckdns", "")
    assert TOKEN not in str(state)
    file = folder(desk) / ACCOUNT
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    account = read_account(file.parent)
    assert account is not None
    assert (account.token, account.server) == (TOKEN, "")
    ((_process, argv),) = started
    assert list(argv[:4]) == ["gateway", "certificate", "renew", "--steps"]
    assert TOKEN not in str(argv)
    assert [(what, detail) for _, what, detail in audit(desk)] == [("trusted name", f"{NAME} duckdns")]


def test_the_first_certificate_turns_https_on_and_stopping_turns_it_off(
    make: Make, started: list[Any]
) -> None:
    desk = make(NOON)
    desk.ask("trusted_name", **ASKED)
    ends(desk, 1)
    assert desk.ask("trusted_name", action="look", by="Mum")["problem"] == "other"
    assert NAME not in desk.rules.path.read_text()
    ends(desk, 0)
    https = desk.rules.household.config.web.https
    assert https is not None
    assert (https.name, Path(https.key)) == (NAME, desk.rules.path.parent / "tls" / "key.pem")
    assert NAME in desk.rules.path.read_text()
    revision = desk.rules.path.read_bytes()
    ends(desk, 0)
    assert desk.rules.path.read_bytes() == revision, "a renewal changes no setting"
    desk.ask("trusted_name", action="stop", by="Mum")
    assert NAME not in desk.rules.path.read_text()
    assert not folder(desk).exists()


def test_neither_a_failed_renewal_nor_a_damaged_account_changes_the_name(
    make: Make, started: list[Any]
) -> None:
    """The pages stay encrypted with the certificate that they have, also after a restart."""
    desk = make(NOON)
    desk.ask("trusted_name", **ASKED)
    ends(desk, 0)
    https, settings = desk.rules.household.config.web.https, desk.rules.path.read_bytes()
    ends(desk, 1)
    look = desk.ask("trusted_name", action="look", by="Mum")
    assert (look["problem"], look["configured"]) == ("other", NAME)
    (folder(desk) / ACCOUNT).write_bytes(b"{")
    for _ in ("running", "after a start"):
        look = desk.ask("trusted_name", action="look", by="Mum")
        assert (look["name"], look["configured"]) == ("", NAME), "the form is empty"
        assert (desk.rules.household.config.web.https, desk.rules.path.read_bytes()) == (https, settings)
        desk.restart()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"name": "family.example.org"}, Code.NO_HOST_NAME),
        ({"name": "https://family.duckdns.org/x"}, Code.NO_HOST_NAME),
        ({"name": "192.168.1.1", "provider": "desec"}, Code.NO_HOST_NAME),
        ({"name": "localhost", "provider": "desec"}, Code.NO_HOST_NAME),
        ({"provider": "exec"}, Code.INVALID),
        ({"token": "two words"}, Code.INVALID),
        ({"email": "nobody"}, Code.INVALID),
    ],
)
def test_a_wrong_name_provider_or_token_is_refused_with_a_reason(
    make: Make, started: list[Any], change: dict[str, str], code: Code
) -> None:
    desk = make(NOON)
    assert refused(desk, "trusted_name", **{**ASKED, **change})[0] == code
    assert not folder(desk).exists()
    assert started == []


def test_it_is_looked_at_each_day_while_there_is_an_account(make: Make, started: list[Any]) -> None:
    desk = make(NOON)
    desk.features.trusted_names._look()
    assert started == []
    desk.ask("trusted_name", **ASKED)
    desk.features.trusted_names._look()
    assert len(started) == 2
