"""The boot guard: after a power cut, before any daemon, a child that fails closed reaches help alone."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.dataplane.boot_guard import FILE, LINK_VARIABLE, NAMES
from tests.lab import clients, names
from tests.lab.daemon import Daemon
from tests.lab.filtering import ALLOWED, CUT, REFUSED, SON, address, fetch, film, fresh, set_time, until
from tests.lab.home import ROOT, Home
from tests.lab.netns import Namespace

pytestmark = pytest.mark.lab

HELP = "befrienders.org"
RESOLVER = ROOT / "openwrt/qalqan/files/guard-resolver"
VERSIONS = (4, 6)


@pytest.fixture
def daemon(home: Home, monkeypatch: pytest.MonkeyPatch) -> Iterator[Daemon]:
    """One that has run, and of which a power cut left the state folder alone."""
    monkeypatch.setenv(LINK_VARIABLE, str(_link(home)))
    made = fresh(home)
    with made:
        set_time(made, "2026-11-25T15:00:00")
        assert until(lambda: names.ipv4_of(HELP) in _set(home), 10.0) is not None
        assert (made.state / FILE).exists(), "written at the start"
    assert names.ipv4_of(HELP) in (made.state / FILE).read_text(), "at a clean stop at the latest"
    yield made
    made.stop()
    _end_names(made)
    home.gateway.run(["nft", "destroy", "table", "inet", "qalqan"])


def _link(home: Home) -> Path:
    return home.folder / "included.nft"


def _set(home: Home) -> str:
    return home.gateway.run(["nft", "list", "set", "inet", "qalqan", "help4"]).stdout


def _table(home: Home) -> str:
    return home.gateway.run(["nft", "list", "table", "inet", "qalqan"]).stdout


def _guard(home: Home, daemon: Daemon) -> None:
    """What the script before the network does: no Python of ours runs."""
    file = daemon.state / FILE
    home.gateway.run(["nft", "-c", "-f", str(file)], check=True)
    home.gateway.run(["nft", "-f", str(file)], check=True)
    _link(home).unlink(missing_ok=True)
    _link(home).symlink_to(file)
    (daemon.folder / "run").mkdir(exist_ok=True)
    background = f"{RESOLVER} {daemon.state / NAMES} > /dev/null 2>&1 &"
    home.gateway.run(["sh", "-c", background], check=True)
    assert until(lambda: _resolver(daemon) != 0, 5.0) is not None


def _resolver(daemon: Daemon) -> int:
    """Return the process id of the guard's dnsmasq, if it runs; else 0."""
    try:
        pid = int((daemon.folder / "run" / "guard-names.pid").read_text())
        return pid if b"dnsmasq" in Path(f"/proc/{pid}/cmdline").read_bytes() else 0
    except (OSError, ValueError):
        return 0


def _end_names(daemon: Daemon) -> None:
    if pid := _resolver(daemon):
        daemon.home.gateway.run(["kill", str(pid)])


def _reached(
    device: Namespace, version: int, host: str = ALLOWED, *, timeout: float = clients.PATIENCE_S
) -> bool:
    return fetch(device, f"https://{host}/", version, timeout=timeout).reached


def _closed(device: Namespace) -> None:
    for version in VERSIONS:
        assert not _reached(device, version, timeout=clients.SILENCE_S)
        assert not _reached(device, version, REFUSED, timeout=clients.SILENCE_S)
        assert not fetch(device, f"http://{ALLOWED}/", version, timeout=clients.SILENCE_S).reached
        elsewhere = address(ALLOWED, version)
        tried = fetch(device, f"https://{HELP}/", version, to=elsewhere, timeout=clients.SILENCE_S)
        assert not tried.reached, "help's name opens no other address"
    assert clients.dig(device, ALLOWED, timeout=1).records == ()
    assert clients.dig(device, ALLOWED, server="8.8.8.8", timeout=1).records == ()


def _helped(device: Namespace) -> None:
    for version in VERSIONS:
        assert fetch(device, f"https://{HELP}/", version).reached, "by address"
    assert clients.curl(device, f"https://{HELP}/").reached, "by name, as a browser would"


def test_a_closed_childs_device_reaches_help_alone_until_the_daemon_starts(
    home: Home, daemon: Daemon
) -> None:
    tablet, phone, parent = (home.devices[key] for key in ("tablet", "phone", "parent"))
    home.begin_anew()
    _guard(home, daemon)
    _closed(tablet)
    assert home.seen(name=ALLOWED) == []
    assert home.seen(name=REFUSED) == []
    _helped(tablet)
    killed = _resolver(daemon)
    home.gateway.run(["kill", "-KILL", str(killed)], check=True)
    assert until(lambda: _resolver(daemon) not in (0, killed), 8.0) is not None
    assert until(lambda: clients.dig(tablet, HELP, timeout=1).records, 8.0) is not None
    for device in (phone, parent):
        for version in VERSIONS:
            assert _reached(device, version)
            assert _reached(device, version, REFUSED), "nobody filters yet"
    with film(parent, ALLOWED, 4) as mother:
        assert mother.started()
        daemon.start()
        assert mother.flows()
    for version in VERSIONS:
        assert _reached(tablet, version)
        assert fetch(tablet, f"https://{REFUSED}/", version).how in CUT
    assert not _link(home).is_symlink(), "the firewall lays it over our table no more"
    assert (daemon.state / FILE).exists()
    assert until(lambda: not (daemon.folder / "run" / "guard-names.pid").exists(), 5.0) is not None
    assert daemon.client.call("status")["repairs"] == 0


@contextmanager
def never_reached(device: Namespace) -> Iterator[None]:
    """What would be refused is tried all the time."""
    reached, done = list[bool](), threading.Event()

    def try_on() -> None:
        while not done.is_set():
            reached.append(fetch(device, f"https://{REFUSED}/", 6, timeout=1.0).reached)

    trying = threading.Thread(target=try_on)
    trying.start()
    try:
        yield
        time.sleep(0.5)
    finally:
        done.set()
        trying.join()
    assert len(reached) > 5
    assert not any(reached)


def test_there_is_no_moment_between_the_guard_and_the_daemon(home: Home, daemon: Daemon) -> None:
    _guard(home, daemon)
    with never_reached(home.devices["tablet"]):
        daemon.start()


def test_the_file_is_written_when_it_has_to_change_and_at_no_other_time(home: Home, daemon: Daemon) -> None:
    file = daemon.state / FILE

    def stamp() -> tuple[int, int]:
        return file.stat().st_ino, file.stat().st_mtime_ns

    before = stamp()
    with daemon:
        daemon.client.call("pause", who="daughter", minutes=5)
        daemon.client.call("resume", who="daughter")
        daemon.client.call("grant", who="daughter", minutes=5)
        daemon.reload()
        assert until(lambda: daemon.client.call("status")["mode"] == "on", 5.0) is not None
        assert stamp() == before
        daemon.write_profile("son", {**SON, "failure": "closed"})
        daemon.reload()
        assert until(lambda: stamp() != before, 5.0) is not None
        assert names.PHONE.mac in file.read_text()
    assert file.exists()
