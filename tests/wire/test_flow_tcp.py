"""When a TCP flow is decided: by what the client says, and only once the server has answered it."""

from __future__ import annotations

import pytest

from gateway.policy.values import Fault, Observation, Proto
from gateway.wire.flows import Action, FlowTable
from gateway.wire.ip import ACK, FIN, RST, SYN
from gateway.wire.limits import Limits
from tests.wire.flow_forge import (
    ALLOWED,
    DECOY,
    HTTP_OK,
    REFUSED,
    RETRY,
    SERVER_HELLO,
    Talk,
    careful,
    names_only,
)
from tests.wire.tls_forge import (
    CHANGE_CIPHER_SPEC,
    FATAL_ALERT,
    client_hello,
    ech,
    raw_client_hello,
    record,
    records,
    server_hello,
)


def hello(name: str | bytes | None, **how: object) -> bytes:
    return records(client_hello(name, **how))  # type: ignore[arg-type]


def get(name: str, more: bytes = b"") -> bytes:
    return b"GET / HTTP/1.1\r\nHost: " + name.encode() + b"\r\n" + more + b"\r\n"


# ------------------------------------------------------------------------------ TLS


@pytest.mark.parametrize("version", [4, 6])
def test_a_refused_name_is_refused_at_once(version: int) -> None:
    talk = Talk(version=version)
    step = talk.client(hello(REFUSED))
    assert step.action is Action.REFUSED
    assert step.observation == Observation(Proto.TLS, REFUSED, talk.remote, 443, alpn=("h2", "http/1.1"))
    assert step.packet is not None
    assert step.packet.dst == talk.remote


@pytest.mark.parametrize("version", [4, 6])
def test_an_allowed_name_passes_when_the_server_says_hello(version: int) -> None:
    talk = Talk(version=version)
    assert talk.client(hello(ALLOWED)).action is Action.HOLD
    step = talk.server(SERVER_HELLO)
    assert step.action is Action.PASSES
    assert step.observation is not None
    assert step.observation.host == ALLOWED
    assert talk.bench.hosts == [ALLOWED]


def test_a_server_hello_over_several_segments_and_records_in_any_order() -> None:
    answer = records(server_hello(share=1120), 100, version=0x0303)
    talk = Talk()
    talk.client(hello(ALLOWED))
    assert talk.server(answer[700:], at=700).action is Action.HOLD
    assert talk.server(answer[:300], at=0).action is Action.HOLD
    assert talk.server(answer[300:700], at=300).action is Action.PASSES


@pytest.mark.parametrize(
    "answer", [FATAL_ALERT, b"\x15\x03\x03\x00\x02\x01\x00", b"HTTP/1.1 400 Bad\r\n\r\n", b"?"]
)
def test_what_is_no_server_hello_is_no_answer_to_a_client_hello(answer: bytes) -> None:
    talk = Talk(names_only)
    talk.client(hello(ALLOWED))
    assert talk.server(answer).action is Action.HOLD


def test_a_server_hello_that_does_not_acknowledge_the_hello_is_no_answer_to_it() -> None:
    """The hello that we saw was a decoy: something else was answered."""
    sent = hello(ALLOWED)
    talk = Talk(names_only)
    talk.client(sent)
    step = talk.server(SERVER_HELLO, acks=len(sent) - 1)
    assert step.action is Action.REFUSED
    assert step.observation is not None
    assert step.observation.fault is Fault.OVERFLOW


def test_an_alert_before_the_server_hello_changes_nothing() -> None:
    talk = Talk()
    talk.client(hello(ALLOWED))
    assert talk.server(b"\x15\x03\x03\x00\x02\x01\x70" + SERVER_HELLO).action is Action.PASSES


@pytest.mark.parametrize("ccs", [b"", CHANGE_CIPHER_SPEC])
@pytest.mark.parametrize(("second", "expected"), [(ALLOWED, Action.PASSES), (REFUSED, Action.REFUSED)])
def test_after_a_hello_retry_the_second_hello_is_judged(ccs: bytes, second: str, expected: Action) -> None:
    talk = Talk(names_only)
    talk.client(hello(ALLOWED))
    assert talk.server(RETRY).action is Action.HOLD
    step = talk.client(ccs + hello(second))
    if expected is Action.PASSES:
        assert step.action is Action.HOLD
        step = talk.server(SERVER_HELLO)
    assert step.action is expected
    assert talk.bench.hosts == [ALLOWED, second]


def test_after_a_hello_retry_the_first_hello_is_not_enough() -> None:
    talk = Talk(names_only)
    talk.client(hello(ALLOWED))
    talk.server(RETRY)
    talk.client(hello(REFUSED)[:-30])
    assert talk.server(SERVER_HELLO).action is Action.REFUSED


def test_early_data_between_two_hellos_is_passed_over() -> None:
    talk = Talk()
    talk.client(hello(ALLOWED) + record(b"\x99" * 500, kind=23))
    talk.client(record(b"\x88" * 500, kind=23))
    talk.server(RETRY)
    assert talk.client(hello(REFUSED)).action is Action.REFUSED


