"""`qalqan audit` as a family runs it: the real command in the gateway, against the real daemon."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from gateway.filter_test.catalogue import CHECKS
from gateway.filter_test.surroundings import ALLOWED, EPDG
from gateway.household.loading import load_product
from tests.lab import clients, names
from tests.lab.daemon import Daemon
from tests.lab.filtering import MUM, film, fresh, serving, until
from tests.lab.home import ROOT, Home
from tests.lab.netns import stopping
from tests.lab.trusted import Trusted
from tests.pace import longest
from tests.sentences import sentence

pytestmark = pytest.mark.lab

AT_MOST_S = 60.0  # for the whole audit of one child
ALWAYS = {"bedtime": {"school": "12:00-11:00", "free": "12:00-11:00"}}  # asleep but for an hour at noon
TABLET = {"name": "Daughter", "devices": [names.TABLET.mac]}
CHILD = {**TABLET, "band": "10-12", **ALWAYS}
FAMILY = {"daughter": CHILD, "mum": MUM}

# Open by the rules of the older bands: what only `strict` closes.
NAMELESS = {
    "no-name", "address-name", "fronting", "fronting-quic", "fronting-http", "bare", "bare-udp", "sstp"
}  # fmt: skip
SSH = {"ssh", "ssh-port"}
VPN = {one.id for one in CHECKS if one.rule == "way:vpn"}
# The lab fetches no list, has no flow offload, and this home no trusted name.
TRUSTED = ("trusted-name", "trusted-pages")
NOT_HERE = {"tor", "offload", *TRUSTED}
SERVICES = (22, 80, 443)

_SERVE = """
import socket, sys, time
servers = [socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True)
           for port in map(int, sys.argv[1:])]
print("ready", flush=True)
time.sleep(1000)
"""
# Another program's table, which uses our bits of the connection mark: everybody is unfiltered.
_CLASH = """table inet clash { chain pre { type filter hook prerouting priority -150;
  iifname "br-lan" ct state new ct mark set ct mark or 0x00c00001; }; }"""


@pytest.fixture(scope="module", autouse=True)
def services(home: Home) -> Iterator[None]:
    """SSH and pages of the router's own."""
    with serving(home.gateway, _SERVE, *map(str, SERVICES)):
        yield


@contextmanager
def running(
    home: Home, profiles: Mapping[str, Mapping[str, Any]] = FAMILY, **settings: object
) -> Iterator[Daemon]:
    daemon = fresh(home, profiles, **settings)
    daemon._with_web = True
    with daemon as started:
        yield started


def command(daemon: Daemon, *words: str) -> list[str]:
    return [sys.executable, "-m", "gateway", "audit", *words, "--config", str(daemon.config)]


def audit(daemon: Daemon, *words: str, status: int = 0) -> subprocess.CompletedProcess[str]:
    done = daemon.home.gateway.run(command(daemon, *words), timeout=200)
    assert done.returncode == status, (done.stdout, done.stderr)
    return done


def told(daemon: Daemon, *words: str, status: int = 0) -> dict[str, Any]:
    """The one child's object of the JSON."""
    done = audit(daemon, "--json", *words, status=status)
    assert done.stderr == ""
    (one,) = json.loads(done.stdout)["audits"]
    found: dict[str, Any] = one
    return found


def by(one: Mapping[str, Any], found: str) -> dict[str, set[int]]:
    """Checks with such a result, and over which families."""
    ids: dict[str, set[int]] = {}
    for check in one["checks"]:
        for version in (4, 6):
            if check[f"ipv{version}"]["found"] == found:
                ids.setdefault(check["id"], set()).add(version)
    return ids


def both(*ids: str) -> dict[str, set[int]]:
    single = {"six-in-four": {4}, "four-in-six": {6}}
    return {one: single.get(one, {4, 6}) for one in ids}


