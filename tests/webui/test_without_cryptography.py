"""The pages where the package cryptography is not installed."""

from __future__ import annotations

import html
from pathlib import Path

import pytest

from gateway.core import optional_packages as absent
from tests.control.running import Running
from tests.hiding import hide
from tests.webui.conftest import Browser
from tests.webui.serving import ask, free_port, serving
from tests.webui.standin.pages import text_of
from webui.wallet import Wallets

PASSWORD = "four quiet words"


@pytest.fixture
def without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No process that the test starts can import it."""
    monkeypatch.setenv("PYTHONPATH", hide(tmp_path, {"cryptography"}))


@pytest.mark.usefixtures("without")
def test_the_pages_are_served(daemon: Running, tmp_path: Path) -> None:
    port = free_port()
    with serving(tmp_path / "control.sock", port):
        assert [ask(port, path)[0] for path in ("/mean", "/why", "/calendar")] == [200, 200, 200]


@pytest.mark.usefixtures("without")
def test_a_backup_names_the_package_to_install(mum: Browser) -> None:
    mum.post("/parent/backup/make", {"password": PASSWORD, "again": PASSWORD})
    page = html.unescape(text_of(mum.get("/parent/backup/").text))
    assert "Backups need the package python3-cryptography, which is not installed. Install it" in page


def test_a_wallet_is_not_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trust = tmp_path / "trust.json"
    trust.touch()
    assert Wallets((str(trust), "")).problem == ""
    monkeypatch.setattr(absent, "find_spec", lambda name: None)
    assert Wallets((str(trust), "")).problem == "uninstalled"
    assert Wallets(None).problem == "none"


def test_the_settings_page_names_the_package_to_install(
    mum: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Wallets, "problem", "uninstalled")
    page = text_of(mum.get("/parent/settings/").text)
    assert "Wallet check unavailable: a part of it is not installed on the gateway." in page
