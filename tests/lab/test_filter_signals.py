"""The questions by which devices look for a resolver or a relay of their own, whichever resolver they ask."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.lab import clients, names
from tests.lab.daemon import Daemon
from tests.lab.filtering import ALLOWED, Arrivals, address, fresh
from tests.lab.home import Home
from tests.lab.netns import Namespace
from tests.pace import longest

pytestmark = pytest.mark.lab

RESOLVERS = pytest.mark.parametrize(
    "server",
    [names.GATEWAY_IPV4, names.GATEWAY_IPV6, "8.8.8.8", "2001:4860:4860::8888"],
    ids=["gateway-4", "gateway-6", "foreign-4", "foreign-6"],
)
TRANSPORTS = pytest.mark.parametrize("extra", [(), ("+tcp",)], ids=["udp", "tcp"])
SIGNALS = pytest.mark.parametrize(
    ("name", "qtype"),
    [
        ("_dns.example.org", "SVCB"),  # RFC 9462 5
        ("_853._dns.dns.example.org", "SVCB"),  # RFC 9461 3
        ("_8443._dns.example.org", "SVCB"),
        ("mask.icloud.com", "AAAA"),
        ("mask-h2.icloud.com", "HTTPS"),
        ("mask-api.icloud.com", "A"),
        ("mask.apple-dns.net", "A"),
        ("dns-tunnel-check.googlezip.net", "A"),  # Chrome's
    ],
)
AT_ONCE = 1.0  # seconds; Apple: no time-out
PROBE = "4f9a1c-dnsotls-ds.metric.gstatic.com"  # Android's


@pytest.fixture(scope="module")
def daemon(home: Home) -> Iterator[Daemon]:
    home.begin_anew()
    with fresh(home) as started:
        yield started


@RESOLVERS
@TRANSPORTS
@SIGNALS
def test_a_childs_device_is_told_at_once_that_there_is_no_such_name(
    tablet: Namespace, server: str, extra: tuple[str, ...], name: str, qtype: str, arrivals: Arrivals
) -> None:
    began = time.monotonic()
    answer = clients.dig(tablet, name, qtype, server=server, extra=extra)
    assert time.monotonic() - began < longest(AT_ONCE)
    assert answer.status == "NXDOMAIN", answer.text
    assert answer.records == ()
    assert not arrivals.of("dns", name)


@RESOLVERS
@TRANSPORTS
@SIGNALS
def test_an_adults_device_gets_the_answer_itself(
    home: Home, daemon: Daemon, server: str, extra: tuple[str, ...], name: str, qtype: str
) -> None:
    answer = clients.dig(home.devices["parent"], name, qtype, server=server, extra=extra)
    assert answer.status == "NOERROR", answer.text
    assert len(answer.records) == 1, answer.text
    if qtype == "SVCB":
        assert "dns-query" in answer.records[0]


@RESOLVERS
@TRANSPORTS
def test_the_ways_of_a_resolver_are_taken_out_of_answers(
    home: Home, tablet: Namespace, server: str, extra: tuple[str, ...]
) -> None:
    (record,) = clients.dig(tablet, ALLOWED, "SVCB", server=server, extra=extra).records
    assert "dns-query" not in record
    assert "dot" not in record
    assert "doq" not in record
    assert 'alpn="h2"' in record
    assert "port=853" in record
    (whole,) = clients.dig(home.devices["parent"], ALLOWED, "SVCB", server=server, extra=extra).records
    assert "dns-query" in whole
    assert "dot" in whole


@RESOLVERS
def test_androids_probe_of_a_resolver_is_a_question_like_any_other(tablet: Namespace, server: str) -> None:
    assert clients.dig(tablet, PROBE, server=server).records == (address(PROBE, 4),)