def state(home: Home) -> str:
    """All that an audit could leave in the gateway."""
    shell = (
        "ip -o link | sed 's/ .*mtu/ mtu/; s/state.*//'; ip rule; ip -6 rule; ip route show table all; "
        "ip -6 route show table all | grep -v '^multicast'; nft list tables; "
        "nft list table ip lab_nat; ip -o addr | sed 's/valid_lft.*//'"
    )
    shown = home.gateway.run(["sh", "-c", shell], check=True).stdout
    return "\n".join(sorted(shown.splitlines()))


@contextmanager
def ruleset(home: Home, text: str) -> Iterator[None]:
    home.gateway.run(["nft", "-f", "-"], stdin=text, check=True)
    table = " ".join(text.split()[1:3])
    try:
        yield
    finally:
        home.gateway.run(["nft", *f"delete table {table}".split()])


# ---------------------------------------------------------------- what it finds


@pytest.mark.parametrize(
    ("band", "opened"),
    [
        ("0-5", set()),
        pytest.param("6-9", set(), marks=pytest.mark.slow),
        pytest.param("10-12", NAMELESS, marks=pytest.mark.slow),  # the test of the pages has this band, too
        pytest.param("13-15", NAMELESS | SSH, marks=pytest.mark.slow),
        ("16-17", NAMELESS | SSH | {"safe-search"}),
    ],
)
def test_what_the_rules_close_is_closed_and_nothing_else(home: Home, band: str, opened: set[str]) -> None:
    with running(home, {"daughter": {**TABLET, "band": band, **ALWAYS}, "mum": MUM}) as daemon:
        began = time.monotonic()
        one = told(daemon)
        assert time.monotonic() - began < longest(AT_MOST_S)
    assert (one["profile"], one["name"], one["band"]) == ("daughter", "Daughter", band)
    assert by(one, "open") == both(*opened)
    assert by(one, "refused") == {}
    assert set(by(one, "unknown")) <= NOT_HERE
    assert by(one, "passes") == both(*({check.id for check in CHECKS if check.passes} - NOT_HERE))
    closed = {check.id for check in CHECKS if not check.passes} - opened - NOT_HERE
    assert by(one, "closed") == both(*closed)
    assert one["counts"]["faults"] == 0
    assert one["counts"]["checks"] == len(CHECKS) >= 40


def test_the_pages_have_one_tried_by_the_daemon(home: Home) -> None:
    """In a process of its own, beside the packets; the result is the command's."""
    with running(home) as daemon:
        daemon.client.call("guardian", action="add", name="Mum")
        bypass = {"id": "daughter", "method": "bypass", "by": "Mum"}
        assert daemon.client.call("filter_test", action="start", **bypass)["busy"]
        with pytest.raises(ControlError, match=sentence(Code.TRIAL_RUNS)):
            daemon.client.call("filter_test", action="start", **bypass)

        def look() -> dict[str, Any]:
            return dict(daemon.client.call("filter_test", action="look", id="daughter")["tests"][0])

        assert until(lambda: look()["ended"], AT_MOST_S) is not None
        found = look()
        after = state(home)
    assert found["problem"] == ""
    assert {one["id"] for one in found["checks"]} == {one.id for one in CHECKS}
    assert [one["id"] for one in found["checks"] if one["fault"]] == []
    ways = [one for one in found["checks"] if not one["must_open"]]
    opened = {one["id"] for one in ways if "open" in (one["ipv4"], one["ipv6"])}
    assert opened == NAMELESS
    assert "qqaudit" not in after


@pytest.mark.parametrize("tor", ["block", "allow"])
def test_a_relay_of_tor_once_its_list_is_here(home: Home, tor: str) -> None:
    daemon = fresh(home, {"daughter": {**CHILD, "ways": {"tor": tor}}})
    lists = daemon.state / "lists"
    lists.mkdir(parents=True)
    (lists / "tor-nodes.list").write_text("a,203.0.113.99\nb,2001:470:1::9\n")
    build = [sys.executable, "-m", "gateway", "lists", "build", "--config", str(daemon.config)]
    home.gateway.run(build, check=True)
    with daemon as started:
        one = told(started, "--only", "tor")
    assert by(one, "closed" if tor == "block" else "open") == both("tor")
    reasons = {one["checks"][0][f"ipv{version}"]["reason"] for version in (4, 6)}
    assert reasons == ({"tor"} if tor == "block" else {"open"})


