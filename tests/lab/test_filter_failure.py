"""What holds when something breaks: the daemon dies, hangs, is stopped; its table or its files are spoilt."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from gateway.dataplane import saved_addresses
from tests import processes
from tests.lab import clients, names
from tests.lab.daemon import Daemon
from tests.lab.filtering import (
    ALLOWED,
    BLOCKED,
    CUT,
    CUT_MS,
    DAUGHTER,
    FAMILIES,
    MUM,
    PROFILES,
    REFUSED,
    SON,
    address,
    assert_started,
    bracketed,
    epoch,
    fetch,
    film,
    fresh,
    is_explained,
    set_time,
    until,
)
from tests.lab.home import ROOT, Home
from tests.lab.netns import LabError, Namespace, stop, stopping
from tests.pace import longest

pytestmark = pytest.mark.lab

HELP = "befrienders.org"
QUEUE_BASE = 8200
MENDED_S = 1.5
OPENS_S = 4.0  # the sign of life of 3 s, and a second


@pytest.fixture
def daemon(home: Home) -> Iterator[Daemon]:
    with fresh(home) as started:
        yield started


def _reached(
    device: Namespace, version: int = 4, host: str = ALLOWED, timeout: float = clients.PATIENCE_S
) -> bool:
    return fetch(device, f"https://{host}/", version, timeout=timeout).reached


def _refused(device: Namespace, version: int = 4, host: str = REFUSED) -> bool:
    """Refused by the filter's own reset, not by something that does not work."""
    return fetch(device, f"https://{host}/", version).how in CUT


def _table(home: Home) -> str:
    return home.gateway.run(["nft", "list", "ruleset"]).stdout


def _run(home: Home, daemon: Daemon, *before: str) -> subprocess.CompletedProcess[str]:
    """`gateway run` that is expected to end by itself."""
    argv = [*before, sys.executable, "-m", "gateway", "run", "--config", str(daemon.config)]
    return subprocess.run(
        home.gateway.command(argv), capture_output=True, text=True, timeout=60, cwd=ROOT, check=False
    )


def _one_line(done: subprocess.CompletedProcess[str]) -> str:
    """What a command that cannot run says: exit 1, and one line without a traceback."""
    lines = done.stderr.strip().splitlines()
    assert done.returncode == 1, done
    assert len(lines) == 1, done.stderr
    print(lines[0])
    return lines[0]


# -------------------------------------------------------------------------------------------- kill -9


def _help_is_known(home: Home) -> bool:
    """The addresses of help are in the kernel's set."""
    shown = home.gateway.run(["nft", "list", "set", "inet", "qalqan", "help4"]).stdout
    return names.ipv4_of(HELP) in shown


def test_kill_9_of_a_profile_that_fails_closed(home: Home) -> None:
    profiles = {**PROFILES, "daughter": {**DAUGHTER, "bedtime": "20:45-07:00"}}
    tablet, parent = home.devices["tablet"], home.devices["parent"]
    with contextlib.ExitStack() as stack:
        daemon = stack.enter_context(fresh(home, profiles))
        assert until(lambda: _help_is_known(home), 5.0) is not None
        set_time(daemon, "2026-11-25T12:00:00")  # whatever time it is where this runs
        streams = [stack.enter_context(film(tablet, ALLOWED, version)) for version in (4, 6)]
        mother = stack.enter_context(film(parent, ALLOWED, 4))
        assert_started(*streams, mother)
        offset = set_time(daemon, "2026-11-25T20:44:54")
        boundary = time.monotonic() + epoch("2026-11-25T20:45:00") - offset - time.time()
        daemon.client.call("status")  # by then it has set the leases by the new time
        daemon.kill()
        assert time.monotonic() < boundary, "the kernel is alone with it"
        assert all(one.flows() for one in streams), "what runs goes on until its lease ends"
        for version in (4, 6):
            assert not _reached(tablet, version, timeout=clients.SILENCE_S)
            assert not _reached(tablet, version, REFUSED, timeout=clients.SILENCE_S)
        for one in streams:
            took = one.death(boundary)
            assert took is not None
            print(f"kill -9 → a stream of a closed profile was cut {took:.0f} ms after its lease's boundary")
            assert took <= longest(2.5) * 1000
            assert one.ended_at is not None
            assert one.ended_at >= boundary - 0.05, "not before"
        assert mother.flows()
        assert _reached(parent)
        for version in (4, 6):
            assert fetch(tablet, f"https://{HELP}/", version).reached, "help by address"
            elsewhere = address(ALLOWED, version)
            assert not fetch(
                tablet, f"https://{HELP}/", version, to=elsewhere, timeout=clients.SILENCE_S
            ).reached
        for server in (names.GATEWAY_IPV4, names.GATEWAY_IPV6, "8.8.8.8", "2001:4860:4860::8888"):
            for extra in ((), ("+tcp",)):
                helped = clients.dig(tablet, HELP, server=server, extra=extra)
                assert helped.records == (address(HELP, 4),), helped.text
                assert clients.dig(tablet, ALLOWED, server=server, extra=extra, timeout=1).records == ()
        assert clients.curl(tablet, f"https://{HELP}/").reached, "by name, as a browser would"


