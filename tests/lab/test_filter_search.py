"""Safe search by rewriting, whatever resolver is asked; and answers that keep browsers' own doors shut."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.lab import clients, names
from tests.lab.daemon import Daemon
from tests.lab.filtering import ALLOWED, FAMILIES, PROFILES, Arrivals, address, fetch, fresh
from tests.lab.home import Home
from tests.lab.netns import Namespace

pytestmark = pytest.mark.lab

GOOGLE, SAFE_GOOGLE = "www.google.com", "forcesafesearch.google.com"
YANDEX, YANDEX_ADDRESS = "yandex.ru", "213.180.193.56"
PAGES = "qalqan.home.arpa"

RESOLVERS = pytest.mark.parametrize(
    "server",
    [names.GATEWAY_IPV4, names.GATEWAY_IPV6, "8.8.8.8", "2001:4860:4860::8888"],
    ids=["gateway-4", "gateway-6", "foreign-4", "foreign-6"],
)
TRANSPORTS = pytest.mark.parametrize("extra", [(), ("+tcp",)], ids=["udp", "tcp"])


@pytest.fixture(scope="module")
def daemon(home: Home) -> Iterator[Daemon]:
    profiles = {**PROFILES, "teen": {"band": "16-17", "devices": [names.NEW.mac], "bedtime": {}}}
    with fresh(home, profiles) as started:
        yield started


@RESOLVERS
@TRANSPORTS
def test_a_search_host_is_answered_by_its_safe_name(
    tablet: Namespace, server: str, extra: tuple[str, ...], arrivals: Arrivals
) -> None:
    for qtype, version in (("A", 4), ("AAAA", 6)):
        answer = clients.dig(tablet, GOOGLE, qtype, server=server, extra=extra)
        assert answer.status == "NOERROR", answer.text
        assert answer.records == (f"{SAFE_GOOGLE}.", address(SAFE_GOOGLE, version))
    https = clients.dig(tablet, GOOGLE, "HTTPS", server=server, extra=extra)
    assert https.status == "NOERROR"
    assert https.records == (f"{SAFE_GOOGLE}.",)
    assert not arrivals.of("dns", GOOGLE), "the question itself never left"


@RESOLVERS
@TRANSPORTS
def test_the_case_of_a_rewritten_question_is_kept(
    tablet: Namespace, server: str, extra: tuple[str, ...]
) -> None:
    answer = clients.dig(tablet, "wWw.GooGLE.Com", server=server, extra=extra)
    assert ";wWw.GooGLE.Com." in answer.text
    assert answer.records == (f"{SAFE_GOOGLE}.", address(SAFE_GOOGLE, 4))


def test_without_edns_too(tablet: Namespace) -> None:
    answer = clients.dig(tablet, GOOGLE, server="8.8.8.8", extra=("+noedns",))
    assert answer.records == (f"{SAFE_GOOGLE}.", address(SAFE_GOOGLE, 4))


@pytest.mark.parametrize(
    ("key", "host", "safe"),
    [
        ("tablet", "www.youtube.com", "restrict.youtube.com"),
        ("tablet", "m.youtube.com", "restrict.youtube.com"),
        ("phone", "www.youtube.com", "restrictmoderate.youtube.com"),
        ("tablet", "www.bing.com", "strict.bing.com"),
        ("tablet", "duckduckgo.com", "safe.duckduckgo.com"),
        ("tablet", "www.google.kz", SAFE_GOOGLE),
        ("phone", "www.google.com.kw", SAFE_GOOGLE),
    ],
)
def test_engines_and_levels(home: Home, daemon: Daemon, key: str, host: str, safe: str) -> None:
    for qtype, version in (("A", 4), ("AAAA", 6)):
        answer = clients.dig(home.devices[key], host, qtype)
        assert answer.records == (f"{safe}.", address(safe, version)), answer.text


@TRANSPORTS
def test_an_engine_with_an_address_and_no_name(tablet: Namespace, extra: tuple[str, ...]) -> None:
    assert clients.dig(tablet, YANDEX, extra=extra).records == (YANDEX_ADDRESS,)
    six = clients.dig(tablet, YANDEX, "AAAA", extra=extra)
    assert (six.status, six.records) == ("NOERROR", ())
    https = clients.dig(tablet, YANDEX, "HTTPS", extra=extra)
    assert (https.status, https.records) == ("NOERROR", ())


@pytest.mark.parametrize("key", ["new", "parent"])
def test_who_searches_as_he_likes(home: Home, daemon: Daemon, key: str) -> None:
    device = home.devices[key]
    for extra in ((), ("+tcp",)):
        assert clients.dig(device, GOOGLE, server="8.8.8.8", extra=extra).records == (address(GOOGLE, 4),)
    assert fetch(device, f"https://{GOOGLE}/", 4).reached


@FAMILIES
@pytest.mark.parametrize("scheme", ["https", "http"])
def test_a_search_host_at_an_address_that_is_not_safe(
    tablet: Namespace, version: int, scheme: str, arrivals: Arrivals
) -> None:
    clients.dig(tablet, GOOGLE, "A" if version == 4 else "AAAA")
    for elsewhere in (address(GOOGLE, version), address(ALLOWED, version)):
        refused = fetch(tablet, f"{scheme}://{GOOGLE}/not-safe", version, to=elsewhere)
        assert not refused.reached, refused
    assert not [line for line in arrivals.of(None, GOOGLE) if line["detail"].endswith("/not-safe")]
    safe = fetch(tablet, f"{scheme}://{GOOGLE}/", version, to=address(SAFE_GOOGLE, version))
    assert safe.reached, safe
    # What has another name is none of it, wherever it lies.
    assert fetch(tablet, f"{scheme}://{ALLOWED}/", version, to=address(GOOGLE, version)).reached


@FAMILIES
def test_the_same_over_quic(tablet: Namespace, version: int, arrivals: Arrivals) -> None:
    clients.dig(tablet, GOOGLE, "A" if version == 4 else "AAAA")
    assert not clients.h3(tablet, GOOGLE, address=address(GOOGLE, version), timeout=1.0).reached
    assert not arrivals.of("h3", GOOGLE)
    assert clients.h3(tablet, GOOGLE, address=address(SAFE_GOOGLE, version)).reached


def test_the_address_of_an_engine_without_a_safe_name(tablet: Namespace) -> None:
    clients.dig(tablet, YANDEX)
    assert fetch(tablet, f"https://{YANDEX}/", 4, to=YANDEX_ADDRESS).reached
    assert not fetch(tablet, f"https://{YANDEX}/", 4).reached


def test_a_browser_finds_its_way(tablet: Namespace) -> None:
    """With nothing but the device's own resolver."""
    for host in (GOOGLE, "www.youtube.com", "duckduckgo.com"):
        outcome = clients.curl(tablet, f"https://{host}/")
        assert outcome.reached, (host, outcome)