def test_early_data_that_is_not_yet_acknowledged_does_not_hinder_the_answer() -> None:
    sent = hello(ALLOWED)
    talk = Talk()
    talk.client(sent)
    talk.client(record(b"\x99" * 1000, kind=23))
    assert talk.server(SERVER_HELLO, acks=len(sent)).action is Action.PASSES


def test_a_server_hello_to_a_hello_that_went_past_us_is_refused() -> None:
    """Also what is left of a flow that was forgotten half-way."""
    talk = Talk(names_only)
    talk.client(hello(REFUSED)[100:], at=100)
    step = talk.server(SERVER_HELLO)
    assert step.action is Action.REFUSED
    assert step.observation is not None
    assert step.observation.fault is Fault.OVERFLOW


@pytest.mark.parametrize(
    ("sent", "fault"),
    [
        (hello(None), Fault.NO_NAME),
        (hello(b"192.0.2.1"), Fault.NO_NAME),
        (hello(b"bad name"), Fault.BAD_NAME),
        (records(raw_client_hello(b"\x00\x00\x00\x09short")), Fault.MALFORMED),
        (hello("cover.example", after=ech()), Fault.ECH),
        (hello(None, after=ech()), Fault.ECH),
    ],
)
def test_faults_are_judged(sent: bytes, fault: Fault) -> None:
    table = FlowTable(ech_names=frozenset({"cover.example"}))
    talk = Talk(table=table)
    step = talk.client(sent)
    if fault is Fault.MALFORMED:  # bytes that come ahead of their place look so, too
        assert step.action is Action.HOLD
        step = talk.server(FATAL_ALERT)
    assert step.action is Action.REFUSED
    assert step.observation is not None
    assert step.observation.fault is fault
    assert len(talk.bench.heard) == 1


def test_faults_pass_where_the_judge_lets_them() -> None:
    talk = Talk(names_only)
    assert talk.client(hello(None)).action is Action.HOLD
    step = talk.server(SERVER_HELLO)
    assert step.action is Action.PASSES
    assert step.observation is not None
    assert step.observation.fault is Fault.NO_NAME


def test_an_ech_that_may_be_grease_goes_by_its_clear_name() -> None:
    talk = Talk(table=FlowTable(ech_names=frozenset({"cover.example"})))
    talk.client(hello(ALLOWED, after=ech()))
    assert talk.server(SERVER_HELLO).action is Action.PASSES


def test_a_hello_that_never_ends_is_refused_at_the_limit() -> None:
    talk = Talk(names_only, table=FlowTable(Limits(stream_bytes=5000, readings_bytes=5000)))
    start = (
        record(client_hello(ALLOWED), version=0x0301)[:3] + b"\x40\x00" + b"\x01\x00\x3f\xfc" + bytes(1000)
    )
    talk.client(start)
    while talk.end < 5000:
        assert talk.actions[-1] is Action.HOLD
        talk.client(bytes(1000))
    assert talk.actions[-1] is Action.REFUSED
    assert talk.bench.heard[-1].fault is Fault.OVERFLOW


@pytest.mark.parametrize("dport", [443, 8443, 2053, 2083, 2087, 2096])
def test_junk_that_nobody_answers_opens_no_port_of_web_servers(dport: int) -> None:
    """Segments that die on the way; then the hello that they hid."""
    talk = Talk(names_only, dport=dport)
    for at in range(0, 40 * 100, 100):
        talk.client(b"\x80" * 100, at=at - 5000, decoy=True)
    assert Action.PASSES not in talk.actions
    assert talk.client(hello(REFUSED), at=0).action is Action.REFUSED


def test_many_small_segments_of_a_hello_are_not_unanswered() -> None:
    sent = hello(ALLOWED)
    talk = Talk()
    for at in range(0, len(sent), 3):
        assert talk.client(sent[at : at + 3]).action is Action.HOLD
    assert talk.server(SERVER_HELLO).action is Action.PASSES
    assert talk.bench.hosts == [ALLOWED]


def test_a_client_hello_after_starttls_on_an_undecided_flow_is_judged() -> None:
    talk = Talk(dport=25)
    talk.server(b"220 mail.example ESMTP\r\n")
    talk.client(b"EHLO x\r\nSTARTTLS\r\n")
    assert talk.client(hello(REFUSED)).action is Action.REFUSED


def test_resends_are_not_judged_again() -> None:
    talk = Talk()
    sent = hello(ALLOWED)
    for _ in range(5):
        talk.client(sent, at=0)
    assert talk.bench.hosts == [ALLOWED]
    assert set(talk.actions) == {Action.HOLD}


# ------------------------------------------------------------------------------ plain HTTP