def test_kill_9_of_a_profile_that_fails_open(home: Home, daemon: Daemon) -> None:
    phone = home.devices["phone"]
    with film(phone, ALLOWED, 4) as running:
        assert running.started()
        assert _refused(phone)
        began = time.monotonic()
        daemon.kill()
        assert until(lambda: _reached(phone, timeout=clients.SILENCE_S), 6.0) is not None
        took = time.monotonic() - began
        print(f"kill -9 → a new connection of an open profile passes after {took:.2f} s")
        assert took <= longest(OPENS_S)
        for extra in ((), ("+tcp",)):
            while not clients.dig(phone, ALLOWED, server="8.8.8.8", extra=extra).records:
                assert time.monotonic() - began <= longest(OPENS_S)
        assert _reached(phone, 6)
        assert running.flows()


def test_a_daemon_that_hangs_is_as_good_as_dead(home: Home, daemon: Daemon) -> None:
    phone, tablet = home.devices["phone"], home.devices["tablet"]
    os.kill(daemon.pid, signal.SIGSTOP)
    try:
        time.sleep(3.2)
        assert _reached(phone)
        assert not _reached(tablet, timeout=clients.SILENCE_S)
        assert _reached(home.devices["parent"])
    finally:
        os.kill(daemon.pid, signal.SIGCONT)
    assert until(lambda: _refused(phone), 3.0) is not None
    assert _reached(tablet)


def test_a_restart_filters_everything_again(home: Home, daemon: Daemon) -> None:
    phone, tablet = home.devices["phone"], home.devices["tablet"]
    assert _reached(phone)
    with contextlib.ExitStack() as stack:
        before = [
            stack.enter_context(film(device, ALLOWED, version, scheme=scheme))
            for device in (phone, tablet)
            for version in (4, 6)
            for scheme in ("https", "http")
        ]
        mother = stack.enter_context(film(home.devices["parent"], ALLOWED, 4))
        assert_started(*before, mother)
        daemon.kill()
        time.sleep(3.2)
        unseen = [stack.enter_context(film(phone, REFUSED, version)) for version in (4, 6)]
        assert_started(*unseen)
        daemon.start()
        print(f"restart: ready after {daemon.seconds_to_ready:.2f} s")
        assert daemon.seconds_to_ready < longest(2.0)
        began = time.monotonic()
        for device in (phone, tablet):
            for version in (4, 6):
                assert _refused(device, version)
                assert _reached(device, version)
        for one in (*unseen, *before):
            took = one.death(began)
            assert took is not None, "nobody has judged it"
        assert mother.flows()


