"""The hotplug scripts: what they tell the daemon, and that they are gone at once where there is none."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from gateway.household.clock_watch import read_stamp
from gateway.lan.dhcp_script import request
from tests.openwrt.router import STATIC, Router

pytestmark = [pytest.mark.needs("root"), pytest.mark.needs(STATIC)]

LEASE = {
    "MACADDR": "02:00:00:00:00:0a",
    "IPADDR": "192.168.1.20",
    "HOSTNAME": "tablet",
    "DNSMASQ_SUPPLIED_HOSTNAME": "Kids Tablet",
    "DNSMASQ_INTERFACE": "br-lan",
}
FLOCK = """[ "$1" != -n ] || { shift && [ ! -e "/taken/${1##*/}" ] || exit 1; }
shift
exec "$@"
"""
EVENT = "usr/lib/qalqan/dhcp-event"
BOOT = "proc/sys/kernel/random/boot_id"


@contextmanager
def listening(router: Router, runtime: str = "tmp/run/qalqan") -> Iterator[None]:
    """A daemon's socket, below a path that may be longer than a socket's."""
    folder = router.root / runtime
    folder.mkdir(parents=True, exist_ok=True)
    with socket.socket(socket.AF_UNIX) as sock:
        where = os.open(folder, os.O_DIRECTORY)
        sock.bind(f"/proc/self/fd/{where}/control.sock")
        os.close(where)
        yield


@pytest.fixture
def dhcp(ready: Router) -> Router:
    """`flock` only goes on here, unless a file of its lock's name says that it is taken; Debian's busybox has
    none. The event's program is a Python on a router.
    """
    ready.program("usr/bin/flock", FLOCK)
    ready.program(EVENT, 'echo "$QALQAN_SOCKET $DNSMASQ_SUPPLIED_HOSTNAME" >> /told')
    return ready


@pytest.mark.parametrize(("action", "event"), [("add", "add"), ("remove", "del")])
def test_a_lease_is_told_as_dnsmasq_would(dhcp: Router, action: str, event: str) -> None:
    with listening(dhcp):
        done = dhcp.hotplug("dhcp", ACTION=action, **LEASE)
    assert (done.returncode, done.stderr) == (0, "")
    words = f"[{event}] [02:00:00:00:00:0a] [192.168.1.20] [tablet]"
    turn = f"[/var/run/qalqan/dhcp-event.lock] [/usr/lib/qalqan/dhcp-event] {words}"
    assert dhcp.told().splitlines() == [
        f"flock [-n] [/var/run/qalqan/dhcp-event.1.lock] [flock] {turn}",
        f"flock {turn}",
        f"dhcp-event {words}",
        "/var/run/qalqan/control.sock Kids Tablet",
    ]


@pytest.mark.parametrize("waiting", [3, 8])
def test_a_device_that_asks_for_lease_after_lease_fills_no_memory(dhcp: Router, waiting: int) -> None:
    """Each that waits is a shell, and behind it a Python: so few wait."""
    for place in range(1, waiting + 1):
        dhcp.write(f"taken/dhcp-event.{place}.lock", "")
    with listening(dhcp):
        done = dhcp.hotplug("dhcp", ACTION="add", **LEASE)
    assert (done.returncode, done.stderr) == (0, "")
    told = [line for line in dhcp.told().splitlines() if line.startswith("dhcp-event ")]
    assert len(told) == (1 if waiting < 8 else 0)


def test_a_device_without_a_name_is_not_called_as_the_router(dhcp: Router) -> None:
    """ash has HOSTNAME of its own, where the environment has none."""
    assert dhcp.shell('echo "$HOSTNAME"').stdout.strip() == os.uname().nodename
    lease = {key: text for key, text in LEASE.items() if key != "HOSTNAME"}
    with listening(dhcp):
        dhcp.hotplug("dhcp", ACTION="add", **lease)
    assert "dhcp-event [add] [02:00:00:00:00:0a] [192.168.1.20]\n" in dhcp.told()


def test_a_lease_of_ipv6_keeps_its_places(dhcp: Router) -> None:
    """Newer dnsmasq scripts leave MACADDR out there; the event finds the address in the environment."""
    lease = {"IPADDR": "fd00::1234", "DNSMASQ_IAID": "1", "DNSMASQ_MAC": "02:00:00:00:00:0a"}
    with listening(dhcp):
        dhcp.hotplug("dhcp", ACTION="add", **lease)
    assert "dhcp-event [add] [] [fd00::1234]\n" in dhcp.told()
    told = request(["add", "", "fd00::1234"], lease)
    assert told == {"do": "lease", "action": "add", "ip": "fd00::1234", "mac": "02:00:00:00:00:0a"}


def test_the_crowd_of_leases_at_a_start_of_dnsmasq_starts_nothing(dhcp: Router) -> None:
    with listening(dhcp):
        dhcp.hotplug("dhcp", ACTION="update", **LEASE)
    assert dhcp.told() == ""


def test_without_a_daemon_nothing_is_started(dhcp: Router) -> None:
    done = dhcp.hotplug("dhcp", ACTION="add", **LEASE)
    assert (done.returncode, dhcp.told()) == (0, "")


def test_the_socket_is_where_uci_says(dhcp: Router) -> None:
    dhcp.shell("uci set qalqan.paths.runtime=/tmp/elsewhere; uci commit qalqan")
    dhcp.forget()
    with listening(dhcp, "tmp/elsewhere"):
        dhcp.hotplug("dhcp", ACTION="add", **LEASE)
    assert "/tmp/elsewhere/control.sock Kids Tablet" in dhcp.told()


def test_the_time_is_stamped_as_the_daemon_reads_it(ready: Router) -> None:
    ready.write(BOOT, "6f1c2b3a-0000-4000-8000-000000000001\n")
    ready.write("proc/uptime", "314.15 600.00\n")
    done = ready.hotplug("ntp", ACTION="stratum", stratum="3")
    assert (done.returncode, done.stderr) == (0, "")
    runtime = ready.root / "tmp/run/qalqan"
    assert read_stamp(runtime, "6f1c2b3a-0000-4000-8000-000000000001") == 314.15
    assert [one.name for one in runtime.iterdir()] == ["clock.synced"]


@pytest.mark.parametrize(
    "environment",
    [{"ACTION": "step", "stratum": "3"}, {"ACTION": "unsync"}, {"ACTION": "stratum", "stratum": "16"}, {}],
)
def test_what_is_not_the_right_time_is_not_stamped(ready: Router, environment: dict[str, str]) -> None:
    ready.write(BOOT, "x\n")
    ready.write("proc/uptime", "1.0 1.0\n")
    ready.hotplug("ntp", **environment)
    assert not (ready.root / "tmp/run/qalqan/clock.synced").exists()


def test_a_lan_that_was_moved_is_said(ready: Router) -> None:
    done = ready.hotplug("iface", ACTION="ifup", INTERFACE="lan", DEVICE="br-lan.10")
    assert done.returncode == 0
    assert ready.told().startswith(
        "logger [-t] [qalqan] [-p] [daemon.warn] [the network lan is on br-lan.10,"
    )
    assert "uci add_list qalqan.main.lan=br-lan.10;" in ready.told()


@pytest.mark.parametrize(
    ("action", "interface", "device"),
    [
        ("ifup", "lan", "br-lan"),
        ("ifdown", "lan", "br-lan.10"),
        ("ifup", "wan", "pppoe-wan"),
        ("ifup", "lan", ""),
    ],
)
def test_other_interfaces_are_nobodys_matter(ready: Router, action: str, interface: str, device: str) -> None:
    ready.hotplug("iface", ACTION=action, INTERFACE=interface, DEVICE=device)
    assert ready.told() == ""


def test_a_family_file_that_names_the_interfaces_is_not_argued_with(ready: Router) -> None:
    ready.config("qalqan", "config qalqan 'main'\n")
    ready.hotplug("iface", ACTION="ifup", INTERFACE="lan", DEVICE="br-lan.10")
    assert ready.told() == ""


@pytest.mark.parametrize(
    ("action", "button", "reported"),
    [("pressed", "wps", True), ("released", "wps", False), ("pressed", "reset", False)],
)
def test_a_press_of_the_wps_button_is_reported_once(
    ready: Router, action: str, button: str, reported: bool
) -> None:
    done = ready.hotplug("button", ACTION=action, BUTTON=button, SEEN="0")
    assert (done.returncode, done.stderr) == (0, "")
    assert ready.told() == ("qalqan [button]\n" if reported else "")