def test_http_asks_from_the_first_answer_on_and_judges_every_request() -> None:
    talk = Talk(dport=80)
    assert talk.client(get(ALLOWED)).action is Action.HOLD
    step = talk.server(HTTP_OK)
    assert step.action is Action.ASKS
    assert step.observation is not None
    assert step.observation.host == ALLOWED
    assert talk.client(get(DECOY)).action is Action.ASKS
    assert talk.client(get(ALLOWED)).action is Action.ASKS
    assert talk.server(HTTP_OK).action is Action.ASKS
    step = talk.client(get(REFUSED))
    assert step.action is Action.REFUSED
    assert step.observation is not None
    assert step.observation.host == REFUSED
    assert talk.bench.hosts == [ALLOWED, DECOY, ALLOWED, REFUSED]


def test_pipelined_requests_are_judged_before_and_after_the_first_answer() -> None:
    talk = Talk(dport=80)
    assert talk.client(get(ALLOWED) + get(REFUSED)).action is Action.REFUSED
    talk = Talk(dport=80)
    talk.client(get(ALLOWED) + get(DECOY) + get(ALLOWED)[:20])
    assert talk.server(HTTP_OK).action is Action.ASKS
    assert talk.bench.hosts == [ALLOWED, DECOY]
    assert talk.client(get(ALLOWED)[20:]).action is Action.ASKS
    assert talk.client(get(ALLOWED) + get(REFUSED)).action is Action.REFUSED
    assert talk.bench.hosts == [ALLOWED, DECOY, ALLOWED, ALLOWED, REFUSED]


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_a_later_request_in_two_segments_in_any_order(cut: int) -> None:
    for name, expected in ((REFUSED, Action.REFUSED), (ALLOWED, Action.ASKS)):
        request = get(name)
        for first in (True, False):
            talk = Talk(dport=80)
            talk.client(get(ALLOWED))
            talk.server(HTTP_OK)
            base = talk.end
            parts = [(request[:cut], base), (request[cut:], base + cut)]
            for data, at in parts if first else parts[::-1]:
                step = talk.client(data, at=at)
            assert step.action is expected


def test_a_long_body_before_the_answer_is_not_kept() -> None:
    table = FlowTable()
    talk = Talk(dport=80, table=table)
    talk.client(get(ALLOWED, b"Content-Length: 200000\r\n").replace(b"GET", b"POST"))
    actions = [talk.client(b"x" * 1000).action for _ in range(200)]
    assert set(actions[:10]) == {Action.HOLD}
    assert set(actions[20:]) == {Action.UPLOAD}
    assert table.stats.buffered < 40_000
    assert talk.server(HTTP_OK).action is Action.ASKS
    assert talk.client(get(REFUSED)).action is Action.REFUSED
    assert talk.bench.hosts == [ALLOWED, REFUSED]


def test_a_lost_segment_of_a_long_body_is_read_when_it_comes() -> None:
    talk = Talk(dport=80)
    talk.client(get(ALLOWED, b"Content-Length: 60000\r\n").replace(b"GET", b"POST"))
    talk.server(b"HTTP/1.1 100 Continue\r\n\r\n")
    base = talk.end
    for at in range(1000, 60000, 1000):
        talk.client(b"x" * 1000, at=base + at)
    assert talk.actions.count(Action.DROP) == 59 - Limits().stream_bytes // 1000  # TCP sends these again
    for at in range(0, 60000, 1000):
        assert talk.client(b"x" * 1000, at=base + at).action is Action.ASKS
    assert talk.client(get(REFUSED), at=base + 60000).action is Action.REFUSED


def test_a_request_sent_again_with_another_host_is_refused_after_the_answer() -> None:
    talk = Talk(names_only, dport=80)
    talk.client(get(ALLOWED))
    talk.server(HTTP_OK)
    base = talk.end
    fake, real = get("aaa.example"), get("bbb.example")
    assert talk.client(fake, at=base).action is Action.ASKS
    assert talk.client(fake, at=base).action is Action.ASKS
    step = talk.client(real, at=base)
    assert step.action is Action.REFUSED
    assert step.observation is not None
    assert step.observation.fault is Fault.MALFORMED


def test_a_keep_alive_probe_with_a_byte_of_garbage_is_no_contradiction() -> None:
    talk = Talk(dport=80)
    talk.client(get(ALLOWED))
    talk.server(HTTP_OK)
    assert talk.client(b"\x00", at=talk.end - 1).action is Action.ASKS
    assert talk.client(get(REFUSED)).action is Action.REFUSED