# The daemon, which saves answers every half second instead of every minute.
_SAVES_OFTEN = """
import sys
from gateway.cli.main import main
from gateway.dataplane import saved_addresses
saved_addresses.EVERY = 0.5
sys.exit(main())
"""
UNASKED = "soon.example.net"


def _bare(device: Namespace, host: str, version: int) -> bool:
    """Whether a connection reaches the host's address without any name."""
    url = f"https://{bracketed(address(host, version))}/"
    return device.run(["curl", "-skg", "-o", "/dev/null", "--max-time", "3", url]).returncode == 0


@pytest.mark.parametrize("how", ["stop", "kill -9", "reload"])
def test_cached_addresses_of_a_strict_profile_work_after_a_restart(home: Home, how: str) -> None:
    """The device does not ask again, so the new daemon sees no answer with the address."""
    tablet, phone = home.devices["tablet"], home.devices["phone"]
    family = {key: {**rules, "strict": True} for key, rules in PROFILES.items() if key != "mum"}
    daemon = fresh(home, {**PROFILES, **family})
    daemon.run_with(sys.executable, "-c", _SAVES_OFTEN)
    saved = daemon.socket.parent / saved_addresses.FILE
    with daemon:
        for kind in ("A", "AAAA"):
            assert clients.dig(tablet, ALLOWED, kind, server=names.GATEWAY_IPV4).records
            assert is_explained(clients.dig(tablet, BLOCKED, server=names.GATEWAY_IPV4))
        assert until(saved.exists, 5.0) is not None
        time.sleep(1.1)  # once more, with the last answer
        if how == "reload":
            daemon.write_profile("daughter", {**DAUGHTER, "strict": True, "block": [BLOCKED]})
            _reloaded(daemon)
        elif how == "stop":
            daemon.stop()
            daemon.start()
        else:
            daemon.kill()
            daemon.start()
        for version in (4, 6):
            assert _bare(tablet, ALLOWED, version), "the first attempt"
            assert _reached(tablet, version), "the first attempt"
            assert not _bare(phone, ALLOWED, version), "no answer gave it to this device"
            for host in (BLOCKED, UNASKED):
                assert not _bare(tablet, host, version)
                elsewhere = address(host, version)
                assert not fetch(tablet, f"https://{ALLOWED}/", version, to=elsewhere).reached
            assert _refused(tablet, version, BLOCKED)


_FIREWALL = """
table inet lab_firewall {
  chain forward { type filter hook forward priority filter; policy accept; ct state invalid drop; }
}
"""


@pytest.fixture
def firewall(home: Home) -> Iterator[None]:
    """Connections are tracked before we come, in both families, as with any home router's firewall."""
    home.gateway.run(["nft", "-f", "-"], stdin=_FIREWALL, check=True)
    yield
    home.gateway.run(["nft", "delete", "table", "inet", "lab_firewall"], check=True)


@pytest.mark.usefixtures("firewall")
def test_a_connection_from_before_the_first_start_ends(home: Home) -> None:
    """Its name was never seen, so it cannot go on when its device is filtered."""
    with contextlib.ExitStack() as stack:
        films = [
            stack.enter_context(film(home.devices[key], REFUSED, version))
            for key in ("tablet", "phone")
            for version in (4, 6)
        ]
        mother = stack.enter_context(film(home.devices["parent"], REFUSED, 4))
        assert_started(*films, mother)
        stack.enter_context(fresh(home))
        began = time.monotonic()
        deaths = [one.death(began) for one in films]
        assert None not in deaths, deaths
        assert mother.flows()


# -------------------------------------------------------------------------------------------- one line


def test_two_daemons_at_once(home: Home, daemon: Daemon) -> None:
    with film(home.devices["tablet"], ALLOWED, 4) as running:
        assert running.started()
        line = _one_line(_run(home, daemon))
        assert "another daemon uses" in line
        assert running.flows()
    assert daemon.socket.exists()
    assert daemon.client.call("status")["repairs"] == 0, "the first one was left alone"
    assert _refused(home.devices["tablet"])
    assert _reached(home.devices["tablet"])


