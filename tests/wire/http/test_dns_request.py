"""DNS inside plain HTTP (RFC 8484): what counts as a query, wherever it is in a client's stream."""

from __future__ import annotations

import base64

import dns.message
import pytest

from gateway.policy.values import Observation, Proto
from gateway.wire.flows.actions import FlowAction
from gateway.wire.http.head import parse_request
from gateway.wire.tunnels import TunnelSign
from tests.wire.flow_forge import ALLOWED, HTTP_OK, Talk

QUERY = dns.message.make_query("www.tiktok.com", "AAAA", id=7).to_wire()
TEXT = base64.urlsafe_b64encode(QUERY).rstrip(b"=")
NAMED, UNKNOWN = TunnelSign(Proto.DNS, "www.tiktok.com", 28), TunnelSign(Proto.DNS)


def head(line: bytes, fields: bytes = b"") -> bytes:
    return line + b" HTTP/1.1\r\nHost: " + ALLOWED.encode() + b"\r\n" + fields + b"\r\n"


POST = head(b"POST /q", b"Content-Type: application/dns-message\r\nContent-Length: 3\r\n") + b"abc"
GET = head(b"GET /q?dns=" + TEXT)
DNS: dict[str, tuple[bytes, TunnelSign]] = {
    "POST": (POST, UNKNOWN),
    "POST to the usual path": (head(b"POST /dns-query", b"Content-Length: 0\r\n"), UNKNOWN),
    "a path below it": (head(b"POST /dns-query/child"), UNKNOWN),
    "a path with more slashes": (head(b"POST //./dns-query"), UNKNOWN),
    "an absolute target": (head(b"POST http://dns.example:8053/dns-query"), UNKNOWN),
    "an escaped path": (head(b"POST /dns%2Dquery"), UNKNOWN),
    "media type in capitals": (head(b"POST /", b"CONTENT-TYPE:Application/DNS-Message\r\n"), UNKNOWN),
    "media type on a folded line": (
        head(b"POST /", b"Content-Type:\r\n application/dns-message\r\n"),
        UNKNOWN,
    ),
    "one of several media types": (head(b"GET /", b"Accept: */*, application/dns-json;q=1\r\n"), UNKNOWN),
    "the draft's media type": (head(b"GET /", b"Accept: application/dns-udpwireformat\r\n"), UNKNOWN),
    "JSON by the target": (head(b"GET /resolve?name=a.example&ct=application%2Fdns-json"), UNKNOWN),
    "GET": (GET, NAMED),
    "GET with a media type": (head(b"GET /?dns=" + TEXT, b"Accept: application/dns-message\r\n"), NAMED),
    "GET with padding": (head(b"GET /q?a=b&dns=" + base64.urlsafe_b64encode(QUERY) + b"&c"), NAMED),
    "GET with escapes": (head(b"GET /q?%64ns=%41" + TEXT[1:]), NAMED),
    "a second parameter": (head(b"GET /q?dns=no&dns=" + TEXT), NAMED),
}
NOT_DNS = {
    "another parameter": head(b"GET /?dns=1.1.1.1&name=example.org"),
    "no message": head(b"GET /?dns=" + base64.urlsafe_b64encode(bytes(40))),
    "one character": head(b"GET /?dns=A"),
    "an article": head(b"GET /blog/dns-query"),
    "a search": head(b"GET /search?q=application/dns"),
    "a page about DNS": head(b"GET /dns-query-explained.html"),
    "other media types": head(b"POST /dns", b"Content-Type: application/json\r\nAccept: */*\r\n"),
}


@pytest.mark.parametrize(("data", "sign"), DNS.values(), ids=DNS)
def test_requests_that_carry_dns(data: bytes, sign: TunnelSign) -> None:
    request = parse_request(data)
    assert request is not None
    assert request.dns == sign
    assert request.hosts[-1] == ALLOWED


@pytest.mark.parametrize("data", NOT_DNS.values(), ids=NOT_DNS)
def test_ordinary_requests(data: bytes) -> None:
    request = parse_request(data)
    assert request is not None
    assert request.dns is None


def no_dns(observation: Observation) -> bool:
    return observation.proto is not Proto.DNS


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("data", [POST, GET])
@pytest.mark.parametrize("size", [1, 7, 1400])
def test_dns_in_the_first_request_of_a_connection(version: int, data: bytes, size: int) -> None:
    talk = Talk(no_dns, version=version, dport=8080)
    for at in range(0, len(data), size):
        talk.client(data[at : at + size])
    talk.server(HTTP_OK)
    assert talk.actions[-1] is FlowAction.REFUSED
    assert Proto.DNS in [seen.proto for seen in talk.bench.heard]
    assert {seen.dport for seen in talk.bench.heard} == {8080}


def test_dns_in_a_later_request_of_a_connection() -> None:
    talk = Talk(no_dns, dport=80)
    talk.client(head(b"GET /"))
    assert talk.server(HTTP_OK).action is FlowAction.ASKS
    assert talk.client(POST).action is FlowAction.REFUSED


@pytest.mark.parametrize("data", [POST, GET, POST.replace(b"Host", b"Post")])
def test_dns_in_a_body_that_the_server_may_read_as_a_request(data: bytes) -> None:
    talk = Talk(no_dns, dport=80)
    talk.client(head(b"POST /", b"Content-Length: %d\r\n" % len(data)) + data)
    talk.server(HTTP_OK)
    assert talk.actions[-1] is FlowAction.REFUSED


def test_dns_behind_a_decoy() -> None:
    """A copy of the first segment with other bytes does not hide the request."""
    talk = Talk(no_dns, dport=80)
    start = talk.end
    talk.client(head(b"GET /")[:40], at=start)
    talk.client(POST[:40], at=start)
    talk.client(POST[40:], at=start + 40)
    assert FlowAction.REFUSED in talk.actions


@pytest.mark.parametrize("data", [POST, GET])
def test_allowed_dns_passes_and_the_name_of_its_server_counts(data: bytes) -> None:
    talk = Talk(dport=80)
    talk.client(data)
    step = talk.server(HTTP_OK)
    assert step.action is FlowAction.ASKS
    assert [seen.proto for seen in talk.bench.heard] == [Proto.DNS, Proto.HTTP]
    assert step.observation is not None
    assert (step.observation.proto, step.observation.host) == (Proto.HTTP, ALLOWED)
