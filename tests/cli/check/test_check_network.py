"""`check` and the machine's network: real links, rules and neighbours, each home in its own namespace."""

from __future__ import annotations

import ipaddress
import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from netfilterqueue import COPY_META, NetfilterQueue

from gateway.check import rulesets as check_rules
from gateway.check.firewall import firewall_findings
from gateway.check.lan import BRIDGE_FILTER, lan_findings
from gateway.check.rulesets import LoadedRulesets, mark_findings, parsed, read_rules, rule_findings
from gateway.lan.machine import DefaultRoute, NetworkSnapshot, read_machine, setting
from gateway.policy.config.config import Config, MarkBits, OffloadWish
from tests.kernel.home import Namespace

pytestmark = pytest.mark.lab

HOME = (
    "link add name br-lan type bridge",
    "link add name lan0 type veth peer name far0",
    "link add name wan type veth peer name far1",
    "link set lan0 master br-lan",
    *(f"link set {name} up" for name in ("br-lan", "lan0", "far0", "wan", "far1")),
    "address add 192.168.77.1/24 dev br-lan",
    "address add 203.0.113.2/30 dev wan",
    "route add default via 203.0.113.1",
)
ONE_ARM = (
    "link add name eth0 type veth peer name far0",
    *(f"link set {name} up" for name in ("eth0", "far0")),
    "address add 192.168.77.2/24 dev eth0",
    "route add default via 192.168.77.1",
)
ROUTER = "fe80::7 lladdr 02:00:00:00:00:77"


@pytest.fixture
def space() -> Iterator[Namespace]:
    made = Namespace()
    for name in ("send_redirects", "forwarding"):
        made.sysctl(f"ipv4/conf/all/{name}", 0)
        made.sysctl(f"ipv4/conf/default/{name}", 0)
    made.sysctl("ipv4/ip_forward", 1)
    with made.inside():
        bridges_apart(made)
        yield made
    made.close()


def bridges_apart(space: Namespace) -> None:
    """Where the module is loaded it is on in every new namespace, and what is bridged meets the firewall."""
    for name in BRIDGE_FILTER:
        if setting(f"bridge/{name}"):
            space.sysctl(f"bridge/{name}", 0)


def lan_lines(config: Config) -> list[str]:
    """All but what is well."""
    return [str(finding) for finding in lan_findings(config, read_machine()) if finding.level != "ok"]


def test_a_home_whose_addresses_go_out_as_they_are(space: Namespace) -> None:
    space.ip(*HOME)
    (line,) = firewall_lines(Config(), nat=True)
    assert line.startswith(
        "warning nat: 192.168.77.0/24 leaves by wan untranslated: responses cannot reach it"
    )
    space.run(
        "iptables", "-t", "nat", "-A", "POSTROUTING", "-o", "wan", "-s", "192.168.77.0/24", "-j", "MASQUERADE"
    )
    assert firewall_lines(Config(), nat=True) == []
    space.ip("address flush dev br-lan", "address add 198.51.100.1/24 dev br-lan")
    space.run("iptables", "-t", "nat", "-F")
    assert firewall_lines(Config(), nat=True) == [], "addresses of the world need none"


def test_a_machine_that_does_not_forward(space: Namespace) -> None:
    space.ip(*HOME, "address add 2001:db8:77::1/64 dev br-lan nodad")
    space.run("ip", "-6", "route", "add", "default", "via", "fe80::1", "dev", "wan")
    space.sysctl("ipv6/conf/all/forwarding", 0)
    (note,) = lan_lines(Config())
    assert note.startswith("note routing: IPv6 is on both sides and is not forwarded")
    space.sysctl("ipv6/conf/all/forwarding", 1)
    space.sysctl("ipv4/ip_forward", 0)
    (warning,) = lan_lines(Config())
    assert warning.startswith("warning routing: forwarding is off: no device reaches the internet through")


def test_a_home_as_it_should_be(space: Namespace) -> None:
    space.ip(*HOME)
    assert lan_lines(Config()) == []
    findings = [str(finding) for finding in lan_findings(Config(), read_machine())]
    dropped = "ok lan: claims of this machine's addresses are dropped between the ports of br-lan"
    assert findings == ["ok lan: br-lan is there", dropped]