_TAKE_QUEUE = """
import sys, time
from netfilterqueue import NetfilterQueue
queue = NetfilterQueue()
queue.bind(int(sys.argv[1]), lambda packet: packet.accept())
print("bound", flush=True)
time.sleep(60)
"""


def test_a_foreign_program_on_the_queues_number(home: Home) -> None:
    other = home.gateway.popen([sys.executable, "-c", _TAKE_QUEUE, str(QUEUE_BASE + 2)])
    try:
        assert other.stdout is not None
        assert other.stdout.readline() == b"bound\n"
        daemon = fresh(home)
        line = _one_line(_run(home, daemon))
        assert f"queue {QUEUE_BASE + 2} is taken by another program" in line
        assert "qalqan" not in _table(home)
        assert not daemon.socket.exists()
    finally:
        stop(other)
    with fresh(home):
        assert _refused(home.devices["tablet"])


def test_a_foreign_program_on_the_queue_of_a_running_table(home: Home, daemon: Daemon) -> None:
    """A second daemon with a folder of its own: it does not touch the first one's table."""
    other = daemon.config.with_name("other.yaml")
    text = daemon.config.read_text()
    other.write_text(text.replace(str(daemon.socket.parent), str(daemon.socket.parent) + "-2"))
    argv = [sys.executable, "-m", "gateway", "run", "--config", str(other)]
    done = subprocess.run(
        home.gateway.command(argv), capture_output=True, text=True, timeout=60, cwd=ROOT, check=False
    )
    assert "is taken by another program" in _one_line(done)
    assert daemon.client.call("status")["repairs"] == 0
    assert _refused(home.devices["tablet"])
    assert _reached(home.devices["tablet"])


def test_without_nft(home: Home) -> None:
    """Neither the library nor the command is there."""
    daemon = fresh(home)
    libraries = [path for path in Path("/usr/lib").glob("*/libnftables.so.1") if path.exists()]
    programs = [path for path in map(Path, ("/usr/sbin/nft", "/usr/bin/nft")) if path.exists()]
    hide = " && ".join(["true", *(f"mount --bind /dev/null {path}" for path in (*libraries, *programs))])
    script = f'{hide} && export PATH=/nonexistent && exec "$@"'
    line = _one_line(_run(home, daemon, "unshare", "-m", "sh", "-c", script, "sh"))
    assert "nft" in line
    assert "install" in line
    assert "qalqan" not in _table(home)


def test_without_root(home: Home) -> None:
    daemon = fresh(home)
    for folder in (daemon.folder, daemon.profiles):
        shutil.rmtree(folder / "history", ignore_errors=True)  # of a test before: root's, and told as well
        folder.chmod(0o777)
    home.folder.chmod(0o755)
    line = _one_line(_run(home, daemon, "setpriv", "--reuid=65534", "--clear-groups", "--"))
    assert "root" in line


@pytest.mark.parametrize("key", ["state", "runtime"])
def test_a_directory_that_cannot_be_made(home: Home, key: str) -> None:
    line = _one_line(_run(home, Daemon(home, PROFILES, settings={key: "/proc/qalqan"})))
    assert "/proc/qalqan: cannot be created (No such file or directory)" in line


# -------------------------------------------------------------------------------------------- clean stop


def _leftovers(home: Home, daemon: Daemon) -> list[str]:
    marks = home.gateway.run(["conntrack", "-L"]).stdout
    ours = [line for line in marks.splitlines() if int(_mark(line)) & 0x00FF00FF]
    ours += [
        line
        for line in home.gateway.run(["conntrack", "-f", "ipv6", "-L"]).stdout.splitlines()
        if int(_mark(line)) & 0x00FF00FF
    ]
    found = [*ours, *(line for line in _table(home).splitlines() if "qalqan" in line.lower())]
    for program in ("iptables-nft-save", "ip6tables-nft-save"):
        found += [line for line in home.gateway.run([program]).stdout.splitlines() if "QALQAN" in line]
    if daemon.socket.exists():
        found.append(str(daemon.socket))
    helper = processes.with_argument(home.gateway.pids(), b"help.conf")
    return [*found, *(f"process {pid}" for pid in helper)]


