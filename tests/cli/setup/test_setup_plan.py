"""What `qalqan setup` proposes, refuses and writes, by tables of facts: no machine is looked at."""

from __future__ import annotations

import ipaddress
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.check.rulesets import LoadedRulesets
from gateway.core.errors import PolicyError
from gateway.lan.machine import DefaultRoute, Link, NetworkSnapshot, RecentNeighbour
from gateway.setup import run as setup_run
from gateway.setup.facts import Answers, Dnsmasq, KernelSupport, MachineFacts, Offer, Pool, SetupError
from gateway.setup.files import by_hand, config, dnsmasq, files, sysctl, translation, trusted_name
from gateway.setup.look import read_dnsmasq
from gateway.setup.plan import decide, existing_pool, possible, propose, propose_pool, read_pool, ready

ROUTER = ipaddress.ip_address("192.168.1.254")


def link(name: str, kind: str = "", master: str = "", *, up: bool = True) -> Link:
    return Link(name, up, name != "lo", kind, master)


def machine(*links: Link, way: str = "eth0", **addresses: str) -> NetworkSnapshot:
    """``addresses``: by interface, `br_lan` for br-lan; several with a comma."""
    has = {link.name: () for link in links} | {
        name.replace("_", "-"): tuple(map(ipaddress.ip_interface, text.split(",")))
        for name, text in addresses.items()
    }
    ways = (DefaultRoute(way, ROUTER, 4),) if way else ()
    return NetworkSnapshot({link.name: link for link in links}, has, ways, ())


PI = machine(link("lo"), link("eth0"), link("wlan0", up=False), eth0="192.168.1.2/24")
HOTSPOT = machine(link("eth0"), link("wlan0"), eth0="192.168.1.2/24", wlan0="10.42.0.1/24")
BRIDGED = machine(
    link("eth0"),
    link("br-lan", "bridge"),
    link("eth1", master="br-lan"),
    link("wlan0", master="br-lan"),
    link("docker0", "bridge"),
    eth0="203.0.113.2/30",
    br_lan="192.168.77.1/24",
    docker0="172.17.0.1/16",
)
DOWNSTREAM = machine(
    link("eth0"), link("br0", "bridge"), link("wlan0", master="br0"), way="br0", br0="192.168.1.2/24"
)
TWO_LANS = machine(
    link("ppp0"),
    link("eth1"),
    link("eth2"),
    way="ppp0",
    eth1="192.168.5.1/24",
    eth2="198.51.100.1/24",
    ppp0="100.64.1.1/32",
)
JOINED = machine(link("eth0"), link("wlan0"), eth0="192.168.1.2/24", wlan0="192.168.1.3/24")
DEBIAN = Dnsmasq(program=True, service=True)


@pytest.mark.parametrize(
    ("what", "points", "lan", "wan", "one_armed"),
    [
        (PI, (), "eth0", "eth0", True),
        (HOTSPOT, (), "wlan0", "eth0", False),
        (HOTSPOT, ("wlan0",), "wlan0", "eth0", False),
        (BRIDGED, (), "br-lan", "eth0", False),
        (BRIDGED, ("wlan0",), "br-lan", "eth0", False),
        (DOWNSTREAM, ("wlan0",), "br0", "br0", True),
        (TWO_LANS, (), "eth1", "ppp0", False),
        (JOINED, (), "eth0", "eth0", True),
        (replace(JOINED, ways=(*JOINED.ways, DefaultRoute("wlan0", ROUTER, 4))), (), "eth0", "eth0", True),
    ],
    ids=[
        "a Pi",
        "a hotspot",
        "a hotspot that says so",
        "a bridge",
        "its Wi-Fi",
        "a bridged access point",
        "two",
        "two in one network",
        "two ways out",
    ],
)
def test_it_proposes_the_likeliest_sides_and_says_why(
    what: NetworkSnapshot, points: tuple[str, ...], lan: str, wan: str, one_armed: bool
) -> None:
    found = propose(MachineFacts(what, access_points=frozenset(points)))
    assert (found.lan, found.wan, found.one_armed) == ((lan,), wan, one_armed)
    assert found.reasons[0].startswith(f"{wan} leads to the internet: the default route goes by it")
    assert one_armed == any("one arm" in reason for reason in found.reasons)
    assert not any("docker0" in reason for reason in found.reasons), "containers are no home"


