"""Who may read what the daemon keeps: on a router all users may go through the state's folder."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.lab import clients, names
from tests.lab.daemon import Daemon
from tests.lab.filtering import ALLOWED
from tests.lab.home import Home

pytestmark = pytest.mark.lab

PROFILES = {"daughter": {"band": "6-9", "devices": [names.TABLET.mac], "log": "full"}}
FOR_ALL = {"control.sock"}  # of the runtime folder: as far as its group


@contextmanager
def nothing_masked() -> Iterator[None]:
    """As where somebody's umask is 0: what is for its owner alone is so by its own word."""
    before = os.umask(0)
    try:
        yield
    finally:
        os.umask(before)


def open_to_others(folder: Path) -> set[str]:
    files = [one for one in folder.rglob("*") if not one.is_dir()]
    return {str(one.relative_to(folder)) for one in files if stat.S_IMODE(one.stat().st_mode) & 0o077}


def test_what_a_home_does_is_read_by_the_daemon_alone(home: Home) -> None:
    home.begin_anew()
    shutil.rmtree(home.folder / "qalqan" / "state", ignore_errors=True)
    shutil.rmtree(home.folder / "qalqan" / "run", ignore_errors=True)
    daemon = Daemon(home, PROFILES)
    with nothing_masked(), daemon:
        tablet = home.devices[names.TABLET.key]
        assert clients.dig(tablet, ALLOWED, "A", server=names.GATEWAY_IPV4).status == "NOERROR"
        daemon.client.call("edit_family", set={"country": "ru"}, by="console")
        assert open_to_others(daemon.socket.parent) <= FOR_ALL
        assert open_to_others(daemon.state) == set()
    kept = {one.name for one in daemon.state.iterdir()}
    assert {"qalqan.db", "label", "guard.nft"} <= kept, kept
    assert open_to_others(daemon.state) == set()