def _mark(line: str) -> str:
    match = re.search(r" mark=(\d+)", line)
    return match[1] if match else "0"


def test_sigterm_leaves_nothing(home: Home) -> None:
    daemon = fresh(home)
    daemon.start()
    try:
        assert until(lambda: _help_is_known(home), 5.0) is not None
        with contextlib.ExitStack() as stack:
            streams = [
                stack.enter_context(film(home.devices[key], ALLOWED, version))
                for key in ("tablet", "phone", "parent")
                for version in (4, 6)
            ]
            assert_started(*streams)
            clients.dig(home.devices["tablet"], ALLOWED, extra=("+tcp",))
            fetch(home.devices["tablet"], f"http://{REFUSED}/", 6)
            assert _leftovers(home, daemon), "there is something to leave behind"
            began = time.monotonic()
            assert daemon.stop() == 0
            print(f"SIGTERM → ended after {(time.monotonic() - began) * 1000:.0f} ms")
            assert _leftovers(home, daemon) == []
            assert [one.flows() for one in streams] == [True] * len(streams), "a stop cuts nobody"
            assert _reached(home.devices["tablet"], host=REFUSED)
    finally:
        daemon.stop()


def test_sigterm_while_it_starts_leaves_nothing(home: Home) -> None:
    daemon = fresh(home)
    for delay in (0.1, 0.2, 0.3, 0.4, 0.5, 0.6):
        argv = [sys.executable, "-m", "gateway", "run", "--config", str(daemon.config)]
        process = home.gateway.popen(argv, cwd=ROOT)
        time.sleep(delay)
        stop(process)
        assert _leftovers(home, daemon) == [], f"after {delay} s"


def test_a_start_after_kill_9_and_a_clean_stop_leave_nothing(home: Home, daemon: Daemon) -> None:
    assert until(lambda: _help_is_known(home), 5.0) is not None
    assert _reached(home.devices["tablet"])
    daemon.kill()
    assert _leftovers(home, daemon)
    daemon.start()
    daemon.stop()
    assert until(lambda: _leftovers(home, daemon) == [], 1.0) is not None, _leftovers(home, daemon)


# -------------------------------------------------------------------------------------------- mending

_NAT = "add table ip lab_nat; add chain ip lab_nat postrouting { type nat hook postrouting priority 100; }"
_NAT_RULE = f'add rule ip lab_nat postrouting oifname "{names.WAN}" masquerade'


def _masquerade(home: Home) -> None:
    """What the gateway's own firewall puts back after a flush."""
    home.gateway.run(["nft", "-f", "-"], stdin=f"{_NAT}\n{_NAT_RULE}\n", check=True)


@pytest.mark.parametrize(
    "argv",
    [
        ["nft", "flush", "ruleset"],
        ["nft", "delete", "table", "inet", "qalqan"],
        ["nft", "flush", "table", "inet", "qalqan"],
        ["nft", "flush", "chain", "inet", "qalqan", "ask"],
        ["nft", "flush", "map", "inet", "qalqan", "dev"],
        ["nft", "flush", "map", "inet", "qalqan", "pass"],
    ],
    ids=lambda argv: " ".join(argv).replace("/", "-"),
)
def test_what_somebody_else_spoils_is_mended(home: Home, argv: list[str]) -> None:
    tablet = home.devices["tablet"]
    with fresh(home) as daemon:
        assert _reached(tablet)
        assert home.gateway.run(argv).returncode == 0
        began = time.monotonic()
        _masquerade(home)
        assert until(lambda: daemon.client.call("status")["repairs"] >= 1, MENDED_S) is not None
        took = time.monotonic() - began
        print(f"{' '.join(argv)}: mended after {took * 1000:.0f} ms")
        for version in (4, 6):
            assert _refused(tablet, version)
            assert _reached(tablet, version)
        assert is_explained(clients.dig(tablet, REFUSED, server="8.8.8.8"))
        assert is_explained(clients.dig(tablet, REFUSED, server="8.8.8.8", extra=("+tcp",)))
        assert daemon.client.call("status")["repairs"] <= 2, "it does not repair its own repair"