@pytest.mark.parametrize(
    ("more", "config", "line"),
    [
        (
            (),
            Config(gateway_open=True),
            "note router: children and guests reach every service of this machine",
        ),
        (
            (),
            Config(lan=("br-lan", "br.x")),
            "error lan: there is no interface br.x: look it up with: ip link",
        ),
        (
            (),
            Config(lan=("lan0",)),
            "error lan: lan0 is a port of br-lan: what comes in there is met on br-lan",
        ),
        (
            ("link set br-lan down",),
            Config(),
            "warning lan: br-lan is switched off: switch it on: ip link set",
        ),
        (("address flush dev br-lan",), Config(), "warning lan: br-lan has no address"),
        (("route del default",), Config(), "note uplink: there is no default route"),
        (
            (
                "address flush dev wan",
                "address add 192.168.1.7/24 dev wan",
                "route add default via 192.168.1.1",
            ),
            Config(),
            "note nat: wan has 192.168.1.7: another router translates too (double NAT): nothing",
        ),
        (
            ("address add 100.64.3.4/10 dev wan",),
            Config(),
            "note nat: wan has 100.64.3.4: the provider uses carrier-grade NAT",
        ),
        (
            ("address add 192.168.77.9/24 dev wan",),
            Config(),
            "error nat: br-lan and wan are both in 192.168.77.0/24: give br-lan another network",
        ),
        (
            (f"-6 neigh add {ROUTER} dev br-lan router nud reachable",),
            Config(),
            "warning ipv6: fe80::7 (02:00:00:00:00:77) on br-lan announces itself as a router: devices may",
        ),
    ],
)
def test_what_is_wrong_with_it(space: Namespace, more: tuple[str, ...], config: Config, line: str) -> None:
    space.ip(*HOME)
    for command in more:
        space.run("ip", *command.split())
    assert any(shown.startswith(line) for shown in lan_lines(config)), lan_lines(config)


@pytest.mark.parametrize(
    ("address", "sysctl", "over"),
    [
        ("192.168.99.1/24", "ipv4", "IPv4"),
        ("2001:db8:99::1/64", "ipv6", "IPv6"),
    ],
)
def test_a_network_that_is_routed_and_not_filtered(
    space: Namespace, address: str, sysctl: str, over: str
) -> None:
    space.ip(*HOME, "link add name br.iot type bridge", "link set br.iot up")
    space.ip(f"address add {address} dev br.iot{' nodad' if ':' in address else ''}")
    space.sysctl("ipv4/conf/all/forwarding", 0)
    assert not [line for line in lan_lines(Config()) if "br.iot" in line]
    space.sysctl(f"{sysctl}/conf/all/forwarding", 1)
    wanted = (
        f"warning lan: br.iot is routed over {over} and is not in `lan`: nothing from there is filtered: add"
    )
    assert [line for line in lan_lines(Config()) if line.startswith(wanted)], lan_lines(Config())
    assert not [line for line in lan_lines(Config(lan=("br-lan", "br.iot"))) if "not in `lan`" in line]


@pytest.mark.parametrize(
    ("name", "level"),
    [
        ("docker0", "note"),
        ("br-5f0c6e1d2a3b", "note"),
        ("veth5f0c6e1", "note"),
        ("br-guest", "warning"),  # as OpenWrt names a bridge
        ("br-cafe", "warning"),
    ],
)
def test_networks_of_containers_are_reported_in_passing(space: Namespace, name: str, level: str) -> None:
    space.ip(*HOME, f"link add name {name} type bridge", f"link set {name} up")
    space.ip(f"address add 172.17.0.1/16 dev {name}")
    (line,) = lan_lines(Config())
    assert line.startswith(f"{level} lan: {name} is routed over IPv4 and is not in `lan`")


@pytest.mark.parametrize("version", [4, 6])
def test_a_default_route_with_two_gateways_is_a_way_out(space: Namespace, version: int) -> None:
    """ECMP: two providers, or two routers that advertise themselves."""
    space.ip(*HOME, "route del default")
    if version == 4:
        space.ip("link add name wan2 type veth peer name far2", "link set wan2 up", "link set far2 up")
        space.ip("address add 198.51.100.2/30 dev wan2")
        space.ip("route add default nexthop via 203.0.113.1 dev wan nexthop via 198.51.100.1 dev wan2")
        wanted = {("wan", "203.0.113.1"), ("wan2", "198.51.100.1")}
    else:
        hops = " ".join(f"nexthop via fe80::{last} dev wan" for last in (1, 2))
        space.run("ip", "-6", "route", "add", "default", *hops.split())
        wanted = {("wan", "fe80::1"), ("wan", "fe80::2")}
    machine = read_machine()
    assert {(way.interface, str(way.gateway)) for way in machine.ways} == wanted
    assert {way.version for way in machine.ways} == {version}
    assert lan_lines(Config()) == []