@pytest.mark.parametrize(
    ("framing", "back", "expected"),
    [
        (b"Content-Length: 9000\r\n", 5000, Action.ASKS),  # body, whose bytes frame nothing
        (b"Content-Length: 9000\r\n", 1000, Action.REFUSED),  # kept, and other bytes than before
        (b"Content-Length: 9000\r\n", 13_000, Action.REFUSED),  # about the request before the last
        (b"Transfer-Encoding: chunked\r\n", 5000, Action.ASKS),  # body, too
        (b"Transfer-Encoding: chunked\r\n", 8006, Action.REFUSED),  # the size of the chunk
    ],
)
def test_old_bytes_beyond_comparing_are_refused_unless_they_are_body(
    framing: bytes, back: int, expected: Action
) -> None:
    talk = Talk(names_only, dport=80, table=FlowTable(Limits(http_history=2000)))
    talk.client(get("first.example", b"X: " + b"y" * 6000 + b"\r\n"))
    talk.server(HTTP_OK)
    talk.client(get(ALLOWED, framing).replace(b"GET", b"POST"))
    talk.client(b"2000\r\n")
    for _ in range(8):
        talk.client(b"x" * 1000)
    assert talk.actions[-1] is Action.ASKS
    assert talk.client(b"z" * 100, at=talk.end - back).action is expected


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.0\r\n\r\n",
        get("192.0.2.1"),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        get("a b"),
    ],
)
def test_requests_without_a_good_name_are_faults(sent: bytes) -> None:
    talk = Talk(dport=80)
    step = talk.client(sent)
    assert step.action is Action.REFUSED
    assert step.observation is not None
    assert step.observation.fault is not None
    assert step.observation.proto is Proto.HTTP


def test_a_malformed_request_is_refused_when_the_server_has_it() -> None:
    talk = Talk(dport=80)
    assert talk.client(b"GET /\r\n").action is Action.HOLD
    step = talk.server(b"<html>")
    assert step.action is Action.REFUSED
    assert step.observation is not None
    assert step.observation.fault is Fault.MALFORMED


def test_every_name_of_a_request_is_judged() -> None:
    request = b"GET http://" + ALLOWED.encode() + b"/ HTTP/1.1\r\nHost: " + REFUSED.encode() + b"\r\n\r\n"
    talk = Talk(names_only, dport=80)
    assert talk.client(request).action is Action.REFUSED


def test_garbage_between_requests_is_refused() -> None:
    talk = Talk(names_only, dport=80)
    talk.client(get(ALLOWED))
    talk.server(HTTP_OK)
    step = talk.client(b"\x01\x02\x03 no request\r\n")
    assert step.action is Action.REFUSED
    assert step.observation is not None
    assert step.observation.fault is Fault.MALFORMED