def test_what_began_while_the_table_was_gone_is_cut(home: Home, daemon: Daemon) -> None:
    tablet = home.devices["tablet"]
    os.kill(daemon.pid, signal.SIGSTOP)
    try:
        home.gateway.run(["nft", "flush", "ruleset"], check=True)
        _masquerade(home)
        with film(tablet, REFUSED, 4) as unseen, film(home.devices["parent"], REFUSED, 4) as mother:
            assert unseen.started()
            assert mother.started()
            os.kill(daemon.pid, signal.SIGCONT)
            took = unseen.death(time.monotonic())
            assert took is not None
            assert mother.flows()
    finally:
        os.kill(daemon.pid, signal.SIGCONT)


# -------------------------------------------------------------------------------------------- SIGHUP


def _reloaded(daemon: Daemon) -> None:
    """Reload, and wait until the new rules apply: by SIGHUP, it takes several turns of the daemon's loop."""
    daemon.client.call("reload")


def test_a_broken_profile_keeps_its_last_good_version(home: Home, daemon: Daemon) -> None:
    tablet = home.devices["tablet"]
    with film(tablet, ALLOWED, 4) as running:
        assert running.started()
        daemon.write_profile("daughter", "name: Daughter\nband: 10-12\ndevices: [nonsense]\nblok: [x]\n")
        _reloaded(daemon)
        (problem,) = daemon.client.call("status")["problems"]
        print(problem)
        assert "daughter.yaml" in problem
        assert "\n" not in problem
        assert running.flows()
        assert _refused(tablet, host=BLOCKED)
        assert _reached(tablet)
        daemon.write_profile("daughter", DAUGHTER)
        _reloaded(daemon)
        assert daemon.client.call("status")["problems"] == []
        assert running.flows()


def test_a_broken_configuration_changes_nothing(home: Home, daemon: Daemon) -> None:
    text = daemon.config.read_text()
    try:
        daemon.config.write_text("lan: [\n")
        _reloaded(daemon)
        assert _refused(home.devices["tablet"])
        assert _reached(home.devices["tablet"])
        (problem,) = daemon.client.call("status")["problems"]
        assert problem.startswith(f"{daemon.config}:")
        assert problem.endswith("Until then the last good settings apply.")
        assert problem in daemon.log.read_text()
        daemon.stop()
        daemon.start()
        assert daemon.client.call("status")["problems"] == [problem], "after a boot too"
        assert _refused(home.devices["tablet"])
        daemon.config.write_text(text)
        _reloaded(daemon)
        assert daemon.client.call("status")["problems"] == []
    finally:
        daemon.config.write_text(text)


@pytest.mark.parametrize("key", ["tablet", "phone"], ids=["closed", "open"])
def test_a_changed_profile_cuts_just_what_it_refuses(home: Home, key: str) -> None:
    device, soon = home.devices[key], "soon.example.net"
    sibling = home.devices["phone" if key == "tablet" else "tablet"]
    profile, rules = ("daughter", DAUGHTER) if key == "tablet" else ("son", SON)
    with fresh(home) as daemon, contextlib.ExitStack() as stack:

        def films(owner: Namespace, host: str) -> list[clients.Stream]:
            return [
                stack.enter_context(film(owner, host, version, scheme=scheme))
                for version in (4, 6)
                for scheme in ("https", "http")
            ]

        hit, spared = films(device, soon), films(device, ALLOWED)
        others = [*films(sibling, soon), *films(home.devices["parent"], soon)]
        assert_started(*hit, *spared, *others)
        daemon.write_profile(profile, {**rules, "block": [*rules["block"], "example.net"]})
        began = time.monotonic()
        daemon.reload()
        deaths = [one.death(began) for one in hit]
        print(f"SIGHUP → the streams that are refused now were cut after {deaths} ms")
        assert None not in deaths
        assert max(filter(None, deaths)) <= CUT_MS
        assert all(one.flows() for one in (*spared, *others))
        assert not _reached(device, host=soon)
        assert _reached(device)


