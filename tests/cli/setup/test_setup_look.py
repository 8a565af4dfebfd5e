"""What `qalqan setup` sees: files below a root of their own, and the kernel's own network in a namespace."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.lan.machine import read_machine
from gateway.setup import look as setup_look
from gateway.setup.dhcp import discover, offered, servers_on
from gateway.setup.facts import Dnsmasq, Offer
from gateway.setup.look import (
    capable,
    country_by_zone,
    look,
    points_of_iw,
    read_dnsmasq,
    read_kernel,
    read_timezone,
)
from tests.kernel.home import Namespace
from tests.pace import until

pytestmark = pytest.mark.lab


def put(root: Path, name: str, text: str = "") -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.fixture
def space() -> Iterator[Namespace]:
    made = Namespace()
    made.ip(
        "link add name br-lan type bridge",
        "link add name lan0 type veth peer name far0",
        "link add name wan type veth peer name far1",
        "link set lan0 master br-lan",
        *(f"link set {name} up" for name in ("br-lan", "lan0", "far0", "wan", "far1")),
        "address add 192.168.77.1/24 dev br-lan",
        "address add 203.0.113.2/30 dev wan valid_lft 600 preferred_lft 600",
        "route add default via 203.0.113.1",
    )
    with made.inside():
        yield made
    made.close()


def test_a_machine_with_nothing_in_its_files(space: Namespace, tmp_path: Path) -> None:
    facts = look(tmp_path / "qalqan.yaml", tmp_path)
    assert facts.machine.way_out(4) == {"wan"}
    assert facts.machine.leased == {"wan"}, "br-lan's address is its own"
    assert facts.kernel.capable
    assert facts.kernel.nft == ""
    assert facts.kernel.queue
    assert (facts.config, facts.timezone, facts.country, facts.flushes, facts.units) == (None, "", "", "", ())
    assert not facts.openwrt
    assert facts.access_points == frozenset()
    assert not facts.dnsmasq.service


def test_neighbours_that_do_not_answer_were_not_seen(space: Namespace) -> None:
    space.ip(
        "neigh add 192.168.77.7 lladdr 02:00:00:00:00:07 dev br-lan nud reachable",
        "neigh add 192.168.77.8 lladdr 02:00:00:00:00:08 dev br-lan nud permanent",
        "neigh add 192.168.77.9 dev br-lan nud failed",
    )
    assert [neighbour.mac for neighbour in read_machine().seen] == ["02:00:00:00:00:07"]


def test_files_of_a_debian_machine(space: Namespace, tmp_path: Path) -> None:
    put(tmp_path, "etc/timezone", "Asia/Almaty\n")
    put(tmp_path, "etc/hostapd/hostapd.conf", "driver=nl80211\ninterface=lan0\n#interface=far0\n")
    put(tmp_path, "etc/hostapd/other.conf", "interface=gone0\n")
    put(tmp_path, "etc/network/interfaces.d/eth0", "auto eth0\niface eth0 inet dhcp\n")
    put(tmp_path, "etc/nftables.conf", "#!/usr/sbin/nft -f\n\nflush ruleset\n")
    put(tmp_path, "usr/lib/systemd/system/qalqan.service")
    put(tmp_path, "etc/systemd/system/qalqan-web.service")
    put(tmp_path, "usr/lib/qalqan/dhcp-event")
    put(tmp_path, "var/lib/NetworkManager/dnsmasq-br-lan.leases")
    config = put(tmp_path, "etc/qalqan/qalqan.yaml", "lan: [br-lan]\n")
    facts = look(config, tmp_path)
    assert (facts.timezone, facts.country) == ("Asia/Almaty", "kz")
    assert facts.access_points == {"lan0"}
    assert "ifupdown" in facts.managers
    assert facts.flushes == "/etc/nftables.conf"
    assert facts.units == ("qalqan.service", "qalqan-web.service")
    assert facts.hook == "/usr/lib/qalqan/dhcp-event"
    assert facts.lent == {"br-lan": "/var/lib/NetworkManager/dnsmasq-br-lan.leases"}
    assert facts.config == b"lan: [br-lan]\n"


def test_openwrt_is_known(space: Namespace, tmp_path: Path) -> None:
    put(tmp_path, "etc/openwrt_release")
    assert look(tmp_path / "qalqan.yaml", tmp_path).openwrt


def test_access_points_of_networkmanager_and_of_the_kernel(space: Namespace, tmp_path: Path) -> None:
    folder = "etc/NetworkManager/system-connections"
    put(tmp_path, f"{folder}/Home.nmconnection", "[connection]\ninterface-name=lan0\n[wifi]\nmode=ap\n")
    put(
        tmp_path,
        f"{folder}/Cafe.nmconnection",
        "[connection]\ninterface-name=wan\n[wifi]\nmode=infrastructure\n",
    )
    assert look(tmp_path / "qalqan.yaml", tmp_path).access_points == {"lan0"}
    listed = "phy#0\n\tInterface wlan1\n\t\ttype managed\n\tInterface wlan0\n\t\tifindex 3\n\t\ttype AP\n"
    assert list(points_of_iw(listed)) == ["wlan0"]


def test_rules_that_an_earlier_set_up_wrote_are_not_others(space: Namespace, tmp_path: Path) -> None:
    for name in ("qalqan_nat", "theirs"):
        space.run("nft", "add", "table", "inet", name)
    facts = look(tmp_path / "qalqan.yaml", tmp_path)
    tables = [item["table"]["name"] for item in facts.rules.objects or () if "table" in item]
    assert tables == ["theirs"]


@pytest.mark.parametrize(
    ("files", "zone"),
    [
        ({"etc/timezone": "Europe/Berlin\n"}, "Europe/Berlin"),
        ({"etc/timezone": "Mars/Base\n"}, ""),
        ({"etc/localtime": "/usr/share/zoneinfo/America/Argentina/Ushuaia"}, "America/Argentina/Ushuaia"),
        ({"etc/timezone": "no zone", "etc/localtime": "../usr/share/zoneinfo/Asia/Almaty"}, "Asia/Almaty"),
        ({"etc/localtime": "/srv/own"}, ""),
        ({}, ""),
    ],
)
def test_the_time_zone(tmp_path: Path, files: dict[str, str], zone: str) -> None:
    (tmp_path / "etc").mkdir()
    for name, text in files.items():
        if name == "etc/localtime":
            (tmp_path / name).symlink_to(text)
        else:
            put(tmp_path, name, text)
    assert read_timezone(tmp_path) == zone


def test_the_country_is_a_guess_by_the_zone(tmp_path: Path) -> None:
    table = "#codes\nKZ\t+4315+07657\tAsia/Almaty\tmost of Kazakhstan\nDE\t+5230+01322\tEurope/Berlin\n"
    put(tmp_path, "usr/share/zoneinfo/zone.tab", table)
    for zone, country in (("Asia/Almaty", "kz"), ("Europe/Berlin", "de"), ("UTC", ""), ("", "")):
        assert country_by_zone(zone, tmp_path) == country


def test_what_dnsmasqs_files_say_but_for_ours(tmp_path: Path) -> None:
    put(tmp_path, "etc/init.d/dnsmasq")
    put(
        tmp_path, "etc/dnsmasq.conf", "# dhcp-script=/x\ndomain-needed\ndhcp-leasefile=/srv/leases  # there\n"
    )
    put(tmp_path, "etc/dnsmasq.d/lan", "dhcp-range = 10.0.0.5,10.0.0.9\ndhcp-leasefile=/other\n")
    put(tmp_path, "etc/dnsmasq.d/qalqan.conf", "dhcp-script=/ours\ndhcp-range=10.1.0.5,10.1.0.9,12h\n")
    put(tmp_path, "etc/dnsmasq.d/old.dpkg-old", "dhcp-script=/older\n")
    found = read_dnsmasq(tmp_path)
    assert found.service
    assert found.options == {
        "domain-needed": "",
        "dhcp-leasefile": "/srv/leases",
        "dhcp-range": "10.0.0.5,10.0.0.9",
    }
    assert found.own_range == "10.1.0.5,10.1.0.9,12h"
    assert read_dnsmasq(tmp_path / "nowhere") == Dnsmasq(found.program, service=False, options={})


@pytest.mark.parametrize(
    ("status", "can"),
    [
        ("Name:\tx\nCapEff:\t000001ffffffffff\n", True),
        ("CapEff:\t0000000000001000\n", True),
        ("CapEff:\t00000000a80425fb\n", False),  # a container's, as Docker has it
        ("", False),
    ],
)
def test_what_a_container_may(status: str, can: bool) -> None:
    assert capable(status) is can


def test_a_process_without_the_right_asks_the_kernel_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(setup_look, "text_of", lambda _: "CapEff:\t00000000a80425fb\n")
    assert not read_kernel().capable


# -------------------------------------------------------------------- DHCP


@pytest.mark.needs("dnsmasq")
def test_who_gives_addresses_is_asked_as_a_device_asks(space: Namespace, tmp_path: Path) -> None:
    """A real dnsmasq at the other end of the wire; it lends nothing."""
    far = Namespace()
    space.run("ip", "link", "set", "far0", "netns", far.path)
    far.ip("link set far0 up", "address add 192.168.77.9/24 dev far0")
    assert servers_on("br-lan", 0.2) == ()
    command = [
        "dnsmasq", "--no-daemon", "--conf-file=/dev/null", "--port=0", "--user=root", "--no-ping",
        "--interface=far0", "--dhcp-authoritative",
        "--dhcp-range=192.168.77.100,192.168.77.150,1h", "--dhcp-option=3,192.168.77.254",
        f"--dhcp-leasefile={tmp_path / 'leases'}", f"--pid-file={tmp_path / 'pid'}",
    ]  # fmt: skip
    with far.inside():
        server = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        wanted = (Offer("192.168.77.9", "192.168.77.254"),)
        assert until(lambda: servers_on("br-lan", 1.0) == wanted, 10.0, every=0.1) is not None
        assert (tmp_path / "leases").read_text() == ""
    finally:
        server.terminate()
        server.wait()
        far.close()


def test_what_is_no_offer_of_ours_is_none() -> None:
    ours = discover(bytes.fromhex("020000000001"), 7)
    assert offered(ours, 7) is None, "a question"
    answer = bytearray(ours)
    answer[34:38], answer[42] = b"\0\x43\0\x44", 2
    answer[42 + 240 : 42 + 243] = bytes((53, 1, 2))
    assert offered(bytes(answer), 7) == Offer("0.0.0.0", "")
    assert offered(bytes(answer), 8) is None, "somebody else's"
    for length in range(len(answer)):
        offered(bytes(answer[:length]), 7)


def test_addresses_that_are_lent_and_those_that_stay(space: Namespace) -> None:
    assert read_machine().leased == {"wan"}
    space.ip("address change 203.0.113.2/30 dev wan valid_lft forever preferred_lft forever")
    assert read_machine().leased == frozenset()