def test_one_arm(space: Namespace) -> None:
    config = Config(lan=("eth0",))
    space.ip(*ONE_ARM)
    space.sysctl("ipv4/conf/eth0/send_redirects", 1)
    space.run("ip", "-6", "neigh", "add", *ROUTER.split(), "dev", "eth0", "router")
    space.run("ip", "-6", "route", "add", "default", "via", "fe80::7", "dev", "eth0")
    found = lan_lines(config)
    for line in (
        "note uplink: eth0 is the home's side and the way out: one arm",
        "error uplink: send_redirects is 1: eth0 shows devices the route past this machine: sysctl -w net",
        "warning uplink: no DHCP server is on this machine",
        "error uplink: fe80::7 is the IPv6 router on eth0: devices bypass this machine",
    ):
        assert any(shown.startswith(line) for shown in found), (line, found)
    space.sysctl("ipv4/conf/eth0/send_redirects", 0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("0.0.0.0", 67))
        found = lan_lines(config)
    assert not [shown for shown in found if "send_redirects" in shown or "DHCP" in shown]


def test_devices_without_a_lease(space: Namespace, tmp_path: Path) -> None:
    space.ip(*HOME)
    leases = tmp_path / "leases"
    config = Config(leases=(str(leases),))
    assert [line for line in lan_lines(config) if line.startswith("note dhcp: ") and "cannot be read" in line]
    leases.write_text("1 02:00:00:00:00:01 192.168.77.11 * *\n")
    for last in (1, 2):
        space.ip(f"neigh add 192.168.77.1{last} lladdr 02:00:00:00:00:0{last} dev br-lan nud reachable")
    assert (
        "note dhcp: 1 of 2 devices have no lease of this machine (02:00:00:00:00:02)" in lan_lines(config)[0]
    )
    for last in (3, 4):
        space.ip(f"neigh add 192.168.77.1{last} lladdr 02:00:00:00:00:0{last} dev br-lan nud reachable")
    assert lan_lines(config)[0].startswith("warning dhcp: 3 of 4 devices have no lease of this machine")
    config = Config(leases=(str(leases), str(tmp_path / "of a server that is off")))
    assert lan_lines(config)[0].startswith("warning dhcp: 3 of 4 devices have no lease of this machine")


# -------------------------------------------------------------------- rules of others


def rule_lines(config: Config) -> list[str]:
    return [str(finding) for finding in rule_findings(config, read_rules()) if finding.level != "ok"]


def firewall_lines(config: Config, *, nat: bool = False) -> list[str]:
    """``nat``: also of address translation, which most of these homes do without."""
    findings = firewall_findings(config, read_machine(), read_rules())
    return [str(finding) for finding in findings if finding.level != "ok" and (nat or finding.about != "nat")]


def test_queues_that_somebody_else_uses(space: Namespace, tmp_path: Path) -> None:
    config = Config(runtime=str(tmp_path))
    assert rule_lines(config) == []
    queue = NetfilterQueue()
    queue.bind(8203, lambda packet: packet.accept(), 10, COPY_META, 0)
    try:
        (line,) = rule_lines(config)
        assert line.startswith("error queue: queue 8203 is read by ")
        assert line.endswith("give ours other numbers with queue_base: in qalqan.yaml, or theirs")
        with socket.socket(socket.AF_UNIX) as daemon:
            daemon.bind(str(tmp_path / "control.sock"))
            daemon.listen()
            assert rule_lines(config) == [], "it is our daemon that reads it"
    finally:
        queue.unbind()


def test_rules_that_send_to_our_queues() -> None:
    expressions: list[object] = [
        {"queue": {"num": 8215}},
        {"queue": {"num": {"range": [8000, 8300]}}},
        {"queue": {}},
    ]
    rules = [{"rule": {"family": "ip", "table": f"t{n}", "expr": [one]}} for n, one in enumerate(expressions)]
    saves = {
        "iptables-save": "-A FORWARD -j NFQUEUE --queue-num 8200 --queue-bypass\n"
        "-A INPUT -j NFQUEUE --queue-balance 0:3\n"
    }
    found = [
        str(finding)
        for finding in rule_findings(Config(), LoadedRulesets(tuple(rules), "", saves))
        if finding.about == "queue"
    ]
    assert [line.partition(" sends")[0] for line in found] == [
        "error queue: table ip t0",
        "error queue: table ip t1",
        "error queue: iptables",
    ]


# This kernel may have no flow tables: what nft says where there are some.
FLOW = {
    "nftables": [
        {"flowtable": {"family": "inet", "name": "ft", "table": "fw4", "hook": "ingress", "dev": ["lan0"]}},
        {"rule": {"family": "inet", "table": "fw4", "expr": [{"flow": {"op": "add", "flowtable": "@ft"}}]}},
        {
            "rule": {
                "family": "inet",
                "table": "qalqan",
                "expr": [{"flow": {"op": "add", "flowtable": "@ft"}}],
            }
        },
    ]
}
FLOWTABLES = (
    "table inet fw4 {\n\tflowtable ft {\n\t\thook ingress priority filter\n\t\tdevices = { lan0 }\n%s\t}\n}\n"
)