GOOD = MachineFacts(BRIDGED)


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        (replace(GOOD, openwrt=True), "this is OpenWrt"),
        (replace(GOOD, kernel=KernelSupport(capable=False)), "this process may not change the network"),
        (
            replace(GOOD, kernel=KernelSupport(nft="neither libnftables nor the nft command")),
            "rules cannot be loaded: neither",
        ),
        (replace(GOOD, kernel=KernelSupport(queue=False)), "this kernel has no netfilter queue"),
        (
            MachineFacts(machine(link("eth0"), way="", eth0="192.168.1.2/24")),
            "this machine has no default route over IPv4",
        ),
    ],
)
def test_a_machine_that_cannot_filter_is_refused_before_anything_is_asked(
    facts: MachineFacts, why: str
) -> None:
    ready(GOOD)
    with pytest.raises(SetupError) as refused:
        ready(facts)
    assert str(refused.value).startswith(why)
    assert "\n" not in str(refused.value)
    assert ";" in str(refused.value) or "nft" in str(refused.value), "and says how to fix it"


ARM = Answers(("eth0",), "eth0", one_armed=True)


@pytest.mark.parametrize(
    ("what", "answers", "why"),
    [
        (BRIDGED, Answers(("eth9",), "eth0"), "there is no interface eth9; look it up"),
        (BRIDGED, Answers((), "eth0"), "no interface is named for the home"),
        (BRIDGED, Answers(("br-lan",), "eth7"), "there is no interface eth7"),
        (BRIDGED, Answers(("eth0",), "eth0"), "eth0 cannot be both sides; add an interface, or"),
        (BRIDGED, Answers(("br-lan",), "docker0"), "docker0 does not lead to the internet, eth0 does; use"),
        (BRIDGED, Answers(("wlan0",), "eth0"), "wlan0 is a port of br-lan; name br-lan"),
        (BRIDGED, Answers(("br-lan",), "br-lan", one_armed=True), "br-lan is not the way to the"),
        (PI, Answers(("wlan0",), "eth0"), "wlan0 is switched off; switch it on"),
        (
            machine(link("eth0"), link("wlan0"), eth0="192.168.1.2/24", wlan0="fe80::1/64"),
            Answers(("wlan0",), "eth0"),
            "wlan0 has no IPv4 address, so no device can use it as its gateway; give it one with: ip",
        ),
        (
            machine(link("eth0"), link("eth1"), eth0="192.168.1.2/24", eth1="192.168.1.3/24"),
            Answers(("eth1",), "eth0"),
            "eth1 and eth0 are both in 192.168.1.0/24; give the home another network",
        ),
        (
            machine(link("eth0", master="br0"), link("br0", "bridge"), br0="10.0.0.1/24", eth0="10.1.1.2/24"),
            Answers(("br0",), "eth0"),
            "br0 bridges eth0 into the LAN: its packets bypass the filter; take eth0 out of br0",
        ),
    ],
)
def test_sides_that_cannot_filter_are_refused_in_one_line(
    what: NetworkSnapshot, answers: Answers, why: str
) -> None:
    with pytest.raises(SetupError) as refused:
        possible(MachineFacts(what), answers)
    assert str(refused.value).startswith(why)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("manager", "where"),
    [
        ("NetworkManager", "in NetworkManager (nmtui"),
        ("systemd-networkd", "in /etc/systemd/network"),
        ("dhcpcd", "in /etc/dhcpcd.conf"),
        ("ifupdown", "in /etc/network/interfaces"),
    ],
)
def test_it_names_the_place_where_this_machine_keeps_its_addresses(manager: str, where: str) -> None:
    lent = replace(PI, leased=frozenset({"eth0"}))
    plan = decide(MachineFacts(lent, managers=(manager,)), ARM)
    (line,) = [note for note in plan.notes if "has its own address from a DHCP server" in note]
    assert where in line


