"""Blocked names that are answered with the address of the pages, and what is there: HTTP, HTTPS, QUIC."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from gateway.dataplane.pages_watch import GONE, LOOK
from gateway.policy.config.web import PAGES as OWN
from tests.lab import clients, names, shutting
from tests.lab.daemon import Daemon
from tests.lab.filtering import (
    ALLOWED,
    BLOCKED,
    DAUGHTER,
    EXPLAINED,
    MUM,
    REFUSED,
    SON,
    Arrivals,
    fresh,
    is_explained,
    python,
)
from tests.lab.home import Home
from tests.pace import longest

pytestmark = pytest.mark.lab

SITE = "http://qalqan.home.arpa"
PHONE_SITE = "m.tiktok.com"  # which no other test has blocked for another reason a moment ago
HTML = ("-H", "Accept: text/html,*/*;q=0.8")
WAYS = pytest.mark.parametrize("extra", [(), ("+tcp",)], ids=["udp", "tcp"])
SERVERS = pytest.mark.parametrize(
    "server", [names.GATEWAY_IPV4, names.GATEWAY_IPV6, "8.8.8.8", "2001:4860:4860::8888"]
)
# A datagram to a port of the pages' address: the error that comes back, and whether one does.
KNOCK = """
import socket, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
    sock.settimeout(3)
    sock.connect((sys.argv[1], int(sys.argv[2])))
    sock.send(b"x" * 1200)
    try:
        sock.recv(10)
    except OSError as error:
        print(type(error).__name__)