# A client that takes its time: the hello in two parts, a second apart.
_SLOW_HELLO = """
import socket, ssl, sys, time
address, host, pause = sys.argv[1], sys.argv[2], float(sys.argv[3])
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
secure = context.wrap_bio(incoming, outgoing, server_hostname=host)
with socket.create_connection((address, 443), 10) as sock:
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.settimeout(10)
    def shake():
        try:
            secure.do_handshake()
            return True
        except ssl.SSLWantReadError:
            return False
    shake()
    hello = outgoing.read()
    sock.sendall(hello[:200])
    print("half", flush=True)
    time.sleep(pause)
    sock.sendall(hello[200:])
    try:
        while not shake():
            sock.sendall(outgoing.read())
            data = sock.recv(65536)
            if not data:
                break
            incoming.write(data)
        sock.sendall(outgoing.read())
        secure.write(f"GET / HTTP/1.1\\r\\nHost: {host}\\r\\nConnection: close\\r\\n\\r\\n".encode())
        sock.sendall(outgoing.read())
        print("reached" if sock.recv(65536) else "closed")
    except OSError as error:
        print(error)
"""


@FAMILIES
@pytest.mark.parametrize("how", ["reload", "pause of the other child"])
def test_a_handshake_in_the_middle_of_a_change_goes_on(
    home: Home, daemon: Daemon, version: int, how: str
) -> None:
    tablet = home.devices["tablet"]
    outcomes = []
    for host in (ALLOWED, REFUSED):
        argv = [sys.executable, "-c", _SLOW_HELLO, address(host, version), host, "0.6"]
        with stopping(tablet.popen(argv)) as slow:
            assert slow.stdout is not None
            assert slow.stdout.readline() == b"half\n"
            if how == "reload":
                _reloaded(daemon)
            else:
                daemon.client.call("pause", who="son", minutes=5)
                daemon.client.call("resume", who="son")
            outcomes.append(slow.stdout.read().decode().strip())
    assert outcomes[0] == "reached"
    assert "reset" in outcomes[1]


def test_many_reloads_under_load(home: Home, daemon: Daemon) -> None:
    """No connection that begins between two reloads is lost."""
    tablet = home.devices["tablet"]
    times = []
    for _ in range(15):
        daemon.reload()
        outcome = fetch(tablet, f"https://{ALLOWED}/", 4)
        assert outcome.reached, outcome
        times.append(outcome.ms)
        assert _refused(tablet)
    print(f"reached during a reload: median {statistics.median(times):.0f} ms, worst {max(times):.0f} ms")


# -------------------------------------------------------------------------------------------- odd ends


def test_a_lan_interface_that_vanishes(home: Home) -> None:
    with Home(quic=False, journal=False) as own, fresh(own) as daemon:
        assert _refused(own.devices["tablet"])
        own.gateway.run(["ip", "link", "del", names.LAN], check=True)
        time.sleep(0.5)
        assert daemon.client.call("status")["backend"]
        daemon.client.call("pause", who="daughter", minutes=1)
        daemon.client.call("resume", who="daughter")
        daemon.reload()
        answer = daemon.client.call("status")
        assert answer["mode"] == "on"
        (problem,) = answer["problems"]
        assert problem.startswith(f"lan: there is no interface {names.LAN}; look it up")
        assert "Traceback" not in daemon.log.read_text()
        ports = [f"lan{number}" for number in range(1, 5)]
        for argv in (
            ["ip", "link", "add", names.LAN, "address", names.GATEWAY_MAC, "type", "bridge"],
            *(["ip", "link", "set", port, "master", names.LAN] for port in ports),
            ["ip", "addr", "add", f"{names.GATEWAY_IPV4}/24", "dev", names.LAN],
            ["ip", "link", "set", names.LAN, "up"],
        ):
            own.gateway.run(argv, check=True)
        assert until(lambda: _refused(own.devices["tablet"]), 15.0, every=0.2) is not None
        assert _reached(own.devices["tablet"])
        assert daemon.stop() == 0


