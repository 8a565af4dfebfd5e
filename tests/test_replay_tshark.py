"""What `replay` reads agrees with tshark on every host name: real clients, whole and taken apart."""

from __future__ import annotations

import random
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from gateway.policy.values import Verdict
from tests import captures
from tests.captures import Stamped
from tests.lab import chromium, clients, firefox, names
from tests.lab.certs import NAMELESS
from tests.lab.home import Home
from tests.lab.recorder import Recorder
from tests.replayed import ADULT, Replayed

pytestmark = pytest.mark.lab

FIELDS = (
    "frame.protocols", "tcp.srcport", "udp.srcport", "tcp.dstport", "udp.dstport", "dns.flags.response",
    "dns.qry.name", "tls.handshake.type", "tls.handshake.extensions_server_name", "http.host",
)  # fmt: skip
WANTED = "dns.qry.name or tls.handshake.type == 1 or http.request"
PLACES = 40  # at which a capture is cut

Names = Counter[tuple[str, int, str]]  # protocol, port of who asks, host


class Capture(NamedTuple):
    speaker: str
    path: Path
    packets: list[Stamped]


@pytest.fixture(scope="module")
def home() -> Iterator[Home]:
    with Home() as built:
        yield built


_PROGRAMS = {"clients": ("curl",), "Chromium": ("chromium",), "Firefox": ("firefox-esr", "firefox")}


@pytest.fixture(
    scope="module",
    params=[pytest.param(key, marks=pytest.mark.needs(*one_of)) for key, one_of in _PROGRAMS.items()],
)
def recorded(request: pytest.FixtureRequest, home: Home, folder: Path) -> Capture:
    """What they send with their datagrams one by one, since tshark does not cut those sent as one."""
    speak = SPEAKERS[request.param]
    path = folder / f"{request.param}.pcapng"
    tablet = home.devices["tablet"]
    tablet.run(["ethtool", "-K", "eth0", "tx-udp-segmentation", "off"], check=True)
    with Recorder(tablet, "eth0", path):
        speak(home)
    return Capture(request.param, path, captures.ip_packets(path))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("captures")


def clients_speak(home: Home) -> None:
    """curl, OpenSSL, Python, dig and aioquic, over IPv4 and IPv6."""
    tablet = home.devices["tablet"]
    v6 = names.ipv6_of("www.six.example")
    outcomes = [
        clients.curl(tablet, "https://www.curl.example/"),
        clients.curl(tablet, "http://www.plain.example/"),
        clients.curl(tablet, "http://www.upper.example/", extra=["-H", "Host: WWW.Upper.Example:80"]),
        clients.openssl(tablet, "www.openssl.example"),
        clients.openssl(tablet, "www.old.example", extra=["-tls1_2"]),
        # Its share is of a group that the server likes less than another: HelloRetryRequest.
        clients.openssl(tablet, "www.again.example", extra=["-groups", "secp384r1:X25519MLKEM768"]),
        clients.openssl(tablet, "www.six.example", address=v6),
        clients.tls(tablet, "www.python.example"),
        clients.tls(tablet, "", address=names.ipv4_of("www.python.example")),
        clients.h3(tablet, "www.quic.example"),
        clients.h3(tablet, "www.quic2.example", version=2),
        clients.h3(tablet, "www.six.example", address=v6),
    ]
    assert [one.how for one in outcomes if not one.reached] == []
    # Three requests on one connection.
    tablet.run(["curl", "-sS", *(f"http://keep.example/{page}" for page in "abc")], check=True)
    for extra in ((), ("+tcp",), ("+noedns",)):
        for qtype in ("A", "AAAA", "HTTPS"):
            assert clients.dig(tablet, f"www.{qtype}.example", qtype, extra=extra).status == "NOERROR"
    clients.dig(tablet, "MiXeD.CaSe.example", server=names.GATEWAY_IPV6)
    # Several questions in one connection.
    several = [
        "dig",
        "+tcp",
        "+keepopen",
        "one.example",
        "+keepopen",
        "two.example",
        "+keepopen",
        "three.example",
    ]
    tablet.run(several)