"""


@pytest.fixture(scope="module")
def daemon(home: Home) -> Iterator[Daemon]:
    profiles = {
        "daughter": {**DAUGHTER, "bedtime": "20:45-07:00", "categories": {"gambling": "block"}},
        "son": {**SON, "band": "6-9", "mode": "allow-list"},
        "mum": MUM,
    }
    started = fresh(home, profiles)
    started._with_web = True
    with started:
        yield started


@pytest.fixture(autouse=True)
def noon(daemon: Daemon) -> Iterator[None]:
    shutting.noon(daemon)
    yield
    shutting.resume(daemon)


@SERVERS
@WAYS
@pytest.mark.parametrize(
    ("seat", "host"),
    [
        ("tablet", REFUSED),  # a service, by the family
        ("tablet", BLOCKED),  # a name, by the family
        ("tablet", "www.bet365.com"),  # a category
        ("phone", ALLOWED),  # not on the allow-list
    ],
)
def test_an_explained_name_has_one_address_for_ten_seconds(
    home: Home, server: str, extra: tuple[str, ...], seat: str, host: str, arrivals: Arrivals
) -> None:
    device = home.devices[seat]
    answer = clients.dig(device, host, server=server, extra=extra)
    assert is_explained(answer), answer.text
    assert f"\t10\tIN\tA\t{EXPLAINED}" in answer.text
    for qtype in ("AAAA", "HTTPS", "SVCB", "TXT"):
        empty = clients.dig(device, host, qtype, server=server, extra=extra)
        assert (empty.status, empty.records) == ("NOERROR", ()), empty.text
        assert "SOA" not in empty.text
    assert not arrivals.of("dns", host)


@SERVERS
@WAYS
@pytest.mark.parametrize(
    "host", ["nordvpn.com", "dns.google", "use-application-dns.net", "mask.icloud.com", "www.torproject.org"]
)
def test_bypass_methods_have_no_address(home: Home, server: str, extra: tuple[str, ...], host: str) -> None:
    for seat in ("tablet", "phone"):
        answer = clients.dig(home.devices[seat], host, server=server, extra=extra)
        assert (answer.status, answer.records) == ("NXDOMAIN", ()), answer.text


@SERVERS
@WAYS
@pytest.mark.parametrize("shut", [shutting.bedtime, shutting.paused])
def test_nor_has_what_a_rule_of_time_blocks(
    home: Home, daemon: Daemon, server: str, extra: tuple[str, ...], shut: Any
) -> None:
    shut(daemon)
    for host in (REFUSED, ALLOWED):
        answer = clients.dig(home.devices["tablet"], host, server=server, extra=extra)
        assert (answer.status, answer.records) == ("NXDOMAIN", ()), answer.text


@SERVERS
@WAYS
def test_an_unfiltered_device_gets_the_real_answer(home: Home, server: str, extra: tuple[str, ...]) -> None:
    answer = clients.dig(home.devices["parent"], REFUSED, server=server, extra=extra)
    assert answer.records == (names.ipv4_of(REFUSED),), answer.text


@pytest.mark.parametrize("path", ["/", "/watch?v=1", "/parent/"])
def test_plain_http_leads_to_the_page_about_it(home: Home, path: str) -> None:
    tablet = home.devices["tablet"]
    led = clients.curl(tablet, f"http://{PHONE_SITE}{path}", extra=HTML)
    assert (led.status, led.location) == (303, f"{SITE}/refused?host={PHONE_SITE}")
    page = clients.curl(tablet, led.location, extra=HTML)
    assert page.status == 403
    assert "TikTok" in page.body
    part = clients.curl(tablet, f"http://{PHONE_SITE}{path}")
    assert (part.status, part.body) == (403, "")
    other = clients.curl(home.devices["phone"], led.location, extra=HTML)
    assert "TikTok" not in other.body, "another child's device"


def test_the_page_is_no_further_attempt(home: Home, daemon: Daemon) -> None:
    tablet = home.devices["tablet"]
    assert is_explained(clients.dig(tablet, BLOCKED))

    def counted() -> tuple[Any, Any]:
        call = daemon.client.call
        listed = call("refusals", device=names.TABLET.mac)["refusals"]
        return call("status")["verdicts"], [(one["host"], one["at"]) for one in listed]

    before = counted()
    known = ["--resolve", f"{BLOCKED}:80:{EXPLAINED}", "--resolve", f"qalqan.home.arpa:80:{EXPLAINED}"]
    for _ in range(3):
        assert clients.curl(tablet, f"http://{BLOCKED}/", extra=[*HTML, *known, "-L"]).status == 403
    assert counted() == before


@pytest.mark.parametrize("host", ["a..b", "-", "x", "[::1", "evil.example:8080", "a b"])
def test_a_bad_host_gets_one_clear_answer(home: Home, daemon: Daemon, host: str) -> None:
    answer = clients.curl(
        home.devices["tablet"], f"http://{EXPLAINED}/", extra=["-H", f"Host: {host}", *HTML]
    )
    assert answer.status in (400, 421), answer
    assert "Traceback" not in daemon.web_log.read_text()


def test_https_and_quic_are_refused_at_once(home: Home) -> None:
    for seat in ("tablet", "parent"):
        device = home.devices[seat]
        for port in (443, 8443, 22):
            known = ["--resolve", f"{REFUSED}:{port}:{EXPLAINED}"]
            refused = clients.curl(device, f"https://{REFUSED}:{port}/", extra=known)
            assert (refused.how, refused.status) == ("refused", 0), (seat, port)
            assert refused.ms < 1000
        for quic in ("443", "8443"):
            assert python(device, KNOCK, EXPLAINED, quic).strip() in ("OSError", "PermissionError"), quic


def test_a_category_that_a_parent_opens_for_a_while_is_open_until_it_is_taken_back(
    home: Home, daemon: Daemon, arrivals: Arrivals
) -> None:
    tablet, casino, call = home.devices["tablet"], "www.bet365.com", daemon.client.call
    assert is_explained(clients.dig(tablet, casino))
    call("request", device=names.TABLET.mac, site="category:gambling")
    (asked,) = call("requests", pending=True)["requests"]
    grant = call("answer", id=asked["id"], answer="once", by="Mum")["grant"]
    assert clients.dig(tablet, casino).records == (names.ipv4_of(casino),)
    assert clients.curl(tablet, f"https://{casino}/").reached
    assert is_explained(clients.dig(tablet, REFUSED)), "what the family blocks by name stays blocked"
    call("revoke", grant=grant)
    assert is_explained(clients.dig(tablet, casino))


def pages_problem(daemon: Daemon) -> str:
    return " ".join(line for line in daemon.client.call("status")["problems"] if "pages" in line)


def until(check: Callable[[], bool]) -> None:
    deadline = time.monotonic() + longest(GONE + 3 * LOOK)
    while not check():
        assert time.monotonic() < deadline
        time.sleep(0.5)


@pytest.mark.system
def test_without_the_pages_a_blocked_name_does_not_exist(home: Home, daemon: Daemon) -> None:
    tablet = home.devices["tablet"]
    assert is_explained(clients.dig(tablet, REFUSED))
    time.sleep(LOOK + 1.0)  # until the daemon has seen the pages: those that were never seen may start late
    daemon.stop_web()
    try:
        assert is_explained(clients.dig(tablet, REFUSED)), "a restart of the pages changes nothing"

        until(lambda: "dns_refusal: explain" in pages_problem(daemon))
        answer = clients.dig(tablet, REFUSED)
        assert (answer.status, answer.records) == ("NXDOMAIN", ()), answer.text
        check = [sys.executable, "-m", "gateway", "check", "--config", str(daemon.config)]
        assert "the pages do not run" in home.gateway.run(check).stdout
    finally:
        daemon.start_web()
    until(lambda: not pages_problem(daemon))
    assert is_explained(clients.dig(tablet, REFUSED))


def test_the_address_is_the_pages_own() -> None:
    assert OWN[0] == EXPLAINED