def test_a_second_network_that_comes_up_later(home: Home) -> None:
    """Its name has a dot, as a VLAN's; it is neither there at the start nor told of when it comes."""
    device = Namespace(f"{home.prefix}-second")
    children = {**DAUGHTER, "devices": [names.TABLET.mac, "02:00:00:00:00:20"]}
    subprocess.run(["ip", "netns", "add", device.name], check=True)
    try:
        with fresh(home, {"daughter": children}, lan=[names.LAN, "lan0.20"]) as daemon:
            assert "no interface lan0.20" in daemon.log.read_text()
            for line in (
                f"link add lan0.20 type veth peer name eth0 netns {device.name}",
                "addr add 192.168.78.1/24 dev lan0.20",
                "link set lan0.20 up",
            ):
                home.gateway.run(["ip", *line.split()], check=True)
            for line in (
                "link set eth0 address 02:00:00:00:00:20 up",
                "addr add 192.168.78.10/24 dev eth0",
                "route add default via 192.168.78.1",
            ):
                device.run(["ip", *line.split()], check=True)
            assert until(lambda: _reached(device), 5.0) is not None
            assert _refused(device)
            assert is_explained(clients.dig(device, REFUSED, server=names.RESOLVER_IPV4))
            assert not daemon.client.call("status")["problems"]
    finally:
        home.gateway.run(["ip", "link", "del", "lan0.20"])
        subprocess.run(["ip", "netns", "del", device.name], check=True)


def test_the_daemon_starts_in_time(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With bytecode, as an installed one. The fastest counts: the others tell what else the machine does."""
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    monkeypatch.setenv("PYTHONPYCACHEPREFIX", str(tmp_path))
    with fresh(home):
        pass
    times = []
    for _ in range(5):
        with fresh(home) as daemon:
            times.append(daemon.seconds_to_ready)
    print(f"start: median {statistics.median(times):.2f} s, worst {max(times):.2f} s of {len(times)}")
    assert min(times) < longest(2.0)


def test_a_profile_that_cannot_be_read_at_the_first_start_is_reported(home: Home) -> None:
    profiles: dict[str, Mapping[str, Any] | str] = {"daughter": DAUGHTER, "mum": MUM, "son": "name: [\n"}
    with fresh(home, profiles) as daemon:
        (problem,) = daemon.client.call("status")["problems"]
        assert "son.yaml" in problem
        assert _refused(home.devices["tablet"])


def test_a_deleted_profile_that_shares_a_device_is_told_and_the_rest_is_filtered(home: Home) -> None:
    shared = {"02:00:00:00:00:0e": {"people": ["daughter", "son"]}}
    profiles: dict[str, Mapping[str, Any] | str] = {
        "daughter": DAUGHTER,
        "mum": MUM,
        "son": {"band": "13-15"},
    }
    daemon = Daemon(home, profiles, settings={"shared": shared})
    (daemon.profiles / "son.yaml").unlink()
    with daemon:
        (problem,) = daemon.client.call("status")["problems"]
        assert "people[2]: there is no profile 'son', so the device has the rules of daughter; put" in problem
        assert problem in daemon.log.read_text()
        assert _refused(home.devices["tablet"])


def test_a_configuration_that_cannot_be_read_is_one_line(home: Home) -> None:
    daemon = fresh(home)
    daemon.config.write_text("lan: br-lan: x\n")
    assert "qalqan.yaml" in _one_line(_run(home, daemon))
    with pytest.raises(LabError):
        daemon.start()
