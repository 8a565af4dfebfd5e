"""The package and `qalqan setup`, as a new user has them, on a machine that boots: from dpkg -i to purge.

The machine is the gateway of a home of its own, with Debian's dnsmasq as its DHCP server and resolver, and
nobody translates addresses there but whom setup has told to. In the order in which they stand: each test
leaves the machine as the next one needs it.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.debian.booted import Booted
from tests.debian.overlay import Overlay
from tests.lab import clients, names
from tests.lab.filtering import ALLOWED, CUT, REFUSED, fetch, module
from tests.lab.home import Home
from tests.lab.netns import Namespace

pytestmark = [
    pytest.mark.random_order(disabled=True),
    pytest.mark.slow,
    pytest.mark.lab,
    pytest.mark.needs("systemd-nspawn"),
    pytest.mark.needs("apt-get"),
    pytest.mark.needs("/usr/lib/python3/dist-packages/netfilterqueue"),
]

SETUP = ("qalqan", "setup", "--yes", "--lan", names.LAN, "--wan", names.WAN, "--country", "kz",
         "--timezone", "Asia/Almaty")  # fmt: skip
POOL = "192.168.77.100-192.168.77.150"
DAUGHTER = 'name: Daughter\nband: 10-12\nblock: ["service:tiktok"]\nbedtime: {}\n'
UPSTREAM = f"no-resolv\nno-ping\nserver={names.RESOLVER_IPV4}\n"
LEASES = "/var/lib/misc/dnsmasq.leases"
EAR = (
    "import socket; s = socket.socket(socket.AF_UNIX); s.bind('/run/ear'); s.listen(); "
    "c = s.accept()[0]; open('/run/heard', 'wb').write(c.recv(4096))"
)
DNSMASQ = ("dnsmasq", "runit-helper")  # its packages, without dnsmasq-base
LABEL = re.compile(r"The label's code: (\S+)\. The first person who enters it")
HELD = "[Service]\nExecStartPre=/bin/sh -c 'until test -e /run/go; do sleep 0.1; done'\n"
PURGED = ("/etc/qalqan", "/var/lib/qalqan", "/run/qalqan", "/usr/lib/qalqan", "/usr/share/qalqan",
          "/etc/sysctl.d/90-qalqan.conf", "/etc/dnsmasq.d/qalqan.conf")  # fmt: skip


@pytest.fixture(scope="module")
def house() -> Iterator[Home]:
    """Nobody outside knows the way back to its addresses, and nobody gives any inside."""
    with Home(quic=False) as built:
        built.gateway.run(["nft", "delete", "table", "ip", "lab_nat"], check=True)
        built.gateway.run(["sysctl", "-qw", "net.ipv4.ip_forward=0"], check=True)
        built.gateway.run(["kill", (built.folder / "dnsmasq.pid").read_text().strip()], check=True)
        yield built


@pytest.fixture(scope="module")
def machine(house: Home, package: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Booted]:
    folder = tmp_path_factory.mktemp("dnsmasq")
    subprocess.run(["apt-get", "--quiet", "download", *DNSMASQ], cwd=folder, check=True)
    with Overlay(tmp_path_factory.mktemp("overlay")) as overlay:
        theirs, ours = [overlay.put(one) for one in folder.glob("*.deb")], overlay.put(package)
        with Booted(overlay, house.gateway) as booted:
            booted.write("/etc/dnsmasq.d/home.conf", UPSTREAM)
            booted.run("dpkg", "--install", *theirs)
            booted.run("dpkg", "--install", ours)
            yield booted


@pytest.fixture
def tablet(house: Home) -> Namespace:
    return house.devices["tablet"]


def reached(device: Namespace, host: str = ALLOWED, version: int = 4) -> bool:
    return fetch(device, f"https://{host}/", version, timeout=2.0).reached


def errors(machine: Booted) -> list[str]:
    said = machine.run("qalqan", "check", check=False).stdout
    return [line for line in said.splitlines() if line.startswith("error ")]


def table(machine: Booted, name: str) -> str:
    return machine.run("nft", "list", "table", "inet", name, check=False).stdout


def test_installed_it_is_no_gateway_yet(machine: Booted, tablet: Namespace) -> None:
    assert machine.active("qalqan", "qalqan-web", "qalqan-guard", "qalqan-nat") == ["inactive"] * 4
    assert not reached(tablet)


def test_a_dry_run_changes_nothing(machine: Booted) -> None:
    said = machine.run(*SETUP, "--dhcp", POOL, "--dry-run").stdout
    assert "    dhcp-script=/usr/lib/qalqan/dhcp-event\n" in said
    left = machine.run("find", "/etc/qalqan", "/etc/dnsmasq.d", "/etc/sysctl.d", "-name", "*qalqan.*").stdout
    assert left == ""
    assert machine.tables() == []


def test_set_up_it_is_one(machine: Booted, house: Home, tablet: Namespace) -> None:
    said = machine.run(*SETUP, "--dhcp", POOL).stdout
    assert LABEL.search(said), said
    assert machine.active("qalqan", "qalqan-web", "qalqan-nat", "dnsmasq") == ["active"] * 4
    assert set(machine.tables()) == {"table inet qalqan", "table inet qalqan_nat"}
    assert errors(machine) == []
    for version in (4, 6):
        assert reached(tablet, version=version)
    assert LABEL.search(said)[1] in machine.run("qalqan", "guardian", "list").stdout  # type: ignore[index]
    page = clients.curl(tablet, f"http://{names.GATEWAY_IPV4}:8080/")
    assert page.status in (200, 302, 303), page


def test_set_up_again_nothing_is_another(machine: Booted) -> None:
    assert "Written:" not in machine.run(*SETUP, "--dhcp", POOL).stdout


def test_each_file_is_for_whom_it_concerns(machine: Booted) -> None:
    files = ("/etc/qalqan/qalqan.yaml", "/etc/qalqan/nat.nft",
             "/etc/qalqan/setup/record.json", "/etc/dnsmasq.d/qalqan.conf",
             "/etc/sysctl.d/90-qalqan.conf")  # fmt: skip
    assert machine.run("stat", "--format=%n %A %U %G", *files).stdout.splitlines() == [
        "/etc/qalqan/qalqan.yaml -rw-r----- qalqan qalqan-web",
        "/etc/qalqan/nat.nft -rw-r----- qalqan qalqan-web",
        "/etc/qalqan/setup/record.json -rw------- root qalqan-web",
        "/etc/dnsmasq.d/qalqan.conf -rw-r--r-- root root",
        "/etc/sysctl.d/90-qalqan.conf -rw-r--r-- root root",
    ]


def test_a_childs_device_is_filtered(machine: Booted, house: Home, tablet: Namespace) -> None:
    assert reached(
        house.devices["parent"], REFUSED
    )  # who is there before the first child's file is the house's
    machine.write("/etc/qalqan/profiles/daughter.yaml", DAUGHTER)
    machine.run("systemctl", "reload", "qalqan")
    machine.run("qalqan", "device", "assign", names.TABLET.mac, "daughter")
    Booted.wait_for(lambda: fetch(tablet, f"https://{REFUSED}/", 4).how in CUT)
    for version in (4, 6):
        assert fetch(tablet, f"https://{REFUSED}/", version).how in CUT
        assert reached(tablet, version=version)
        assert reached(house.devices["parent"], REFUSED, version)
    assert "Daughter" in clients.curl(tablet, f"http://{names.GATEWAY_IPV4}:8080/my").body


def test_dnsmasq_tells_of_a_new_device(machine: Booted, house: Home) -> None:
    device = house.devices["new"]
    device.run(["ip", "-4", "addr", "flush", "dev", "eth0"], check=True)
    module(device, "dhcpclient", "eth0", "--name", "Aruzhan-iPad")
    device.run(["ip", "route", "replace", "default", "via", names.GATEWAY_IPV4], check=True)
    assert reached(device)
    assert "192.168.77.1" in machine.run("cat", LEASES).stdout
    Booted.wait_for(lambda: "ruzhan-ipad" in machine.run("qalqan", "device", "list").stdout.lower())


def test_dnsmasqs_service_runs_the_hook_and_the_daemon_takes_what_it_says(machine: Booted) -> None:
    """The daemon hears DHCP on the wire too: so the hook is run by hand, and then tells another ear."""
    machine.run("/usr/lib/qalqan/dhcp-event", "old", names.TABLET.mac, names.TABLET.ipv4, "told-by-hook")
    Booted.wait_for(lambda: "told-by-hook" in machine.run("qalqan", "device", "list").stdout)
    machine.run("systemd-run", "--unit=ear", "python3", "-c", EAR)
    machine.write(
        "/run/systemd/system/dnsmasq.service.d/ear.conf", "[Service]\nEnvironment=QALQAN_SOCKET=/run/ear\n"
    )
    machine.run("systemctl", "daemon-reload")
    Booted.wait_for(lambda: machine.run("test", "-S", "/run/ear", check=False).returncode == 0)
    machine.run("systemctl", "restart", "dnsmasq")  # it tells of each lease that it has
    Booted.wait_for(lambda: names.NEW.mac in machine.run("cat", "/run/heard", check=False).stdout)
    assert '"do": "lease"' in machine.run("cat", "/run/heard").stdout
    machine.run("rm", "/run/systemd/system/dnsmasq.service.d/ear.conf")
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "restart", "dnsmasq")


def test_killed_before_any_reboot_it_comes_back(machine: Booted, tablet: Namespace) -> None:
    before = machine.pid("qalqan")
    machine.run("systemctl", "kill", "--signal=KILL", "qalqan")
    Booted.wait_for(lambda: machine.pid("qalqan") not in (0, before))
    Booted.wait_for(lambda: machine.active("qalqan") == ["active"])
    assert reached(tablet)
    assert fetch(tablet, f"https://{REFUSED}/", 4).how in CUT


def test_after_a_power_cut_the_guard_holds_the_child_until_the_daemon_runs(
    machine: Booted, house: Home, tablet: Namespace
) -> None:
    machine.write("/etc/systemd/system/qalqan.service.d/held.conf", HELD)
    machine.cut_off()
    house.gateway.run(["nft", "flush", "ruleset"], check=True)
    house.gateway.run(["sysctl", "-qw", "net.ipv4.ip_forward=0"], check=True)
    machine.boot(lambda: machine.active("qalqan-guard", "qalqan-nat", "dnsmasq") == ["active"] * 3)
    assert machine.active("qalqan") == ["activating"]
    written = machine.run("cat", "/var/lib/qalqan/guard.nft").stdout
    assert names.TABLET.mac in written
    assert "queue" not in table(machine, "qalqan")
    assert not reached(tablet)
    assert not reached(tablet, version=6)
    assert reached(house.devices["parent"])  # by setup's forwarding and translation
    machine.run("touch", "/run/go")
    Booted.wait_for(lambda: machine.active("qalqan", "qalqan-web") == ["active"] * 2)
    assert "queue" in table(machine, "qalqan")
    for version in (4, 6):
        assert reached(tablet, version=version)
        assert fetch(tablet, f"https://{REFUSED}/", version).how in CUT
    assert errors(machine) == []


def test_undone_it_is_no_gateway_any_more(machine: Booted, house: Home, tablet: Namespace) -> None:
    said = machine.run("qalqan", "setup", "--undo", "--yes").stdout
    assert "/etc/qalqan/qalqan.yaml: removed" in said
    assert machine.active("qalqan", "qalqan-web", "qalqan-nat") == ["inactive"] * 3
    assert machine.tables() == []
    assert not reached(tablet)
    assert not reached(house.devices["parent"])
    assert machine.active("dnsmasq") == ["active"]
    left = machine.run(
        "find", "/etc/qalqan", "-type", "f", "-not", "-path", "*/history/*"
    ).stdout.splitlines()
    assert left == ["/etc/qalqan/profiles/daughter.yaml"]
    enabled = machine.run("systemctl", "is-enabled", "qalqan", "qalqan-web").stdout.split()
    assert enabled == ["enabled"] * 2  # by the package: whoever sets it up by hand finds them so


def test_set_up_anew_and_purged_nothing_is_left(machine: Booted, house: Home, tablet: Namespace) -> None:
    machine.run(*SETUP, "--dhcp", POOL)
    assert fetch(tablet, f"https://{REFUSED}/", 4).how in CUT
    machine.run("dpkg", "--purge", "qalqan")
    assert machine.tables() == []
    assert machine.run("pgrep", "--full", "qalqan", check=False).stdout == ""
    assert machine.run("sh", "-c", f"ls -d {' '.join(PURGED)}", check=False).stdout == ""
    assert machine.active("dnsmasq") == ["active"]
    machine.run("systemctl", "restart", "dnsmasq")
