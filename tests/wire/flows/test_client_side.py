"""Each hello and request of a client is judged once, in whatever pieces and order it arrives."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise, permutations

import pytest

from gateway.wire.flows.actions import FlowAction
from tests.wire.evasion_moves import tls
from tests.wire.flow_forge import ALLOWED, HTTP_OK, SERVER_HELLO, Talk
from tests.wire.tls_forge import CHANGE_CIPHER_SPEC, client_hello, records

A, B = "www.a.example", "www.b.example"
WARNING = b"\x15\x03\x03\x00\x02\x01\x70"


def request(name: str, line: str = "GET / HTTP/1.1", more: str = "", body: bytes = b"") -> bytes:
    return f"{line}\r\nHost: {name}\r\n{more}\r\n".encode() + body


REQUESTS: dict[str, tuple[bytes, list[str | None]]] = {
    "GET": (request(A), [A]),
    "POST": (request(A, "POST /form HTTP/1.1", "Content-Length: 5\r\n", b"hello"), [A]),
    "absolute": (request(A, f"GET http://{A}/ HTTP/1.1"), [A]),
    "other host in the target": (request(A, f"OPTIONS http://{B}/ HTTP/1.1"), [B, A]),
    "after an empty line": (b"\r\n" + request(A, "HEAD / HTTP/1.1"), [A]),
    "method of an extension": (request(A, "PROPFIND / HTTP/1.1"), [A]),
    "CONNECT": (request(A, f"CONNECT {A}:443 HTTP/1.1"), [A, A]),  # once as a name, once as a proxy
    "upgrade": (request(A, more="Upgrade: h2c\r\n"), [A]),
    "two names": (request(A, more=f"Host: {B}\r\n"), [A, B]),
    "no name": (b"GET / HTTP/1.0\r\n\r\n", [None]),
    "pipelined": (request(A) + request(B) + request(A), [A, B, A]),
    "after chunks": (
        request(A, "PUT / HTTP/1.1", "Transfer-Encoding: chunked\r\n", b"5\r\nhello\r\n0\r\n\r\n")
        + request(A),
        [A, A],
    ),
}
HELLOS: dict[str, tuple[bytes, list[str | None]]] = {
    "one record": (tls(A), [A]),
    "many records": (records(client_hello(A), 100), [A]),
    "after a warning": (WARNING + tls(A), [A]),
    "after a change of cipher": (CHANGE_CIPHER_SPEC + tls(A), [A]),
}
CASES = {**REQUESTS, **HELLOS}
cases = pytest.mark.parametrize("name", CASES)


def judged(name: str, cuts: Sequence[int], order: Sequence[int]) -> Counter[str | None]:
    data, _ = CASES[name]
    places = [0, *cuts, len(data)]
    parts = [(low, data[low:high]) for low, high in pairwise(places)]
    talk = Talk(lambda _: True, dport=80 if name in REQUESTS else 443)
    for number in order:
        at, piece = parts[number]
        assert talk.client(piece, at).action is FlowAction.HOLD
    talk.server(HTTP_OK if name in REQUESTS else SERVER_HELLO)
    settled = {FlowAction.PASSES, FlowAction.ASKS} if name != "CONNECT" else {FlowAction.HOLD}
    assert talk.actions[-1] in settled
    return Counter(talk.bench.hosts)


@cases
@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["in order", "reversed"])
def test_cut_in_two_at_every_place(name: str, order: Sequence[int]) -> None:
    data, hosts = CASES[name]
    for cut in range(1, len(data)):
        assert judged(name, [cut], order) == Counter(hosts), f"cut at {cut}"


@cases
@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
def test_cut_in_three_and_in_every_order(name: str, order: Sequence[int]) -> None:
    data, hosts = CASES[name]
    chance = random.Random(f"{name}{order}")
    for first in range(1, 12):
        second = chance.randrange(first + 1, len(data))
        assert judged(name, [first, second], order) == Counter(hosts), f"cut at {first} and {second}"


@pytest.mark.parametrize("method", ["GET", "DELETE", "X"])
def test_a_request_sent_once_more_is_judged_once_more(method: str) -> None:
    """Equal requests one after the other, each cut inside its method with the rest first."""
    one = request(ALLOWED, f"{method} / HTTP/1.1")
    talk = Talk(dport=80)
    for start in range(0, 4 * len(one), len(one)):
        talk.client(one[len(method) - 1 :], start + len(method) - 1)
        talk.client(one[: len(method) - 1], start)
    talk.server(HTTP_OK)
    assert talk.bench.hosts == [ALLOWED] * 4