def chromium_speaks(home: Home) -> None:
    assert chromium.visit(home, "tablet", "https://www.chromium.example/").reached
    host = "noech.chromium.example"
    assert chromium.visit(home, "tablet", f"https://{host}/", quic_hosts=[host]).reached


def firefox_speaks(home: Home) -> None:
    """By its own resolver, whose HTTPS records offer HTTP/3 and Encrypted ClientHello; then over QUIC."""
    urls = [f"{scheme}.firefox.example/" for scheme in ("https://noech", "https://www", "http://plain")]
    assert all(one.reached for one in firefox.visit(home, "tablet", *urls))
    for where in (names.ipv4_of(NAMELESS), names.ipv6_of(NAMELESS)):
        pages = [f"https://{NAMELESS}/{number}" for number in range(2)]
        outcomes = firefox.visit(home, "tablet", *pages, quic_hosts=[NAMELESS], address=where)
        assert [one.reached for one in outcomes] == [True, True]
        assert outcomes[1].how == "h3"


SPEAKERS: dict[str, Callable[[Home], None]] = {
    "clients": clients_speak,
    "Chromium": chromium_speaks,
    "Firefox": firefox_speaks,
}
LEAST = {"clients": 30, "Chromium": 6, "Firefox": 20}  # names


def told_by_tshark(path: Path) -> Names:
    command = [
        "tshark", "-n", "-r", str(path), "-Y", WANTED, "-o", "tcp.reassemble_out_of_order:TRUE",
        "-d", "udp.port==443,quic",  # else a client's port decides: 41170 is read as MANOLITO
        "-T", "fields", "-E", "separator=/t", "-E", "occurrence=a",
        *(word for field in FIELDS for word in ("-e", field)),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: Names = Counter()
    for line in done.stdout.splitlines():
        row = dict(zip(FIELDS, line.split("\t"), strict=True))
        if "icmp" in row["frame.protocols"]:
            continue  # quotes a packet that was seen already
        sport = int(row["tcp.srcport"] or row["udp.srcport"])
        dport = row["tcp.dstport"] or row["udp.dstport"]
        if dport == "53" and set(row["dns.flags.response"].split(",")) <= {"0", "False"}:
            found.update(("dns", sport, name.lower()) for name in row["dns.qry.name"].split(","))
        hello = "1" in row["tls.handshake.type"].split(",")
        if hello and row["tls.handshake.extensions_server_name"]:
            proto = "quic" if "quic" in row["frame.protocols"] else "tls"
            for name in row["tls.handshake.extensions_server_name"].split(","):
                found[proto, sport, name.lower()] += 1
        if row["http.host"]:
            found.update(
                ("http", sport, host.partition(":")[0].lower()) for host in row["http.host"].split(",")
            )
    return found


def told_by_replay(capture: bytes, rules: str = ADULT) -> Names:
    asked = Replayed(capture, rules).asked
    return Counter((str(one.proto), one.sport, one.host) for one in asked if one.host is not None)


def assert_agreement(path: Path, *, least: int) -> None:
    ours, theirs = told_by_replay(path.read_bytes()), told_by_tshark(path)
    assert comparable(ours) == comparable(theirs)
    assert ours.total() >= least


def comparable(found: Names) -> Names:
    """A hello in QUIC that is sent again is shown by tshark again, and one hello."""
    return Counter({key: 1 if key[0] == "quic" else number for key, number in found.items()})


def test_on_what_real_clients_send(recorded: Capture) -> None:
    assert_agreement(recorded.path, least=LEAST[recorded.speaker])
    found = told_by_replay(recorded.path.read_bytes())
    by_name = Counter[tuple[str, str]]()
    for (proto, _, host), number in found.items():
        by_name[proto, host] += number
    if recorded.speaker == "Chromium":
        assert by_name["tls", "www.chromium.example"]
        assert by_name["quic", "noech.chromium.example"]
    elif recorded.speaker == "Firefox":
        assert by_name["tls", "noech.firefox.example"]
        assert by_name["tls", "cover.example"]  # a real Encrypted ClientHello shows its outer name
        assert by_name["http", "plain.firefox.example"]
        assert by_name["quic", NAMELESS] >= 2
    else:
        assert by_name["tls", "www.again.example"] == 2
        assert by_name["http", "keep.example"] == 3
        assert by_name["quic", "www.quic2.example"] == 1
        assert by_name["dns", "mixed.case.example"] == 1
        assert by_name["http", "www.upper.example"] == 1
        assert all(by_name["dns", f"{number}.example"] == 1 for number in ("one", "two", "three"))


def test_strict_rules_change_no_name(recorded: Capture) -> None:
    capture = recorded.path.read_bytes()
    strict = "band: 0-5\nmode: allow-list"
    verdicts = Counter(one.decision.verdict for one in Replayed(capture, strict).asked)
    assert verdicts[Verdict.BLOCK] > 0  # how many of each depends on what the browser happens to look up
    assert told_by_replay(capture, strict) == told_by_replay(capture)


def test_what_passes_a_gateway_is_told_once_for_each_network(home: Home, tmp_path: Path) -> None:
    """On `any` a packet is captured on the bridge's port and on the bridge; tshark shows it twice."""
    path = tmp_path / "any.pcapng"
    with Recorder(home.gateway, "any", path):
        clients.dig(home.devices["tablet"], "once.example", server=names.RESOLVER_IPV4)
        clients.openssl(home.devices["tablet"], "www.once.example")
    ours, theirs = told_by_replay(path.read_bytes()), told_by_tshark(path)
    assert set(ours) == set(theirs)
    assert max(theirs.values()) > 1
    asked = [one for one in Replayed(path.read_bytes()).asked if one.host == "once.example"]
    assert len({one.src for one in asked}) == len(asked)


def _split(packets: list[Stamped], chance: random.Random) -> bytes:
    return captures.wrapped(captures.in_segments(packets, chance, shuffled=False), "ethernet")


def _shuffled(packets: list[Stamped], chance: random.Random) -> bytes:
    return captures.wrapped(captures.in_segments(packets, chance, shuffled=True), "ethernet")


def _swapped(packets: list[Stamped], _: random.Random) -> bytes:
    return captures.wrapped(captures.in_other_order(packets), "ethernet")


def _fragments(packets: list[Stamped], chance: random.Random) -> bytes:
    return captures.wrapped(captures.in_fragments(packets, chance.randrange(8, 100) * 8, chance), "ethernet")


def _nanoseconds(packets: list[Stamped], _: random.Random) -> bytes:
    link = captures.LINKS["ethernet"]
    return captures.pcapng([(time, link.wrap(packet)) for time, packet in packets], link.number)


def _on(link: str) -> Callable[[list[Stamped], random.Random], bytes]:
    return lambda packets, _: captures.wrapped(packets, link)


TAKEN_APART = {
    "split": _split,
    "shuffled": _shuffled,
    "datagrams swapped": _swapped,
    "fragments": _fragments,
    "pcapng": _nanoseconds,
    **{f"on {link}": _on(link) for link in captures.LINKS},
}


@pytest.mark.parametrize("way", TAKEN_APART)
def test_on_packets_taken_apart(recorded: Capture, way: str, tmp_path: Path) -> None:
    path = tmp_path / "changed.pcap"
    path.write_bytes(TAKEN_APART[way](recorded.packets, random.Random(way)))
    assert_agreement(path, least=LEAST[recorded.speaker])
    assert told_by_replay(path.read_bytes()) == told_by_replay(recorded.path.read_bytes())


@pytest.mark.parametrize("seed", range(8))
def test_other_ways_to_take_them_apart_give_the_same(recorded: Capture, seed: int) -> None:
    chance = random.Random(seed)
    segments = captures.in_segments(recorded.packets, chance, shuffled=True, most=9)
    capture = captures.wrapped(captures.in_fragments(segments, 256, chance), "cooked v2")
    assert told_by_replay(capture) == told_by_replay(recorded.path.read_bytes())


def test_a_capture_that_is_cut_gives_a_beginning(recorded: Capture) -> None:
    whole = recorded.path.read_bytes()
    asked = Replayed(whole).asked
    chance = random.Random(7)
    for place in [chance.randrange(len(whole)) for _ in range(PLACES)]:
        part = Replayed(whole[:place])
        assert part.asked == asked[: len(part.asked)]
        assert not part.broken or "cut at byte " in part.broken or place < 1024  # the header's own words
