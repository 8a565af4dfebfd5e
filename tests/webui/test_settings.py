from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from gateway.web.listen import SettingsError, parse_listen
from webui.settings import SECRET_BYTES, session_key


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1:8080", ("127.0.0.1", 8080)),
        ("192.168.1.1:80", ("192.168.1.1", 80)),
        ("[fd00::1]:8080", ("fd00::1", 8080)),
        ("[::1]:8080", ("::1", 8080)),
    ],
)
def test_an_address_of_the_home_is_taken(text: str, expected: tuple[str, int]) -> None:
    assert parse_listen(text, allow_wan=False) == expected


@pytest.mark.parametrize("text", ["0.0.0.0:8080", "[::]:8080", "8.8.8.8:80", "[2a00:1450::1]:80"])
def test_an_address_reachable_from_elsewhere_needs_to_be_allowed(text: str) -> None:
    with pytest.raises(SettingsError, match=r"from the internet; allow it with web\.allow_wan: true"):
        parse_listen(text, allow_wan=False)
    assert parse_listen(text, allow_wan=True)


@pytest.mark.parametrize("text", ["", "8080", "localhost:8080", "127.0.0.1", "127.0.0.1:x", "[::1]"])
def test_what_is_no_address_is_said(text: str) -> None:
    with pytest.raises(SettingsError, match="is not an address with a port"):
        parse_listen(text, allow_wan=True)


def test_a_port_out_of_range_is_said() -> None:
    with pytest.raises(SettingsError, match="70000 is not a port"):
        parse_listen("127.0.0.1:70000", allow_wan=False)


def test_the_key_is_made_once_and_closed_to_others(tmp_path: Path) -> None:
    state = tmp_path / "web"
    key = session_key(state)
    assert len(key) == SECRET_BYTES
    assert session_key(state) == key
    assert (state / "session.key").stat().st_mode & 0o777 == 0o600
    assert state.stat().st_mode & 0o777 == 0o700
    assert [file.name for file in state.iterdir()] == ["session.key"]


def test_a_torn_key_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "session.key").write_bytes(b"short")
    assert len(session_key(tmp_path)) == SECRET_BYTES


def test_on_a_full_disk_the_pages_start_with_a_key_that_is_not_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert len(session_key(tmp_path)) == SECRET_BYTES
    assert session_key(tmp_path) != session_key(tmp_path)


def test_without_a_directory_each_process_has_its_own_key() -> None:
    assert session_key(None) != session_key(None)


def test_a_directory_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "web").write_text("")
    with pytest.raises(SettingsError, match="a state directory that it may write"):
        session_key(tmp_path / "web")