def test_two_arms() -> None:
    plan = decide(GOOD, Answers(("br-lan",), "eth0", country="kz", timezone="Asia/Almaty"))
    assert (plan.masquerade4, plan.masquerade6) == (True, False)
    assert sysctl(plan).decode().splitlines()[1:] == ["net/ipv4/ip_forward = 1"]
    assert 'iifname "br-lan" oifname "eth0" meta nfproto ipv4 masquerade' in translation(plan).decode()
    assert "redirect" not in translation(plan).decode()
    assert config(plan, GOOD).decode().splitlines()[1:] == [
        "lan: [br-lan]",
        "country: kz",
        'timezone: "Asia/Almaty"',
    ]
    assert dnsmasq(plan) == b""
    several = decide(MachineFacts(TWO_LANS), Answers(("eth1", "eth2"), "ppp0"))
    assert 'iifname { "eth1", "eth2" } oifname "ppp0"' in translation(several).decode()


def test_one_arm() -> None:
    plan = decide(MachineFacts(PI), ARM)
    assert sysctl(plan).decode().splitlines()[1:] == [
        "net/ipv4/ip_forward = 1",
        *(f"net/ipv4/conf/{name}/send_redirects = 0" for name in ("all", "default", "eth0")),
    ]
    text = translation(plan).decode()
    for wanted in (
        'iifname "eth0" oifname "eth0" meta nfproto ipv4 masquerade',
        'iifname "eth0" oifname "eth0" meta nfproto ipv6 masquerade',
        'oifname "eth0" icmp type redirect drop',
        'oifname "eth0" icmpv6 type nd-redirect drop',
    ):
        assert wanted in text
    said = " ".join(plan.notes)
    assert "with the router's address entered by hand as its gateway bypasses this machine" in said
    assert "no IPv6 router was seen on eth0; if one is added later, devices bypass" in said


@pytest.mark.parametrize("known", ["as a neighbour", "by our own route"])
def test_one_arm_beside_an_ipv6_router(known: str) -> None:
    link_local = ipaddress.ip_address("fe80::fe")
    what = (
        replace(PI, seen=(RecentNeighbour("eth0", link_local, "02:00:00:00:00:fe", True),))
        if known == "as a neighbour"
        else replace(PI, ways=(*PI.ways, DefaultRoute("eth0", link_local, 6)))
    )
    (line,) = [note for note in decide(MachineFacts(what), ARM).notes if "IPv6" in note]
    assert line.startswith("fe80::fe on eth0 announces itself as the IPv6 router")
    assert line.endswith("switch IPv6, or its router advertisements, off there")


IPV6_WAN = replace(BRIDGED, ways=(*BRIDGED.ways, DefaultRoute("eth0", ipaddress.ip_address("fe80::1"), 6)))
IPV6_BOTH = replace(
    IPV6_WAN,
    addresses={
        **IPV6_WAN.addresses,
        "br-lan": (*IPV6_WAN.addresses["br-lan"], ipaddress.ip_interface("2001:db8:77::1/64")),
    },
)


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (MachineFacts(BRIDGED), ""),
        (MachineFacts(IPV6_WAN), "devices use IPv4 only"),
        (MachineFacts(IPV6_BOTH), "devices use IPv4 only"),
        (
            MachineFacts(IPV6_BOTH, forwards6=True),
            "IPv6 goes through this machine too, and is filtered like IPv4",
        ),
        (
            MachineFacts(
                replace(
                    BRIDGED,
                    seen=(
                        RecentNeighbour("br-lan", ipaddress.ip_address("fe80::7"), "02:00:00:00:00:77", True),
                    ),
                )
            ),
            "fe80::7 on br-lan announces itself as an IPv6 router: devices may bypass",
        ),
    ],
)
def test_it_says_what_it_found_of_ipv6(facts: MachineFacts, words: str) -> None:
    said = [note for note in decide(facts, Answers(("br-lan",), "eth0")).notes if "IPv6" in note]
    assert [words in note for note in said] == ([True] if words else [])


