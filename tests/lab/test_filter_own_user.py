"""The daemon gives up root by itself (`qalqan run --user`): it filters, reloads and stops as before."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from gateway.core.privileges import CAP_NET_ADMIN, CAP_NET_RAW
from tests.lab import clients, names
from tests.lab.filtering import ALLOWED, CUT, REFUSED, fetch, fresh, is_explained, until
from tests.lab.home import Home

pytestmark = pytest.mark.lab

NOBODY = 65_534
HELP = "befrienders.org"


def give(folder: Path) -> None:
    """As OpenWrt's init script does before the start."""
    for path in (folder, *folder.rglob("*")):
        os.chown(path, NOBODY, NOBODY)
    for above in folder.parents[:-1]:
        above.chmod(above.stat().st_mode | 0o011)


def capabilities(pid: int, *names: str) -> set[int]:
    """Return the sets of capabilities of a process, as bits; by default all five."""
    status = Path(f"/proc/{pid}/status").read_text()
    return {int(status_of(status, f"Cap{name}"), 16) for name in names or ("Inh", "Prm", "Eff", "Bnd", "Amb")}


def help_addresses(home: Home) -> str:
    return home.gateway.run(["nft", "list", "set", "inet", "qalqan", "help4"]).stdout


def status_of(status: str, key: str) -> str:
    found = re.search(rf"^{key}:\t(.*)$", status, re.MULTILINE)
    assert found is not None, key
    return found[1]


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
        assert capabilities(daemon.pid) == {bits}
        assert "\nNoNewPrivs:\t1\n" in status
        note = daemon.socket.with_name("help.pid")
        assert until(note.exists, 10.0) is not None
        resolver = int(note.read_text())
        assert b"dnsmasq" in Path(f"/proc/{resolver}/cmdline").read_bytes()
        assert status_of(Path(f"/proc/{resolver}/status").read_text(), "Uid").split() == [str(NOBODY)] * 4
        assert capabilities(resolver, "Prm", "Eff", "Amb") == {0}, "of a daemon's child"
        assert capabilities(daemon.pid) == {bits}, "the daemon keeps its own"
        assert clients.dig(tablet, ALLOWED, "A", server=names.GATEWAY_IPV4).records
        assert is_explained(clients.dig(tablet, REFUSED, "A", server=names.GATEWAY_IPV4))
        assert fetch(tablet, f"https://{ALLOWED}/", 4).reached
        assert fetch(tablet, f"https://{REFUSED}/", 4).how in CUT
        daemon.reload()
        assert fetch(tablet, f"https://{REFUSED}/", 4).how in CUT
        assert until(lambda: names.ipv4_of(HELP) in help_addresses(home), 10.0) is not None
        daemon.kill()
        resolved = until(lambda: clients.dig(tablet, HELP, timeout=1).records, 12.0)
        assert resolved is not None, "it resolves without capabilities, while no daemon runs"
        daemon.start()
    assert "table inet qalqan" not in home.gateway.run(["nft", "list", "tables"]).stdout
    assert (daemon.state / "qalqan.db").stat().st_uid == NOBODY