def test_an_accepted_upgrade_passes_and_a_refused_one_asks() -> None:
    request = get(ALLOWED, b"Connection: Upgrade\r\nUpgrade: websocket\r\n")
    talk = Talk(dport=80)
    talk.client(request)
    assert (
        talk.server(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n").action is Action.PASSES
    )
    talk = Talk(dport=80)
    talk.client(request)
    assert talk.server(HTTP_OK).action is Action.ASKS
    assert talk.client(get(REFUSED)).action is Action.REFUSED


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
            assert talk.server(HTTP_OK).action is Action.ASKS
        data = junk + get(REFUSED)
        for at in range(0, len(data), size):
            talk.client(data[at : at + size])
        if ahead:
            talk.server(HTTP_OK)
        assert talk.actions[-1] is Action.REFUSED


@pytest.mark.parametrize("answer", [b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", HTTP_OK])
def test_an_answer_to_an_upgrade_byte_by_byte(answer: bytes) -> None:
    talk = Talk(names_only, dport=80)
    talk.client(UPGRADE)
    expected = Action.PASSES if b"101" in answer else Action.ASKS
    for at in range(len(answer)):
        step = talk.server(answer[at : at + 1])
        assert step.action in (Action.HOLD, expected)
        if step.action is expected:
            break
    assert step.action is expected
    if expected is Action.ASKS:
        assert talk.client(b"\x00" + get(REFUSED)).action is Action.REFUSED


def test_two_prefaces_that_are_answered_in_http_1_hide_nothing() -> None:
    talk = Talk(names_only, dport=80)
    talk.client(PREFACE + bytes(9))
    talk.client(PREFACE + b"\x01" * 9, at=0)
    talk.server(HTTP_OK)
    assert talk.actions[-1] is Action.REFUSED


def test_an_interim_answer_to_an_upgrade_is_none() -> None:
    talk = Talk(dport=80)
    talk.client(UPGRADE)
    assert talk.server(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 1").action is Action.HOLD
    assert talk.server(b"01 Switching\r\nUpgrade: x\r\n").action is Action.HOLD
    assert talk.server(b"\r\n").action is Action.PASSES


def test_a_protocol_that_a_later_upgrade_leads_to_goes_on_and_is_looked_through() -> None:
    """The answer to it is not seen."""
    talk = Talk(names_only, dport=80)
    talk.client(get(ALLOWED))
    talk.server(HTTP_OK)
    talk.client(UPGRADE)
    for _ in range(50):
        assert talk.client(b"\x82\xfe\x04\x00" + bytes(range(256)) * 4).action is Action.ASKS
    assert talk.client(b"\x00" + get(REFUSED)).action is Action.REFUSED


@pytest.mark.parametrize("answer", [HTTP_OK, b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"])
@pytest.mark.parametrize("framing", [b"Content-Length: 48000\r\n", b"Transfer-Encoding: chunked\r\n"])
def test_an_upgrade_with_a_long_body(answer: bytes, framing: bytes) -> None:
    """As some clients of HTTP/2 send it."""
    talk = Talk(dport=80)
    talk.client(UPGRADE.replace(b"\r\n\r\n", b"\r\n" + framing + b"\r\n").replace(b"GET", b"POST"))
    chunked = b"chunked" in framing
    talk.client(b"bb80\r\n" if chunked else b"")
    for _ in range(40):
        assert talk.client(b"x" * 1200).action in (Action.HOLD, Action.UPLOAD)
    talk.client(b"\r\n0\r\n\r\n" if chunked else b"")
    expected = Action.ASKS if answer is HTTP_OK else Action.PASSES
    assert talk.server(answer).action is expected
    if answer is HTTP_OK:
        assert talk.client(get(ALLOWED)).action is Action.ASKS
        assert talk.client(b"\x00" + get(REFUSED)).action is Action.REFUSED


PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS = b"\x00\x00\x06\x04\x00\x00\x00\x00\x00"


@pytest.mark.parametrize("size", [1, 10, 100])
def test_http2_passes_when_the_server_answers_in_http2(size: int) -> None:
    talk = Talk(names_only, dport=80)
    sent = PREFACE + SETTINGS + bytes(6)
    for at in range(0, len(sent), size):
        talk.client(sent[at : at + size])
    for at in range(8):
        assert talk.server(SETTINGS[at : at + 1]).action is Action.HOLD
    assert talk.server(SETTINGS[8:]).action is Action.PASSES


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
    assert Action.PASSES not in talk.actions
    talk.client(get(REFUSED))
    talk.server(answer)
    assert Action.PASSES not in talk.actions
    assert talk.actions[-1] is Action.REFUSED


def test_an_upgrade_to_http2_does_not_hide_what_follows() -> None:
    talk = Talk(dport=80)
    talk.client(get(ALLOWED, b"Connection: Upgrade\r\nUpgrade: h2c\r\n"))
    assert talk.server(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n").action is Action.ASKS
    assert talk.client(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").action is Action.REFUSED


CONNECT = b"CONNECT " + ALLOWED.encode() + b":443 HTTP/1.1\r\n\r\n"
ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"


def test_a_proxy_is_judged_by_the_name_it_is_to_connect_to() -> None:
    talk = Talk(dport=3128)
    assert talk.client(CONNECT.replace(ALLOWED.encode(), REFUSED.encode())).action is Action.REFUSED


def test_what_goes_through_a_proxy_is_judged_too() -> None:
    for name, expected in ((REFUSED, Action.REFUSED), (ALLOWED, Action.HOLD)):
        talk = Talk(dport=3128)
        talk.client(CONNECT)
        assert talk.server(ESTABLISHED).action is Action.HOLD
        assert talk.client(hello(name)).action is expected
    assert talk.server(SERVER_HELLO).action is Action.PASSES
    talk = Talk(dport=3128)
    talk.client(CONNECT)
    talk.server(ESTABLISHED)
    assert talk.client(get(REFUSED)).action is Action.REFUSED


def test_a_proxy_may_ask_for_a_password_first() -> None:
    talk = Talk(dport=3128)
    talk.client(CONNECT)
    talk.server(b"HTTP/1.1 407 Password\r\nContent-Length: 0\r\n\r\n")
    talk.client(CONNECT)
    talk.server(ESTABLISHED)
    talk.client(hello(ALLOWED))
    assert talk.server(SERVER_HELLO).action is Action.PASSES


def test_a_tunnel_that_was_turned_down_hides_nothing() -> None:
    talk = Talk(names_only, dport=80)
    talk.client(CONNECT)
    talk.server(b"HTTP/1.1 405 Not Allowed\r\nContent-Length: 0\r\n\r\n")
    talk.client(b"\x00\x01 junk")
    assert talk.server(HTTP_OK).action is Action.HOLD
    assert talk.client(get(REFUSED)).action is Action.REFUSED


def test_a_tunnel_behind_other_requests_is_refused() -> None:
    talk = Talk(names_only, dport=3128)
    talk.client(get(ALLOWED))
    talk.server(HTTP_OK)
    assert talk.client(CONNECT).action is Action.REFUSED


def test_many_pipelined_requests_are_no_flood_of_starts() -> None:
    talk = Talk(dport=80)
    assert talk.client(get(ALLOWED) * 60).action is Action.HOLD
    assert talk.server(HTTP_OK).action is Action.ASKS
    assert talk.bench.hosts == [ALLOWED] * 60


def test_a_flood_of_places_that_look_like_a_start_is_refused() -> None:
    talk = Talk(names_only)
    step = talk.client(b"\x00" + b"\x16\x03\x01\x00\xff\x01" * 40)
    assert step.action is Action.REFUSED
    assert step.observation is not None
    assert step.observation.fault is Fault.OVERFLOW


def test_a_syn_flag_in_the_middle_hides_nothing() -> None:
    talk = Talk(names_only)
    talk.raw(talk.segment(b"x", 50_000, flags=SYN | ACK))
    assert talk.client(hello(REFUSED), at=0).action is Action.REFUSED


def test_an_unknown_protocol_through_a_proxy_is_nameless() -> None:
    talk = Talk(dport=3128)
    talk.client(CONNECT)
    talk.server(ESTABLISHED)
    assert talk.client(b"\x00\x01\x02 no tls").action is Action.HOLD
    assert talk.server(b"\x03\x04").action is Action.PASSES
    assert talk.bench.heard[-1] == Observation(Proto.TCP, None, talk.remote, 3128)


# ------------------------------------------------------------------------------ anything else


def test_an_unknown_protocol_is_decided_when_all_of_it_is_acknowledged() -> None:
    talk = Talk(dport=5222)
    talk.client(b"\x00hello")
    talk.client(b"\x00again")
    assert talk.server(b"\x00hi", acks=6).action is Action.HOLD
    step = talk.server(b"\x00hi")
    assert step.action is Action.PASSES
    assert step.observation == Observation(Proto.TCP, None, talk.remote, 5222)
    assert talk.bench.heard == [step.observation]


def test_an_unknown_protocol_is_refused_where_the_judge_says_so() -> None:
    talk = Talk(lambda observation: observation.host is not None, dport=5222)
    talk.client(b"\x00hello")
    assert talk.server(b"\x00hi").action is Action.REFUSED


def test_a_server_that_speaks_first_is_let_speak_until_the_client_is_answered() -> None:
    talk = Talk(dport=22)
    assert talk.server(b"SSH-2.0-OpenSSH_10.0\r\n").action is Action.HOLD
    assert talk.client(b"SSH-2.0-OpenSSH_9.9\r\n").action is Action.HOLD
    assert talk.server(b"\x00\x00\x04\x5c\x0a\x14").action is Action.PASSES


def test_flows_without_an_answer_are_judged_after_16_packets() -> None:
    for allows, expected in ((names_only, Action.HOLD), (careful, Action.REFUSED)):
        talk = Talk(allows, dport=5222)
        for _ in range(15):
            assert talk.client(b"\x00" * 100).action is Action.HOLD
        step = talk.client(b"\x00" * 100)
        assert step.action is expected
        assert step.observation is not None
        assert step.observation.fault is Fault.UNANSWERED
        talk = Talk(allows, dport=5222)
        talk.client(b"\x00")
        for _ in range(16):
            step = talk.server(b"\x00" * 100, acks=0)
        assert step.action is expected


@pytest.mark.parametrize("allowed", [True, False])
def test_a_server_that_alone_speaks_is_decided_after_16_packets(allowed: bool) -> None:
    talk = Talk(lambda seen: allowed or seen.host is not None, dport=5222)
    for _ in range(15):
        assert talk.server(b"\x00" * 100).action is Action.HOLD
    assert talk.server(b"\x00" * 100).action is (Action.PASSES if allowed else Action.REFUSED)


def test_an_upload_without_an_answer_passes_once_it_is_longer_than_decoys() -> None:
    """The data connection of FTP: its server says nothing before the end."""
    talk = Talk(names_only, dport=20001)
    actions = [talk.client(own(1400)).action for _ in range(40)]
    passed = actions.index(Action.PASSES)
    assert 24_000 < (passed + 1) * 1400 < 28_000
    assert set(actions[:passed]) == {Action.HOLD}


def test_a_server_that_nothing_was_said_to_is_no_server_that_does_not_answer() -> None:
    talk = Talk(careful, dport=5222)
    for _ in range(16):
        step = talk.server(b"\x00" * 100)
    assert step.action is Action.PASSES
    assert step.observation == Observation(Proto.TCP, None, talk.remote, 5222)


def test_a_web_server_that_does_not_answer_is_never_let_through() -> None:
    """Sixteen decoys and then the hello."""
    talk = Talk(names_only)
    for _ in range(40):
        assert talk.client(b"\x00" * 100).action is Action.HOLD
    assert talk.client(hello(REFUSED)).action is Action.REFUSED
    assert len(talk.bench.heard) == 2


@pytest.mark.parametrize("start", range(1, 11))
def test_a_server_hello_cut_short_does_not_pass_as_an_unknown_protocol(start: int) -> None:
    """The client's bytes made no sense to us, but the server's do."""
    talk = Talk(names_only, dport=8444)
    talk.client(b"\x00\x01\x02\x03 the server reads a hello here")
    assert talk.server(SERVER_HELLO[:start]).action is Action.HOLD
    assert talk.server(SERVER_HELLO[start:]).action is Action.REFUSED


def test_an_http_answer_to_no_request_is_refused() -> None:
    talk = Talk(names_only, dport=8444)
    talk.client(b"\x00\x01\x02\x03 the server reads a request here")
    assert talk.server(HTTP_OK).action is Action.REFUSED


def own(size: int, start: int = 0) -> bytes:
    """Bytes of a protocol that is certainly neither TLS nor HTTP."""
    return (b"\xef" + bytes(range(1, 250)) * (size // 249 + 1))[start : start + size]


@pytest.mark.parametrize("dport", [443, 8443, 80])
@pytest.mark.parametrize("lost", [None, 3, 20])
def test_an_upload_in_a_protocol_of_its_own(dport: int, lost: int | None) -> None:
    """200 kB, and nothing is acknowledged before all is there."""
    table = FlowTable()
    talk = Talk(dport=dport, allows=names_only, table=table)
    data = own(200_000)
    for number, at in enumerate(range(0, len(data), 1400)):
        if number != lost:
            assert talk.client(data[at : at + 1400], at=at).action is Action.HOLD
        if number == 30 and lost is not None:
            assert talk.client(data[lost * 1400 : lost * 1400 + 1400], at=lost * 1400).action is Action.HOLD
    assert table.stats.buffered < 50_000
    assert table.stats.postponed == 0
    step = talk.server(b"\x01done")
    assert step.action is Action.PASSES
    assert step.observation == Observation(Proto.TCP, None, talk.remote, dport)


def test_a_protocol_of_its_own_whose_answers_lag_behind() -> None:
    talk = Talk(names_only)
    data = own(60_000)
    for at in range(0, 60_000, 600):
        talk.client(data[at : at + 600])
        if talk.server(b"\xaa" * 100, acks=max(0, at - 600)).action is Action.PASSES:
            break
    assert talk.actions[-1] is Action.PASSES
    assert Action.REFUSED not in talk.actions


@pytest.mark.parametrize("size", [1, 50, 1400])
@pytest.mark.parametrize("sent", [hello(REFUSED), get(REFUSED)])
def test_a_name_behind_an_upload_of_its_own_is_judged(sent: bytes, size: int) -> None:
    talk = Talk(names_only)
    data = own(40_000)
    for at in range(0, len(data), 1400):
        talk.client(data[at : at + 1400])
    for at in range(0, len(sent), size):
        talk.now += 0.01  # each one is searched among much else
        talk.client(sent[at : at + size])
    assert talk.actions[-1] is Action.REFUSED
    assert REFUSED in talk.bench.hosts


@pytest.mark.parametrize("size", [50, 1400])
@pytest.mark.parametrize(("sent", "answer"), [(hello(REFUSED), SERVER_HELLO), (get(REFUSED), HTTP_OK)])
def test_an_upload_of_its_own_that_dies_on_the_way_hides_nothing(
    sent: bytes, answer: bytes, size: int
) -> None:
    talk = Talk(names_only)
    data = own(40_000)
    for at in range(0, len(data), 1400):
        talk.client(data[at : at + 1400], at=at, decoy=True)
    for at in range(0, len(sent), size):
        talk.client(sent[at : at + size], at=at)
    talk.server(answer, acks=len(sent))
    assert Action.PASSES not in talk.actions
    assert talk.actions[-1] is Action.REFUSED


def test_segments_without_payload_decide_nothing() -> None:
    talk = Talk()
    talk.handshake()
    talk.client(hello(ALLOWED))
    assert talk.server(b"").action is Action.HOLD
    talk.client(b"", flags=ACK | FIN)
    talk.client(b"", flags=ACK | RST)
    assert set(talk.actions) == {Action.HOLD}
    assert talk.server(SERVER_HELLO).action is Action.PASSES


def test_a_server_that_talks_for_ever_without_a_hello_is_refused_at_the_limit() -> None:
    talk = Talk(names_only)
    talk.client(hello(ALLOWED))
    for _ in range(40):
        step = talk.server(b"x" * 1000)
        if step.action is Action.REFUSED:
            break
    assert step.action is Action.REFUSED
    assert len(talk.steps) <= 35


# ------------------------------------------------------------------------------ decoys, one by one


def test_a_hello_elsewhere_is_not_what_the_server_has_answered() -> None:
    """It lies at numbers that the server never acknowledged in a row with its answer."""
    for at in (-10_000, 10_000):
        talk = Talk(names_only)
        talk.client(hello(ALLOWED), at=at, decoy=True)
        talk.client(b"\x00 unreadable to us, a hello to the server", at=0)
        assert talk.server(SERVER_HELLO).action is Action.REFUSED


def test_segments_that_servers_ignore_go_no_further() -> None:
    md5 = bytes([19, 18]) + bytes(16)
    talk = Talk()
    assert talk.client(hello(DECOY), at=0, decoy=True, options=md5).action is Action.DROP
    assert talk.client(hello(DECOY), at=0, decoy=True, flags=0).action is Action.DROP
    assert talk.client(b"junk", at=0, decoy=True, flags=FIN).action is Action.DROP
    talk.client(hello(ALLOWED), at=0)
    assert talk.server(SERVER_HELLO).action is Action.PASSES
    assert Talk().client(hello(REFUSED), at=0, options=md5).action is Action.REFUSED
    assert Talk().client(hello(REFUSED), at=0, flags=0).action is Action.REFUSED


def test_what_the_server_has_is_not_read_again() -> None:
    talk = Talk(names_only)
    talk.client(hello(ALLOWED))
    talk.server(RETRY)
    for turn in range(100):
        assert talk.client(bytes([turn]) * 50, at=0, decoy=True).action is Action.DROP
    assert talk.client(hello(ALLOWED), at=0).action is Action.HOLD
    talk.client(hello(ALLOWED))
    assert talk.server(SERVER_HELLO).action is Action.PASSES


@pytest.mark.parametrize("shown", ["syn", "answer"])
def test_bytes_left_of_the_window_are_cut_off_where_the_handshake_is_shown(shown: str) -> None:
    talk = Talk(names_only, dport=80, table=FlowTable(handshakes=True))
    if shown == "syn":
        talk.raw(talk.segment(b"", -1, flags=SYN))
    else:
        talk.raw(talk.server_segment(b"", 0), from_lan=False)
    request = get(REFUSED).replace(b"HTTP", b"http")  # which is looked for at the start alone
    assert talk.client(bytes(50) + request, at=-50).action is Action.REFUSED
    # In front of the queue it is not; there, the answer tells that something went unread.
    talk = Talk(names_only, dport=80)
    assert talk.client(bytes(50) + request, at=-50).action is Action.HOLD
    assert talk.server(HTTP_OK).action is Action.REFUSED


def test_a_fault_counts_beside_a_name_unless_it_may_be_a_mixture() -> None:
    nameless = b"GET / HTTP/1.0\r\n\r\n"
    talk = Talk(dport=80)
    assert talk.client(get(ALLOWED) + nameless).action is Action.REFUSED
    assert talk.bench.heard[-1].fault is Fault.NO_NAME
    talk = Talk(dport=80)
    assert talk.client(get(ALLOWED) + b"\x00\x01\x02\r\n").action is Action.REFUSED
    assert talk.bench.heard[-1].fault is Fault.MALFORMED
    talk = Talk(dport=80)
    talk.client(get(ALLOWED))
    assert talk.client(nameless, at=0, decoy=True).action is Action.HOLD
    assert talk.server(HTTP_OK).action is Action.ASKS


@pytest.mark.parametrize("dport", [80, 443])
def test_that_nothing_is_named_counts_beside_a_decoy(dport: int) -> None:
    if dport == 443:
        decoy, answer = hello(ALLOWED), SERVER_HELLO
        room = len(decoy) - len(hello(None)) - 4
        sent = hello(None, after=b"\x00\x15" + room.to_bytes(2, "big") + bytes(room))
    else:
        decoy, answer = get(ALLOWED), HTTP_OK
        sent = b"GET / HTTP/1.0\r\nX-aa: " + b"y" * len(ALLOWED) + b"\r\n\r\n"
    assert len(sent) == len(decoy)
    for order in ([decoy, sent], [sent, decoy]):
        talk = Talk(dport=dport)
        for one in order:
            talk.client(one, at=0)
        talk.server(answer)
        assert talk.actions[-1] is Action.REFUSED
        talk = Talk(names_only, dport=dport)
        for one in order:
            talk.client(one, at=0)
        assert talk.server(answer).action in (Action.PASSES, Action.ASKS)


def test_a_name_in_an_odd_decoy_is_judged() -> None:
    """On a segment that servers ignore, too."""
    odd = hello(REFUSED, after=b"\xfe\x0d\x00\x00")
    for how in ({"flags": 0}, {"options": bytes([19, 18]) + bytes(16)}):
        talk = Talk(names_only)
        assert talk.client(odd, at=0, decoy=True, **how).action is Action.REFUSED
        assert talk.bench.hosts == [REFUSED]


def test_http2_without_a_name_passes_where_that_may() -> None:
    talk = Talk(names_only, dport=80)
    talk.client(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9))
    step = talk.server(b"\x00\x00\x00\x04\x00\x00\x00\x00\x00")
    assert step.action is Action.PASSES
    assert step.observation is not None
    assert step.observation.fault is Fault.NO_NAME


def test_a_hello_in_a_tunnel_waits_for_the_server_hello() -> None:
    for sent in (hello(ALLOWED), hello(ALLOWED)[:50]):
        talk = Talk(names_only, dport=3128)
        talk.client(CONNECT)
        talk.server(ESTABLISHED)
        talk.client(sent)
        assert talk.server(SERVER_HELLO[:20]).action is Action.HOLD


def test_places_to_try_are_bounded_over_all_readings() -> None:
    talk = Talk(names_only)
    talk.client(bytes(10) + b"\x16\x03\x01\x00\xff\x01" * 5)
    for at in range(4):
        talk.client(b"\x01", at=at, decoy=True)
        if talk.actions[-1] is Action.REFUSED:
            break
    assert talk.actions[-1] is Action.REFUSED
    assert talk.bench.heard[-1].fault is Fault.OVERFLOW