def masquerade(family: str, out: str) -> LoadedRulesets:
    where = {"family": family, "table": "nat"}
    chain = {**where, "name": "POSTROUTING", "hook": "postrouting", "type": "nat", "policy": "accept"}
    leaves = {"match": {"op": "==", "left": {"meta": {"key": "oifname"}}, "right": out}}
    rule = {**where, "chain": "POSTROUTING", "expr": [leaves, {"masquerade": None}]}
    return LoadedRulesets(({"chain": chain}, {"rule": rule}), "", {})


@pytest.mark.parametrize(("out", "ours"), [("eth0", False), ("wg0", True)])
def test_who_translates_already_goes_on_alone(out: str, ours: bool) -> None:
    two = decide(MachineFacts(BRIDGED, rules=masquerade("ip", out)), Answers(("br-lan",), "eth0"))
    assert two.masquerade4 is ours
    assert bool(translation(two)) is ours
    one = decide(MachineFacts(PI, rules=masquerade("inet", out)), ARM)
    assert ("meta nfproto ipv4 masquerade" in translation(one).decode()) is ours
    assert "redirect drop" in translation(one).decode(), "that is nobody else's matter"


# -------------------------------------------------------------------- addresses for devices


@pytest.mark.parametrize(
    ("network", "pool"),
    [
        ("192.168.1.2/24", "192.168.1.100-192.168.1.199"),
        ("10.0.0.1/22", "10.0.1.144-10.0.3.31"),
        ("192.168.1.1/28", "192.168.1.6-192.168.1.11"),
        ("192.168.1.1/30", "None"),
    ],
)
def test_a_pool_is_proposed_in_the_middle(network: str, pool: str) -> None:
    assert str(propose_pool(MachineFacts(machine(link("eth0"), eth0=network)), ("eth0",))) == pool


@pytest.mark.parametrize(
    ("text", "dns", "why"),
    [
        (
            "192.168.1.100-192.168.1.199",
            Dnsmasq(program=True),
            "no dnsmasq service gives addresses here; install it",
        ),
        (
            "192.168.1.100-192.168.1.199",
            replace(DEBIAN, options={"dhcp-range": "x"}),
            "dnsmasq gives addresses already",
        ),
        ("192.168.2.100-192.168.2.199", DEBIAN, "192.168.2.100-192.168.2.199 is in no network of eth0"),
        (
            "192.168.1.1-192.168.1.9",
            DEBIAN,
            "192.168.1.1-192.168.1.9 contains this machine's or the router's own address",
        ),
        (
            "192.168.1.200-192.168.1.254",
            DEBIAN,
            "192.168.1.200-192.168.1.254 contains this machine's or the router's",
        ),
        ("192.168.1.9-192.168.1.8", DEBIAN, "192.168.1.9-192.168.1.8 ends before it begins"),
        ("all", DEBIAN, "'all' is no range of addresses"),
    ],
)
def test_a_pool_that_cannot_be_given_out_is_refused(text: str, dns: Dnsmasq, why: str) -> None:
    with pytest.raises(SetupError) as refused:
        decide(MachineFacts(PI, dnsmasq=dns), replace(ARM, pool=read_pool(text)))
    assert str(refused.value).startswith(why)


def test_a_range_that_setup_wrote_is_read_again(tmp_path: Path) -> None:
    chosen = replace(ARM, pool=Pool(*map(ipaddress.IPv4Address, ("192.168.1.120", "192.168.1.140"))))
    written = files(decide(MachineFacts(PI, dnsmasq=DEBIAN), chosen), MachineFacts(PI), tmp_path)
    for path, text in written.items():
        if path.is_relative_to(tmp_path):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text)
    found = replace(DEBIAN, own_range=read_dnsmasq(tmp_path).own_range)
    assert existing_pool(MachineFacts(PI, dnsmasq=found), ARM) == chosen.pool


@pytest.mark.parametrize(
    "dns",
    [
        DEBIAN,
        replace(DEBIAN, own_range="by hand"),
        replace(DEBIAN, own_range="192.168.2.100,192.168.2.199,255.255.255.0,12h"),  # of an earlier network
        Dnsmasq(own_range="192.168.1.100,192.168.1.199,255.255.255.0,12h"),  # without the service
    ],
)
def test_a_range_that_no_longer_fits_is_left_out(dns: Dnsmasq) -> None:
    assert existing_pool(MachineFacts(PI, dnsmasq=dns), ARM) is None