@pytest.mark.parametrize(("flags", "how"), [("", "in software"), ("\t\tflags offload\n", "in hardware")])
def test_offload(flags: str, how: str) -> None:
    rules = LoadedRulesets(parsed(json.dumps(FLOW)), FLOWTABLES % flags, {})
    (line,) = [str(finding) for finding in rule_findings(Config(), rules) if finding.about == "offload"]
    wanted = f"error offload: table inet fw4 offloads connections {how} past the rules: uci set firewall."
    assert line.startswith(wanted)


def test_the_firewalls_offload_is_fine_until_a_person_has_rules(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "firewall").write_text("config defaults\n\toption flow_offloading '1'\n")
    monkeypatch.setattr(check_rules, "UCI", tmp_path / "firewall")
    monkeypatch.setattr(check_rules, "MODULES", tmp_path)
    rules = LoadedRulesets(parsed(json.dumps(FLOW)), FLOWTABLES % "", {})
    found = [f for f in rule_findings(Config(), rules, filters=False) if f.about == "offload"]
    assert [str(finding) for finding in found] == [
        "ok offload: table inet fw4 offloads connections in software, and no person has rules yet"
    ]


@pytest.mark.parametrize(
    ("wish", "flags", "noted"),
    [
        (OffloadWish.HARDWARE, "", True),
        (OffloadWish.HARDWARE, "\t\tflags offload\n", False),
        (OffloadWish.AUTO, "", False),
    ],
)
def test_hardware_offloading_that_the_kernel_refuses(wish: OffloadWish, flags: str, noted: bool) -> None:
    own = (FLOWTABLES % flags).replace("fw4", "qalqan")
    listed = own + (FLOWTABLES % ("" if flags else "\t\tflags offload\n")).replace("fw4", "other")
    found = rule_findings(Config(offload=wish), LoadedRulesets((), listed, {}))
    assert [f.code for f in found if f.about == "offload" and f.code] == ["offload_software"] * noted


def test_offload_by_configuration_and_by_makers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "firewall").write_text(
        "config defaults\n\toption flow_offloading '1'\n\toption flow_offloading_hw '1'\n\toption x '1'\n"
    )
    (tmp_path / "shortcut_fe").mkdir()
    monkeypatch.setattr(check_rules, "UCI", tmp_path / "firewall")
    monkeypatch.setattr(check_rules, "MODULES", tmp_path)
    rules = LoadedRulesets((), "", {"iptables-save": "-A FORWARD -j FLOWOFFLOAD --hw"})
    found = [str(finding) for finding in rule_findings(Config(), rules)]
    assert [line.partition(":")[0] for line in found] == ["error offload"] * 3


@pytest.mark.parametrize(
    ("options", "how"),
    [
        ("\toption flow_offloading '1'\n", "in software"),
        ("\toption 'flow_offloading' \"on\"  # since 2024\n", "in software"),
        ("\toption flow_offloading 1\n\toption flow_offloading_hw true\n", "in hardware"),
        ("\toption flow_offloading '0'\n", ""),
        ("\toption flow_offloading_hw '1'\n", ""),  # fw4 asks for the first one first
        ("#\toption flow_offloading '1'\n", ""),
        ("", ""),
    ],
)
def test_offload_as_fw4_reads_its_switches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: str, how: str
) -> None:
    monkeypatch.setattr(check_rules, "UCI", tmp_path / "firewall")
    monkeypatch.setattr(check_rules, "MODULES", tmp_path)
    (tmp_path / "firewall").write_text(f"config defaults\n\toption input 'REJECT'\n{options}")
    found = [
        str(finding)
        for finding in rule_findings(Config(), LoadedRulesets((), "", {}))
        if (finding.about, str(finding.level)) == ("offload", "error")
    ]
    wanted = f"error offload: {tmp_path}/firewall: flow_offloading is on, {how}: connections bypass the rules"
    assert [line.startswith(wanted) for line in found] == ([True] if how else [])


def test_without_root_it_says_what_is_not_seen() -> None:
    rules = LoadedRulesets(None, "", {})
    address = ipaddress.ip_interface("2001:db8:77::1/64")
    ways = (DefaultRoute("br-lan", None, 4),)
    machine = NetworkSnapshot({}, {"br-lan": (address,)}, ways, ())
    found = [
        *rule_findings(Config(), rules),
        *firewall_findings(Config(), machine, rules),
        *mark_findings(MarkBits(), rules),
    ]
    assert {(str(finding.level), finding.about) for finding in found if "without root" in finding.text} == {
        ("note", "offload"),
        ("note", "queue"),
        ("note", "uplink"),
        ("note", "marks"),
    }