@pytest.mark.browser
def test_chromium_finds_its_way(home: Home, tablet: Namespace) -> None:
    from tests.lab import chromium

    for quic in ([], [GOOGLE]):
        outcome = chromium.visit(home, "tablet", f"https://{GOOGLE}/", quic_hosts=quic)
        assert outcome.reached, outcome.how


@RESOLVERS
@TRANSPORTS
@pytest.mark.parametrize(
    ("name", "qtype"),
    [
        ("use-application-dns.net", "A"),
        ("_dns.resolver.arpa", "SVCB"),
        ("resolver.arpa", "A"),
        ("mask.icloud.com", "A"),
        ("mask-h2.icloud.com", "AAAA"),
    ],
)
def test_signals_to_browsers_and_phones(
    tablet: Namespace, server: str, extra: tuple[str, ...], name: str, qtype: str
) -> None:
    answer = clients.dig(tablet, name, qtype, server=server, extra=extra)
    assert answer.status == "NXDOMAIN"
    assert answer.records == ()


def test_signals_leave_no_trace(home: Home, tablet: Namespace, daemon: Daemon) -> None:
    clients.dig(tablet, "use-application-dns.net")
    refusals = daemon.client.call("refusals", device=names.TABLET.mac, limit=100)["refusals"]
    assert not [one for one in refusals if one["host"] == "use-application-dns.net"]


@RESOLVERS
@TRANSPORTS
def test_ech_is_taken_out_of_a_filtered_devices_answers(
    home: Home, tablet: Namespace, server: str, extra: tuple[str, ...]
) -> None:
    (record,) = clients.dig(tablet, ALLOWED, "HTTPS", server=server, extra=extra).records
    assert "ech=" not in record
    assert 'alpn="h3"' in record
    assert f"ipv4hint={address(ALLOWED, 4)}" in record
    assert f"ipv6hint={address(ALLOWED, 6)}" in record
    (whole,) = clients.dig(home.devices["parent"], ALLOWED, "HTTPS", server=server, extra=extra).records
    assert "ech=" in whole


@RESOLVERS
@TRANSPORTS
@pytest.mark.parametrize("key", ["tablet", "phone"])
def test_the_pages_have_a_name(
    home: Home, daemon: Daemon, server: str, extra: tuple[str, ...], key: str, arrivals: Arrivals
) -> None:
    four = clients.dig(home.devices[key], PAGES, server=server, extra=extra)
    six = clients.dig(home.devices[key], PAGES, "AAAA", server=server, extra=extra)
    assert four.records == ("192.0.0.8",), four.text
    assert six.records == ("fd71:616c:7161:6e00::80",), six.text
    assert not arrivals.of("dns", PAGES)


def test_the_pages_name_on_an_unfiltered_device(home: Home, daemon: Daemon) -> None:
    answer = clients.dig(home.devices["parent"], PAGES)
    assert answer.records == ("192.0.0.8",), answer.text