def test_a_later_setup_without_questions_keeps_the_range() -> None:
    dns = replace(DEBIAN, own_range="192.168.1.100,192.168.1.199,255.255.255.0,12h")
    facts = MachineFacts(PI, dnsmasq=dns)
    assert setup_run._pool(None, facts, ARM, (), setup_run.Asker(yes=True)) == POOL
    assert setup_run._pool("none", facts, ARM, (), setup_run.Asker(yes=True)) is None
    assert setup_run._pool(None, MachineFacts(PI, dnsmasq=DEBIAN), ARM, (), setup_run.Asker(yes=True)) is None


def test_dnsmasq_gets_what_it_needs_and_no_more() -> None:
    facts = MachineFacts(PI, dnsmasq=DEBIAN, hook="/usr/lib/qalqan/dhcp-event")
    plan = decide(facts, replace(ARM, pool=read_pool("192.168.1.100 - 192.168.1.199")))
    assert dnsmasq(plan).decode().splitlines()[1:] == [
        "dhcp-script=/usr/lib/qalqan/dhcp-event",
        "interface=eth0",
        "bind-dynamic",
        "dhcp-authoritative",
        "dhcp-range=192.168.1.100,192.168.1.199,255.255.255.0,12h",
    ]
    assert 'leases: "/var/lib/misc/dnsmasq.leases"' in config(plan, facts).decode()
    assert dnsmasq(plan, "gw.example.net").decode().splitlines()[6:] == [
        "dhcp-option=114,https://gw.example.net/captive",
        "dhcp-option=option6:103,https://gw.example.net/captive",
    ]
    assert trusted_name({"web": {"https": {"name": "gw.example.net"}}}) == "gw.example.net"
    assert trusted_name({}) == trusted_name({"web": "1"}) == trusted_name({"web": {"https": {}}}) == ""
    bound = replace(facts, dnsmasq=replace(DEBIAN, options={"bind-interfaces": ""}))
    assert "bind" not in dnsmasq(decide(bound, replace(ARM, pool=POOL))).decode(), "or it does not start"
    plain = decide(facts, ARM)
    assert dnsmasq(plain).decode().splitlines()[1:] == ["dhcp-script=/usr/lib/qalqan/dhcp-event"]
    assert b"leases" not in config(plain, facts), "somebody else gives addresses"
    taken = decide(replace(facts, dnsmasq=replace(DEBIAN, options={"dhcp-script": "/x"})), ARM)
    assert dnsmasq(taken, "gw.example.net") == b"", "a second dhcp-script, and dnsmasq does not start"
    assert any("dhcp-script" in note for note in taken.notes)


def test_leases_of_whoever_gives_them_here() -> None:
    theirs = replace(DEBIAN, options={"dhcp-range": "…", "dhcp-leasefile": "/srv/leases"})
    assert decide(MachineFacts(BRIDGED, dnsmasq=theirs), Answers(("br-lan",), "eth0")).leases == "/srv/leases"
    shared = MachineFacts(HOTSPOT, lent={"wlan0": "/var/lib/NetworkManager/dnsmasq-wlan0.leases"})
    assert decide(shared, Answers(("wlan0",), "eth0")).leases.endswith("dnsmasq-wlan0.leases")


POOL = Pool(ipaddress.IPv4Address("192.168.1.100"), ipaddress.IPv4Address("192.168.1.199"))


