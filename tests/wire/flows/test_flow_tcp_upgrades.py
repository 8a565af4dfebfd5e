"""What goes on in another protocol: upgrades, HTTP/2 and proxies."""

from __future__ import annotations

import pytest

from gateway.policy.values import Fault, Observation, Proto
from gateway.wire.flows.actions import FlowAction
from gateway.wire.flows.table import FlowTable
from gateway.wire.ip.packet import ACK, SYN
from tests.wire.flow_forge import (
    ALLOWED,
    HTTP_OK,
    REFUSED,
    SERVER_HELLO,
    Talk,
    names_only,
)
from tests.wire.flow_said import CONNECT, ESTABLISHED, get, hello
from tests.wire.http2_forge import DATA, PING, PREFACE, START, Client, frame


def test_an_accepted_upgrade_passes_and_a_refused_one_asks() -> None:
    request = get(ALLOWED, b"Connection: Upgrade\r\nUpgrade: websocket\r\n")
    talk = Talk(dport=80)
    talk.client(request)
    assert (
        talk.server(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n").action
        is FlowAction.PASSES
    )
    talk = Talk(dport=80)
    talk.client(request)
    assert talk.server(HTTP_OK).action is FlowAction.ASKS
    assert talk.client(get(REFUSED)).action is FlowAction.REFUSED


UPGRADE = get(ALLOWED, b"Connection: Upgrade\r\nUpgrade: x\r\n")
JUNK = [b"\x00", b"\xef\xbb\xbf", b"FOO\r\n", b"A" * 33 + b" / HTTP/1.1 \x00\r\n", b"GET\r\n", b"get /x\r\n"]


@pytest.mark.parametrize("junk", JUNK)
@pytest.mark.parametrize("size", [1, 1400])
def test_nothing_hides_behind_an_upgrade_that_was_turned_down(junk: bytes, size: int) -> None:
    """Whether the junk comes behind the answer or is pipelined ahead of it."""
    for ahead in (False, True):
        talk = Talk(names_only, dport=80)
        talk.client(UPGRADE)
        if not ahead:
            assert talk.server(HTTP_OK).action is FlowAction.ASKS
        data = junk + get(REFUSED)
        for at in range(0, len(data), size):
            talk.client(data[at : at + size])
        if ahead:
            talk.server(HTTP_OK)
        assert talk.actions[-1] is FlowAction.REFUSED


@pytest.mark.parametrize("answer", [b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", HTTP_OK])
def test_an_answer_to_an_upgrade_byte_by_byte(answer: bytes) -> None:
    talk = Talk(names_only, dport=80)
    talk.client(UPGRADE)
    expected = FlowAction.PASSES if b"101" in answer else FlowAction.ASKS
    for at in range(len(answer)):
        step = talk.server(answer[at : at + 1])
        assert step.action in (FlowAction.HOLD, expected)
        if step.action is expected:
            break
    assert step.action is expected
    if expected is FlowAction.ASKS:
        assert talk.client(b"\x00" + get(REFUSED)).action is FlowAction.REFUSED


def test_two_prefaces_that_are_answered_in_http_1_hide_nothing() -> None:
    talk = Talk(names_only, dport=80)
    talk.client(PREFACE + bytes(9))
    talk.client(PREFACE + b"\x01" * 9, at=0)
    talk.server(HTTP_OK)
    assert talk.actions[-1] is FlowAction.REFUSED


def test_an_interim_answer_to_an_upgrade_is_none() -> None:
    talk = Talk(dport=80)
    talk.client(UPGRADE)
    assert talk.server(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 1").action is FlowAction.HOLD
    assert talk.server(b"01 Switching\r\nUpgrade: x\r\n").action is FlowAction.HOLD
    assert talk.server(b"\r\n").action is FlowAction.PASSES


def test_a_protocol_that_a_later_upgrade_leads_to_goes_on_and_is_looked_through() -> None:
    """The answer to it is not seen."""
    talk = Talk(names_only, dport=80)
    talk.client(get(ALLOWED))
    talk.server(HTTP_OK)
    talk.client(UPGRADE)
    for _ in range(50):
        assert talk.client(b"\x82\xfe\x04\x00" + bytes(range(256)) * 4).action is FlowAction.ASKS
    assert talk.client(b"\x00" + get(REFUSED)).action is FlowAction.REFUSED


@pytest.mark.parametrize("answer", [HTTP_OK, b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"])
@pytest.mark.parametrize("framing", [b"Content-Length: 48000\r\n", b"Transfer-Encoding: chunked\r\n"])
def test_an_upgrade_with_a_long_body(answer: bytes, framing: bytes) -> None:
    """As some clients of HTTP/2 send it."""
    talk = Talk(dport=80)
    talk.client(UPGRADE.replace(b"\r\n\r\n", b"\r\n" + framing + b"\r\n").replace(b"GET", b"POST"))
    chunked = b"chunked" in framing
    talk.client(b"bb80\r\n" if chunked else b"")
    for _ in range(40):
        assert talk.client(b"x" * 1200).action in (FlowAction.HOLD, FlowAction.UPLOAD)
    talk.client(b"\r\n0\r\n\r\n" if chunked else b"")
    expected = FlowAction.ASKS if answer is HTTP_OK else FlowAction.PASSES
    assert talk.server(answer).action is expected
    if answer is HTTP_OK:
        assert talk.client(get(ALLOWED)).action is FlowAction.ASKS
        assert talk.client(b"\x00" + get(REFUSED)).action is FlowAction.REFUSED


SETTINGS = b"\x00\x00\x06\x04\x00\x00\x00\x00\x00"


@pytest.mark.parametrize("size", [1, 10, 1400])
def test_each_request_of_http2_is_judged(size: int) -> None:
    talk, client = Talk(dport=80), Client()
    sent = START + client.request(ALLOWED)
    for at in range(0, len(sent), size):
        assert talk.client(sent[at : at + size]).action is FlowAction.HOLD
    for at in range(8):
        assert talk.server(SETTINGS[at : at + 1]).action is FlowAction.HOLD
    step = talk.server(SETTINGS[8:])
    assert step.action is FlowAction.ASKS
    assert step.observation is not None
    assert (step.observation.host, step.observation.alpn) == (ALLOWED, ("h2c",))
    for _ in range(3):
        assert talk.client(client.request(ALLOWED)).action is FlowAction.ASKS
    assert talk.client(client.request(REFUSED)).action is FlowAction.REFUSED
    assert talk.bench.hosts == [ALLOWED] * 4 + [REFUSED]


@pytest.mark.parametrize("size", [1, 10, 1400])
@pytest.mark.parametrize("early", [False, True])
def test_the_first_request_of_http2_is_judged(size: int, early: bool) -> None:
    """Also if the server's SETTINGS come before it."""
    talk = Talk(names_only, dport=8080)
    talk.client(START)
    if early:
        assert talk.server(SETTINGS + bytes(6)).action is FlowAction.HOLD
    sent = Client().request(REFUSED, pieces=2)
    for at in range(0, len(sent), size):
        talk.client(sent[at : at + size])
    assert talk.actions[-1] is FlowAction.REFUSED
    assert FlowAction.ASKS not in talk.actions


def test_a_name_from_the_table_of_http2_is_judged() -> None:
    """The second request to a name is one byte for it. A request that was resent is read once."""
    talk, client = Talk(names_only, dport=80), Client()
    talk.client(START + client.request(ALLOWED))
    talk.server(SETTINGS)
    sent, at = client.request("odd.example", ("x", "y")), talk.end
    talk.client(sent)
    talk.client(sent, at=at)
    talk.client(client.request(ALLOWED))
    assert talk.client(client.request("odd.example")).action is FlowAction.ASKS
    assert talk.bench.hosts == [ALLOWED, "odd.example", ALLOWED, "odd.example"]
    other = sent[:-1] + bytes((sent[-1] ^ 1,))
    assert talk.client(other, at=at).action is FlowAction.REFUSED


def test_http2_with_a_long_body_before_the_answer() -> None:
    talk, client = Talk(dport=80), Client()
    sent = START + client.request(ALLOWED, method="POST") + frame(DATA, bytes(40000), stream=1)
    for at in range(0, len(sent), 1400):
        assert talk.client(sent[at : at + 1400]).action in (FlowAction.HOLD, FlowAction.UPLOAD)
    assert talk.server(SETTINGS[:5]).action is not FlowAction.ASKS
    assert talk.server(SETTINGS[5:]).action is FlowAction.ASKS
    assert talk.client(client.request(REFUSED)).action is FlowAction.REFUSED


@pytest.mark.parametrize("answer", [HTTP_OK, b"\x01" + SETTINGS])
def test_http2_with_a_long_body_that_is_answered_otherwise(answer: bytes) -> None:
    talk = Talk(names_only, dport=80)
    sent = START + Client().request(ALLOWED, method="POST") + frame(DATA, bytes(30000), stream=1)
    for at in range(0, len(sent), 1400):
        talk.client(sent[at : at + 1400])
    assert talk.server(answer).action is FlowAction.REFUSED


def test_a_request_in_the_data_of_http2_does_not_confuse() -> None:
    talk, client = Talk(dport=80), Client()
    text = frame(DATA, b"a log:\r\n" + get(ALLOWED), stream=1)
    talk.client(START + client.request(ALLOWED, method="POST") + text)
    assert talk.server(SETTINGS).action is FlowAction.ASKS
    assert talk.client(client.request(ALLOWED)).action is FlowAction.ASKS
    assert talk.client(client.request(REFUSED)).action is FlowAction.REFUSED


@pytest.mark.parametrize("later", [False, True])
def test_a_tunnel_in_http2_is_refused(later: bool) -> None:
    talk, client = Talk(names_only, dport=80), Client()
    talk.client(START)
    if later:
        talk.client(client.request(ALLOWED))
        assert talk.server(SETTINGS).action is FlowAction.ASKS
    talk.client(client.request(ALLOWED, method="CONNECT"))
    talk.server(SETTINGS)
    assert talk.actions[-1] is FlowAction.REFUSED


def test_memory_of_an_idle_connection_of_http2_is_bounded() -> None:
    table = FlowTable()
    talk, client = Talk(dport=80, table=table), Client()
    talk.client(START + client.request(ALLOWED))
    talk.server(SETTINGS)
    for _ in range(3000):
        assert talk.client(frame(PING, bytes(8))).action is FlowAction.ASKS
    assert table.stats.buffered < 48 << 10
    assert talk.client(client.request(REFUSED)).action is FlowAction.REFUSED


def test_http2_without_a_request_stays_undecided() -> None:
    talk = Talk(names_only, dport=80)
    talk.client(START)
    for _ in range(30):
        assert talk.server(SETTINGS + bytes(6)).action is FlowAction.HOLD
        assert talk.client(frame(PING, bytes(8))).action is FlowAction.HOLD
    assert talk.client(Client().request(REFUSED)).action is FlowAction.REFUSED


@pytest.mark.parametrize(
    "sent", [PREFACE, PREFACE[:18], PREFACE[:18] + b"GET / HTTP/1.1\r\n", b"\r\n" + PREFACE]
)
@pytest.mark.parametrize(
    "answer", [b"HTTP/1.1 405 Not Allowed\r\n\r\n", HTTP_OK, b"\x01" + SETTINGS, SETTINGS[:3] + b"\x00" * 6]
)
def test_http2_that_is_answered_otherwise_never_passes(sent: bytes, answer: bytes) -> None:
    talk = Talk(names_only, dport=80)
    talk.client(sent)
    talk.server(answer)
    assert FlowAction.PASSES not in talk.actions
    talk.client(get(REFUSED))
    talk.server(answer)
    assert FlowAction.PASSES not in talk.actions
    assert talk.actions[-1] is FlowAction.REFUSED


def test_an_upgrade_to_http2_does_not_hide_what_follows() -> None:
    talk = Talk(dport=80)
    talk.client(get(ALLOWED, b"Connection: Upgrade\r\nUpgrade: h2c\r\n"))
    assert talk.server(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n").action is FlowAction.ASKS
    client = Client()
    assert talk.client(START).action is FlowAction.ASKS
    assert talk.client(client.request(ALLOWED)).action is FlowAction.ASKS
    assert talk.client(client.request(REFUSED)).action is FlowAction.REFUSED


def test_http2_after_an_upgrade_that_was_turned_down_is_refused() -> None:
    talk = Talk(names_only, dport=80)
    talk.client(get(ALLOWED, b"Connection: Upgrade\r\nUpgrade: h2c\r\n"))
    assert talk.server(HTTP_OK).action is FlowAction.ASKS
    assert talk.client(START).action is FlowAction.REFUSED
    talk = Talk(names_only, dport=80)
    talk.client(get(ALLOWED, b"Connection: Upgrade\r\nUpgrade: h2c\r\n") + START)
    assert talk.server(HTTP_OK).action is FlowAction.REFUSED


def test_a_proxy_is_judged_by_the_name_it_is_to_connect_to() -> None:
    talk = Talk(dport=3128)
    assert talk.client(CONNECT.replace(ALLOWED.encode(), REFUSED.encode())).action is FlowAction.REFUSED


def test_what_goes_through_a_proxy_is_judged_too() -> None:
    for name, expected in ((REFUSED, FlowAction.REFUSED), (ALLOWED, FlowAction.HOLD)):
        talk = Talk(dport=3128)
        talk.client(CONNECT)
        assert talk.server(ESTABLISHED).action is FlowAction.HOLD
        assert talk.client(hello(name)).action is expected
    assert talk.server(SERVER_HELLO).action is FlowAction.PASSES
    talk = Talk(dport=3128)
    talk.client(CONNECT)
    talk.server(ESTABLISHED)
    assert talk.client(get(REFUSED)).action is FlowAction.REFUSED


def test_a_proxy_may_ask_for_a_password_first() -> None:
    talk = Talk(dport=3128)
    talk.client(CONNECT)
    talk.server(b"HTTP/1.1 407 Password\r\nContent-Length: 0\r\n\r\n")
    talk.client(CONNECT)
    talk.server(ESTABLISHED)
    talk.client(hello(ALLOWED))
    assert talk.server(SERVER_HELLO).action is FlowAction.PASSES


def test_a_tunnel_that_was_turned_down_hides_nothing() -> None:
    talk = Talk(names_only, dport=80)
    talk.client(CONNECT)
    talk.server(b"HTTP/1.1 405 Not Allowed\r\nContent-Length: 0\r\n\r\n")
    talk.client(b"\x00\x01 junk")
    assert talk.server(HTTP_OK).action is FlowAction.HOLD
    assert talk.client(get(REFUSED)).action is FlowAction.REFUSED


def test_a_tunnel_behind_other_requests_is_refused() -> None:
    talk = Talk(names_only, dport=3128)
    talk.client(get(ALLOWED))
    talk.server(HTTP_OK)
    assert talk.client(CONNECT).action is FlowAction.REFUSED


def test_many_pipelined_requests_are_no_flood_of_starts() -> None:
    talk = Talk(dport=80)
    assert talk.client(get(ALLOWED) * 60).action is FlowAction.HOLD
    assert talk.server(HTTP_OK).action is FlowAction.ASKS
    assert talk.bench.hosts == [ALLOWED] * 60


def test_a_flood_of_places_that_look_like_a_start_is_refused() -> None:
    talk = Talk(names_only)
    step = talk.client(b"\x00" + b"\x16\x03\x01\x00\xff\x01" * 40)
    assert step.action is FlowAction.REFUSED
    assert step.observation is not None
    assert step.observation.fault is Fault.OVERFLOW


def test_a_syn_flag_in_the_middle_hides_nothing() -> None:
    talk = Talk(names_only)
    talk.raw(talk.segment(b"x", 50_000, flags=SYN | ACK))
    assert talk.client(hello(REFUSED), at=0).action is FlowAction.REFUSED


def test_an_unknown_protocol_through_a_proxy_is_nameless() -> None:
    talk = Talk(dport=3128)
    talk.client(CONNECT)
    talk.server(ESTABLISHED)
    assert talk.client(b"\x00\x01\x02 no tls").action is FlowAction.HOLD
    assert talk.server(b"\x03\x04").action is FlowAction.PASSES
    assert talk.bench.heard[-1] == Observation(Proto.TCP, None, talk.remote, 3128)