def test_the_trusted_name_leads_here_and_its_pages_are_met(home: Home) -> None:
    made = Trusted(home, FAMILY)
    with made.daemon as daemon:
        assert made.renew(made.authority.issue()).returncode == 0
        assert until(made.met, AT_MOST_S) is not None
        one = told(daemon, "daughter", "--only", *TRUSTED)
        assert by(one, "passes") == both(*TRUSTED)
        assert one["counts"]["faults"] == 0
        made.put(made.authority.issue(days=(-90, -1)))
        assert until(lambda: not made.met(), AT_MOST_S) is not None
        one = told(daemon, "daughter", "--only", *TRUSTED, status=1)
        assert by(one, "passes") == both(TRUSTED[0])
        assert by(one, "refused") == both(TRUSTED[1])
        assert one["counts"]["faults"] == 2
        daemon.stop_web()
        one = told(daemon, "daughter", "--only", *TRUSTED)
        assert by(one, "unknown") == both(TRUSTED[1])


def test_a_way_is_closed_by_its_own_reason(home: Home) -> None:
    """Else a probe that is refused for something else would pass for a proof."""
    with running(home) as daemon:
        one = told(daemon, "daughter")
    reasons = {
        check["id"]: {check[f"ipv{version}"]["reason"] for version in (4, 6)} - {None}
        for check in one["checks"]
    }
    for check in CHECKS:
        kind, _, way = check.rule.partition(":")
        if kind == "way" and check.id not in NOT_HERE and check.id not in ("dohpath", "ech-key"):
            assert reasons[check.id] <= {way, "resolver_signal"}, check.id
            assert reasons[check.id], check.id
    for trick in ("tls", "split", "bytewise", "short-lived", "overlap", "fragments", "quic-pieces", "http"):
        assert reasons[trick] == {"category"}, trick


def test_every_probe_comes_through_where_nothing_is_refused(home: Home) -> None:
    teen = {
        **TABLET, "band": "16-17", "ways": {}, "safe_search": "off", "bedtime": {},
        "categories": {"proxy_vpn_doh": "allow"},
        "allow": ["dns.google", "nordvpn.com", "mask.icloud.com", "www.example.org"],
    }  # fmt: skip
    with running(home, {"teen": teen}, gateway_access="open", unknown_devices="home") as daemon:
        argv = [sys.executable, "-m", "tests.lab.auditprobes", str(daemon.config), "teen"]
        done = subprocess.run(
            home.gateway.command(argv), capture_output=True, text=True, timeout=200, cwd=ROOT, check=False
        )
    assert done.returncode == 0, done.stderr
    stuck = {key.partition("/")[0] for key in json.loads(done.stdout)}
    # Refused to everyone whom we filter, taken out of every answer, and what is no way but an end.
    assert stuck - {"six-in-four", "four-in-six"} == {
        "quic-version", "bad-name", "parents-pages", "download", *NOT_HERE
    }  # fmt: skip


def test_what_the_family_opens_is_told_with_the_setting_that_closes_it(home: Home) -> None:
    ways = dict.fromkeys(("encrypted_dns", "relay", "ech", "tor", "proxy"), "block")
    profile = {**CHILD, "ways": {**ways, "vpn": "allow", "ssh": "allow"}}
    with running(home, {"daughter": profile}) as daemon:
        one = told(daemon)
        table = audit(daemon, "--only", "wireguard", "ssh", "no-name").stdout
    assert by(one, "open") == both(*NAMELESS, *VPN, *SSH)
    settings = {check["id"]: check["setting"] for check in one["checks"]}
    assert {settings[check] for check in VPN} == {"ways: {vpn: block}"}
    assert {settings[check] for check in SSH} == {"ways: {ssh: block}"}
    assert one["counts"]["faults"] == 0, "it is so by the rules"
    assert all(len(line) <= 80 for line in table.splitlines())
    for setting in ("ways: {vpn: block}", "ways: {ssh: block}", "strict: true"):
        assert f"allowed by this family's rules; to block it: {setting}" in table
    assert "3 checks: 0 blocked, 6 allowed, of them 6 by the rules" in table