@pytest.mark.parametrize(
    ("offers", "pool", "words"),
    [
        (
            (Offer("192.168.1.254", "192.168.1.254"),),
            None,
            "and announces 192.168.1.254 as the gateway: those devices bypass",
        ),
        (
            (Offer("192.168.1.254", "192.168.1.2"),),
            None,
            "announces this machine as the gateway, as required",
        ),
        (
            (Offer("192.168.1.254", "192.168.1.254"),),
            POOL,
            "assigns addresses on eth0 too: switch its DHCP off",
        ),
        ((), None, "no server assigns addresses on eth0"),
        ((), POOL, ""),
    ],
)
def test_it_says_who_else_gives_addresses(offers: tuple[Offer, ...], pool: Pool | None, words: str) -> None:
    plan = decide(MachineFacts(PI, dnsmasq=DEBIAN), replace(ARM, pool=pool), offers)
    found = [note for note in plan.notes if "assigns addresses" in note]
    assert [words in note for note in found] == ([True] if words else [])


def test_a_file_that_throws_rules_away_is_named() -> None:
    plan = decide(replace(GOOD, flushes="/etc/nftables.conf"), Answers(("br-lan",), "eth0"))
    assert any(note.startswith("/etc/nftables.conf deletes all rules") for note in plan.notes)


# -------------------------------------------------------------------- qalqan.yaml

BY_HAND = b"# ours since 2025\nlan: [eth5]\nunknown_devices: quarantine   # nobody else\n"


def test_what_stands_there_stays_and_the_machines_part_is_new() -> None:
    facts = replace(GOOD, config=BY_HAND)
    text = config(decide(facts, Answers(("br-lan",), "eth0", timezone="Asia/Almaty")), facts).decode()
    assert text.splitlines()[1:] == [
        "lan: [br-lan]",
        'timezone: "Asia/Almaty"',
        "unknown_devices: quarantine",
    ]
    assert by_hand(facts)
    assert not by_hand(replace(facts, config=text.encode())), "what setup wrote is a program's"
    assert not by_hand(GOOD)


def test_where_nothing_changes_the_file_stays_to_the_byte() -> None:
    facts = replace(GOOD, config=BY_HAND.replace(b"eth5", b"br-lan"))
    assert config(decide(facts, Answers(("br-lan",), "eth0")), facts) is facts.config


def test_no_country_removes_the_earlier_one() -> None:
    facts = replace(GOOD, config=b"lan: [br-lan]\ncountry: kz\n")
    plan = decide(facts, Answers(("br-lan",), "eth0", country=""))
    assert config(plan, facts).decode().splitlines()[1:] == ["lan: [br-lan]"]


def test_a_file_that_is_broken_is_made_anew_and_one_that_would_be_is_not_written() -> None:
    broken = replace(GOOD, config=b"lan: [\n")
    plan = decide(broken, Answers(("br-lan",), "eth0"))
    assert config(plan, broken).decode().splitlines()[1:] == ["lan: [br-lan]"]
    odd = replace(GOOD, config=b"lan: [br-lan]\nno_such_key: 1\n")
    with pytest.raises(PolicyError):
        config(decide(odd, Answers(("br-lan",), "eth0", country="kz")), odd)


def test_it_says_that_a_file_cannot_be_read_before_it_replaces_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = replace(GOOD, config=b"sealed: [\n")
    texts = files(decide(broken, Answers(("br-lan",), "eth0")), broken)
    problem = f"{broken.config_path}:2: is not YAML"
    with pytest.raises(SetupError, match=problem):
        setup_run._may_write(broken, texts, setup_run.Asker(yes=True))
    asked: list[str] = []

    def no(prompt: str) -> str:
        asked.append(prompt)
        return "n"

    monkeypatch.setattr("builtins.input", no)
    assert not setup_run._may_write(broken, texts, setup_run.Asker(yes=False))
    assert problem in capsys.readouterr().out
    assert [prompt.partition(";")[0] for prompt in asked] == ["Its settings cannot be read and are lost"]


def test_where_the_files_lie(tmp_path: Path) -> None:
    facts = MachineFacts(PI, dnsmasq=DEBIAN, hook="/h", config_path=tmp_path / "etc/qalqan/qalqan.yaml")
    found = files(decide(facts, ARM), facts, tmp_path)
    assert [str(path.relative_to(tmp_path)) for path in found] == [
        "etc/qalqan/qalqan.yaml",
        "etc/sysctl.d/90-qalqan.conf",
        "etc/qalqan/nat.nft",
        "etc/dnsmasq.d/qalqan.conf",
    ]
