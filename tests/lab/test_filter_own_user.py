"""The daemon gives up root by itself (`qalqan run --user`): it filters, reloads and stops as before."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from gateway.core.privileges import CAP_NET_ADMIN, CAP_NET_RAW
from tests.lab import clients, names
from tests.lab.filtering import ALLOWED, CUT, REFUSED, fetch, fresh, is_explained
from tests.lab.home import Home

pytestmark = pytest.mark.lab

NOBODY = 65_534


def give(folder: Path) -> None:
    """As OpenWrt's init script does before the start."""
    for path in (folder, *folder.rglob("*")):
        os.chown(path, NOBODY, NOBODY)
    for above in folder.parents[:-1]:
        above.chmod(above.stat().st_mode | 0o011)


def test_it_filters_as_a_user_with_two_capabilities(home: Home) -> None:
    tablet = home.devices["tablet"]
    daemon = fresh(home)
    daemon.state.mkdir(parents=True, exist_ok=True)
    daemon.socket.parent.mkdir(parents=True, exist_ok=True)
    give(home.folder / "qalqan")
    daemon.options = ("--user", "nobody")
    with daemon:
        status = Path(f"/proc/{daemon.pid}/status").read_text()
        assert re.search(rf"^Uid:(\t{NOBODY}){{4}}$", status, re.MULTILINE)
        bits = 1 << CAP_NET_ADMIN | 1 << CAP_NET_RAW
        assert {int(word, 16) for word in re.findall(r"^Cap\w+:\t(\w+)$", status, re.MULTILINE)} == {bits}
        assert "\nNoNewPrivs:\t1\n" in status
        assert clients.dig(tablet, ALLOWED, "A", server=names.GATEWAY_IPV4).records
        assert is_explained(clients.dig(tablet, REFUSED, "A", server=names.GATEWAY_IPV4))
        assert fetch(tablet, f"https://{ALLOWED}/", 4).reached
        assert fetch(tablet, f"https://{REFUSED}/", 4).how in CUT
        daemon.reload()
        assert fetch(tablet, f"https://{REFUSED}/", 4).how in CUT
    assert "table inet qalqan" not in home.gateway.run(["nft", "list", "tables"]).stdout
    assert (daemon.state / "qalqan.db").stat().st_uid == NOBODY