def test_a_filter_that_does_not_hold_is_found(home: Home) -> None:
    with running(home) as daemon, ruleset(home, _CLASH):
        one = told(daemon, "--only", *SSH, *VPN, "tls", "dot", "split", status=1)
        table = audit(daemon, "--only", "wireguard", "tls", status=1).stdout
    assert by(one, "open") == both(*SSH, *VPN, "tls", "dot", "split")
    assert one["counts"]["faults"] == one["counts"]["open"]
    assert "ways: {vpn: block} is set, but it is allowed: a fault" in table


def test_without_the_table_nothing_is_tried(home: Home) -> None:
    with running(home) as daemon:
        os.kill(daemon.pid, signal.SIGSTOP)  # it would mend it
        try:
            home.gateway.run(["nft", "delete", "table", "inet", "qalqan"], check=True)
            done = audit(daemon, "daughter", status=1)
        finally:
            os.kill(daemon.pid, signal.SIGCONT)
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "no table inet qalqan" in done.stderr


def test_without_a_daemon_it_says_so(home: Home) -> None:
    with running(home) as daemon:
        daemon.kill()
        done = audit(daemon, status=1)
        assert done.stdout == ""
        assert done.stderr.count("\n") == 1
        assert "the daemon does not run" in done.stderr
        daemon.start()


def test_who(home: Home) -> None:
    with running(home) as daemon:
        assert told(daemon, "Daughter", "--only", "ssh")["profile"] == "daughter"
        assert told(daemon, names.TABLET.mac, "--only", "ssh")["profile"] == "daughter"
        daemon.client.call("assign", mac=names.NEW.mac, profile="guest", by="console")
        assert by(told(daemon, names.NEW.mac, "--only", "wireguard", "tls"), "open") == both("wireguard")
        for who in ("mum", "nobody", names.PARENT.mac):
            done = audit(daemon, who, "--only", "ssh", status=1)
            assert (done.stdout, done.stderr.count("\n")) == ("", 1)
        done = audit(daemon, "--only", "magic", status=2)
        assert "there is no check magic" in done.stderr


# ---------------------------------------------------------------- whom it leaves alone


def test_nobody_else_notices_and_nothing_leaves_the_house(home: Home) -> None:
    with running(home, {"daughter": {**CHILD, "bedtime": {}}, "mum": MUM}) as daemon:
        before = daemon.client.call("status")
        devices = daemon.client.call("devices")["devices"]
        with (
            film(home.devices["parent"], "www.example.org", 4) as mums,
            film(home.devices["tablet"], "www.example.org", 6) as own,
        ):
            assert mums.started()
            assert own.started()
            home.begin_anew()
            told(daemon)
            assert all(_goes_on(one) for one in (mums, own))
        after = daemon.client.call("status")
        for key in ("new_devices", "questions", "requests"):
            assert after[key] == before[key], key
        assert [one["mac"] for one in daemon.client.call("devices")["devices"]] == [
            one["mac"] for one in devices
        ]
        assert daemon.client.call("refusals", profile="daughter")["refusals"] == []
    seen = {(one["proto"], one["name"].lower()) for one in home.seen()}  # asked for in letters of any case
    # Where help is, the gateway's own resolver asks, as for any phone, and the daemon from time to time.
    help_names = set(load_product().help_names)
    assert {proto for proto, _ in seen} <= {"dns"}, home.seen()
    others = {name for _, name in seen} - {EPDG, *help_names}
    assert len(others) <= 1, seen  # a site that the child may reach
    assert others <= set(ALLOWED)


def _goes_on(stream: clients.Stream) -> bool:
    before = stream.received
    return until(lambda: stream.received > before, 3.0) is not None


@pytest.mark.parametrize("how", ["end", "ctrl-c", "term", "kill"])
def test_nothing_is_left(home: Home, how: str) -> None:
    with running(home) as daemon:
        before = state(home)
        if how == "end":
            audit(daemon, "--only", "ssh", "download")
        else:
            with stopping(home.gateway.popen(command(daemon))) as process:
                assert until(lambda: "qqaudit1" in state(home), 15.0, 0.1) is not None
                time.sleep(1.0)
                number = {"ctrl-c": signal.SIGINT, "term": signal.SIGTERM, "kill": signal.SIGKILL}[how]
                os.killpg(process.pid, number) if how != "kill" else os.kill(process.pid, number)
                process.wait(60)
                assert process.returncode == (-signal.SIGKILL if how == "kill" else 130)
        if how == "kill":
            # Links and namespaces went with it; rules for addresses that nobody has are for the next one.
            assert until(lambda: "qqaudit" not in state(home), 5.0, 0.1) is not None
            audit(daemon, "--only", "ssh")
        assert until(lambda: state(home) == before, 5.0, 0.1) is not None, state(home)
        assert until(lambda: not _strays(), 5.0, 0.1) is not None


def _strays() -> list[str]:
    shown = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    return [line for line in shown.splitlines() if "gateway.filter_test." in line]


def test_a_daemon_that_ends_meanwhile(home: Home) -> None:
    with running(home) as daemon:
        before = state(home)
        with stopping(home.gateway.popen(command(daemon), stderr=subprocess.PIPE)) as process:
            assert until(lambda: "qqaudit1" in state(home), 15.0, 0.1) is not None
            daemon.kill()
            assert process.wait(60) == 1
            assert process.stderr is not None
            assert process.stderr.read().count(b"\n") == 1
            daemon.start()
            assert until(lambda: state(home) == before, 5.0, 0.1) is not None


def test_what_holds_beside_the_rules_is_told(home: Home) -> None:
    managed = {names.TABLET.mac: ["vpn.school.kz"]}
    with running(home, managed=managed) as daemon:
        daemon.client.call("off", minutes=10, by="console")
        one = told(daemon, "--only", "tls", "wireguard")
        assert by(one, "closed") == both("tls", "wireguard"), "it says what holds when filtering is on"
        said = " ".join(one["remarks"])
        for words in ("Bedtimes, limits", "Filtering is off", "vpn.school.kz"):
            assert words in said


def test_two_at_once(home: Home) -> None:
    with running(home) as daemon:
        few = command(daemon, "--only", "ssh", "wireguard")
        with stopping(home.gateway.popen(few)) as first:
            assert until(lambda: "qqaudit0" in state(home), 15.0, 0.05) is not None
            # A bridge takes over the lowest address of its ports.
            assert home.gateway.run(["cat", "/sys/class/net/qqaudit0/address"]).stdout.startswith("fe:")
            done = audit(daemon, status=1)
            assert done.stderr == "qalqan: another bypass test is running; wait until it has ended\n"
            assert first.wait(60) == 0


# ---------------------------------------------------------------- other networks and firewalls

_FEW = (
    "ssh",
    "wireguard",
    "tls",
    "split",
    "quic",
    "dns-other",
    "esp",
    "download",
    "help",
    "time",
    "router-ssh",
)
_ALL_CLOSED = {one for one in _FEW if one not in ("help", "time")}


def _as_ever(one: Mapping[str, Any], passes: Sequence[str] = ("help", "time")) -> None:
    assert by(one, "closed") == both(*_ALL_CLOSED), one
    assert by(one, "passes") == both(*passes), one


def test_a_gateway_that_looks_where_packets_come_from(home: Home) -> None:
    """Strict reverse path filtering (RFC 3704), as many distributions have it."""
    links = home.gateway.run(["sh", "-c", "ls /proc/sys/net/ipv4/conf"], check=True).stdout.split()
    before = {
        one: home.gateway.run(["sysctl", "-n", f"net.ipv4.conf.{one}.rp_filter"]).stdout.strip()
        for one in links
    }
    try:
        home.gateway.run(
            ["sysctl", "-qw", *(f"net.ipv4.conf.{one}.rp_filter=1" for one in links)], check=True
        )
        with running(home) as daemon:
            _as_ever(told(daemon, "--only", *_FEW))
    finally:
        home.gateway.run(
            ["sysctl", "-qw", *(f"net.ipv4.conf.{one}.rp_filter={old}" for one, old in before.items())]
        )


def test_a_gateway_that_masquerades_everything(home: Home) -> None:
    text = """table inet extra { chain post { type nat hook postrouting priority 100; policy accept;
        oifname != { "br-lan", "lo" } masquerade; }; }"""
    with running(home) as daemon, ruleset(home, text):
        _as_ever(told(daemon, "--only", *_FEW))


def test_openwrts_firewall_lets_it_through_for_so_long(home: Home) -> None:
    text = """table inet fw4 { chain forward { type filter hook forward priority 0; policy drop;
        ct state established,related accept; iifname "br-lan" oifname "wan" accept; }; }"""
    with running(home) as daemon, ruleset(home, text):
        before = home.gateway.run(["nft", "list", "table", "inet", "fw4"]).stdout
        _as_ever(told(daemon, "--only", *_FEW))
        assert home.gateway.run(["nft", "list", "table", "inet", "fw4"]).stdout == before


def test_another_firewall_leaves_it_unable_to_tell(home: Home) -> None:
    text = """table inet other { chain forward { type filter hook forward priority 0; policy accept;
        oifname "qqaudit1" drop; }; }"""
    with running(home) as daemon, ruleset(home, text):
        one = told(daemon, "--only", "ssh", "wireguard", "tls")
        assert by(one, "unknown") == both("ssh", "wireguard", "tls")
        assert "another firewall" in one["checks"][0]["ipv4"]["why"]
        assert "another firewall" in audit(daemon, "--only", "ssh").stdout.replace("\n      ", " ")


def test_a_lan_without_ipv6(home: Home) -> None:
    own = ["addr", "add", f"{names.GATEWAY_IPV6}/64", "dev", names.LAN, "nodad"]
    home.gateway.run(["ip", "-6", "addr", "del", f"{names.GATEWAY_IPV6}/64", "dev", names.LAN], check=True)
    try:
        with running(home) as daemon:
            one = told(daemon, "--only", "ssh", "tls", "help", "router-ssh")
            assert by(one, "absent") == {key: {6} for key in ("ssh", "tls", "help", "router-ssh")}
            assert by(one, "closed") == {key: {4} for key in ("ssh", "tls", "router-ssh")}
            assert any("IPv6 is not tested" in remark for remark in one["remarks"])
    finally:
        home.gateway.run(["ip", "-6", *own], check=True)


def test_a_lan_that_is_no_bridge(home: Home) -> None:
    """The last port leaves the bridge and is a network of its own."""
    port = "lan4"
    try:
        home.gateway.run(["ip", "link", "set", port, "nomaster"], check=True)
        for own in ("192.168.78.1/24", "2001:db8:78::1/64"):
            home.gateway.run(["ip", "addr", "add", own, "dev", port], check=True)
        with running(home, lan=[port]) as daemon:
            before = state(home)
            one = told(daemon, "--only", *_FEW, "stranger")
            # The lab's resolver answers on br-lan alone.
            assert by(one, "unknown") == both("stranger", "help")
            _as_ever(one, ["time"])
            assert until(lambda: state(home) == before, 5.0, 0.1) is not None, state(home)
    finally:
        home.gateway.run(["ip", "addr", "flush", "dev", port])
        home.gateway.run(["ip", "link", "set", port, "master", names.LAN], check=True)
