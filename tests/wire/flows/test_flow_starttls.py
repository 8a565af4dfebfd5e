"""TLS that begins after plain text: its hello is judged like any other."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gateway.policy.values import Observation
from gateway.wire.flows.actions import FlowAction
from gateway.wire.flows.limits import Limits
from gateway.wire.flows.table import FlowTable
from tests.wire.flow_forge import ALLOWED, REFUSED, RETRY, SERVER_HELLO, Talk, careful, names_only
from tests.wire.flow_said import hello
from tests.wire.starttls_dialogues import DIALOGUES, PRELOGIN, PRELOGIN_ANSWER, SMTP, Lines


def talk_of(name: str, judge: Callable[[Observation], bool] = names_only) -> Talk:
    talk = Talk(judge, dport=25)
    play(talk, DIALOGUES[name])
    return talk


def play(talk: Talk, lines: Lines) -> None:
    for side, line in lines:
        step = talk.client(line) if side == "client" else talk.server(line)
        assert step.action is FlowAction.HOLD


dialogue = pytest.mark.parametrize("name", DIALOGUES)


@dialogue
@pytest.mark.parametrize("size", [1, 100, 1400])
def test_a_refused_name_is_refused(name: str, size: int) -> None:
    talk = talk_of(name)
    sent = hello(REFUSED)
    for at in range(0, len(sent), size):
        talk.client(sent[at : at + size])
    assert talk.actions[-1] is FlowAction.REFUSED
    assert FlowAction.PASSES not in talk.actions


@dialogue
def test_an_allowed_name_passes_by_the_servers_hello(name: str) -> None:
    talk = talk_of(name, careful)
    assert talk.client(hello(ALLOWED)).action is FlowAction.HOLD
    step = talk.server(SERVER_HELLO)
    assert step.action is FlowAction.PASSES
    assert step.observation is not None
    assert step.observation.host == ALLOWED


@pytest.mark.parametrize("size", [1, 100, 1400])
def test_a_hello_in_packets_of_sql_server_is_judged(size: int) -> None:
    for name in (REFUSED, ALLOWED):
        talk = Talk(names_only, dport=1433)
        play(talk, [("client", PRELOGIN), ("server", PRELOGIN_ANSWER)])
        sent = in_tds(hello(name))
        for at in range(0, len(sent), size):
            talk.client(sent[at : at + size])
        assert FlowAction.PASSES not in talk.actions
        if name == REFUSED:
            assert talk.actions[-1] is FlowAction.REFUSED
            continue
        step = talk.server(in_tds(SERVER_HELLO))
        assert step.action is FlowAction.PASSES
        assert step.observation is not None
        assert step.observation.host == ALLOWED


def in_tds(data: bytes) -> bytes:
    return b"\x12\x01" + (8 + len(data)).to_bytes(2, "big") + bytes(4) + data


@dialogue
def test_a_second_hello_is_judged(name: str) -> None:
    talk = talk_of(name)
    talk.client(hello(ALLOWED))
    assert talk.server(RETRY).action is FlowAction.HOLD
    assert talk.client(hello(REFUSED)).action is FlowAction.REFUSED


@pytest.mark.parametrize("name", ["SMTP", "IMAP", "POP3", "FTP"])
def test_everything_in_one_segment_before_the_greeting_is_answered(name: str) -> None:
    talk = Talk(names_only, dport=2525)
    lines = DIALOGUES[name]
    said = b"".join(line for side, line in lines if side == "client")
    talk.server(lines[0][1])
    assert talk.client(said + hello(REFUSED)).action is FlowAction.REFUSED
    talk = Talk(names_only, dport=2525)
    talk.client(said)
    talk.server(lines[0][1])
    assert talk.client(hello(REFUSED)).action is FlowAction.REFUSED


@pytest.mark.parametrize("name", ["SMTP", "IMAP", "POP3", "FTP"])
def test_a_greeting_byte_by_byte(name: str) -> None:
    """As a client with a window of one byte gets it, which sends its first line in between."""
    talk = Talk(names_only, dport=25)
    lines = DIALOGUES[name]
    talk.client(b"NOOP\r\n")
    for byte in lines[0][1]:
        assert talk.server(bytes((byte,))).action is FlowAction.HOLD
    assert talk.client(hello(REFUSED)).action is FlowAction.REFUSED


def test_a_long_greeting_before_the_client_sends_anything() -> None:
    talk = Talk(names_only, dport=25)
    for _ in range(40):
        assert talk.server(b"220-hello\r\n").action is FlowAction.HOLD
    play(talk, [("client", b"STARTTLS\r\n")])
    assert talk.client(hello(REFUSED)).action is FlowAction.REFUSED


def plain(talk: Talk, turns: int, line: bytes = b"NOOP\r\n") -> None:
    play(talk, SMTP[:2])
    for _ in range(turns):
        talk.client(line)
        talk.server(b"250 OK\r\n")


@pytest.mark.parametrize("turns", [3, 20, 3000])
@pytest.mark.parametrize("size", [1, 100, 1400])
def test_a_hello_after_a_long_dialogue_is_judged(turns: int, size: int) -> None:
    for name, expected in ((REFUSED, FlowAction.REFUSED), (ALLOWED, None)):
        talk = Talk(dport=25)
        plain(talk, turns)
        talk.client(b"STARTTLS\r\n")
        sent = hello(name)
        for at in range(0, len(sent), size):
            talk.client(sent[at : at + size])
        assert FlowAction.PASSES not in talk.actions
        if expected is not None:
            assert talk.actions[-1] is expected
        else:
            assert FlowAction.REFUSED not in talk.actions
            assert talk.server(SERVER_HELLO).action is (FlowAction.PASSES if turns < 5 else FlowAction.ASKS)
            assert talk.client(b"\x17\x03\x03\x00\x20" + bytes(32)).action is not FlowAction.REFUSED
            assert ALLOWED in talk.bench.hosts


def test_a_dialogue_without_tls_is_released_to_the_kernel_in_one_direction() -> None:
    talk = Talk(dport=25)
    plain(talk, 20)
    assert talk.actions[-1] is FlowAction.ASKS
    assert FlowAction.PASSES not in talk.actions
    letter = b"a line of a letter\r\n" * 70
    for _ in range(200):
        assert talk.client(letter).action is FlowAction.ASKS
    talk.now += 3000  # silent for long
    assert talk.client(b"QUIT\r\n").action is FlowAction.ASKS


def test_a_long_letter_in_the_first_segments() -> None:
    """Where a flow without an answer is refused."""
    talk = Talk(dport=25)
    play(talk, SMTP[:3])
    for _ in range(30):
        assert talk.client(b"x" * 1400).action in (FlowAction.HOLD, FlowAction.ASKS)
    assert talk.server(b"250 OK\r\n").action is FlowAction.ASKS


def test_much_data_of_the_server() -> None:
    talk = Talk(dport=143)
    talk.server(b"* OK ready\r\n")
    talk.client(b"a LOGIN x y\r\n")
    for _ in range(40):
        assert talk.server(b"* 1 FETCH\r\n" * 100).action in (FlowAction.HOLD, FlowAction.ASKS)
    assert talk.actions[-1] is FlowAction.ASKS
    assert talk.client(hello(REFUSED)).action is FlowAction.REFUSED


def test_a_server_that_sends_much_by_itself() -> None:
    for name, expected in ((REFUSED, FlowAction.REFUSED), (ALLOWED, FlowAction.ASKS)):
        talk = Talk(dport=9000)
        for _ in range(60):
            assert talk.server(b"<?xml version='1.0'?>" + b"<x/>" * 200).action is not FlowAction.REFUSED
        assert talk.actions[-1] is FlowAction.ASKS
        assert FlowAction.PASSES not in talk.actions
        assert talk.client(b"hello\n").action is FlowAction.ASKS
        assert talk.client(hello(name)).action is expected


def test_a_dialogue_may_pause_for_some_minutes() -> None:
    talk = talk_of("IMAP")
    talk.now += 250
    assert talk.client(b"c NOOP\r\n").action is FlowAction.HOLD
    talk.now += 350  # too long: half a dialogue must not look like a new connection
    assert talk.client(b"STARTTLS\r\n").action is FlowAction.REFUSED


def test_half_a_greeting_is_not_forgotten() -> None:
    talk = Talk(names_only, dport=25)
    talk.client(b"NOOP\r\n")
    talk.server(b"22")
    talk.now += 100
    talk.server(b"0 mail.example\r\n")
    assert FlowAction.PASSES not in talk.actions
    assert talk.client(hello(REFUSED)).action is FlowAction.REFUSED


def test_a_long_message_after_one_byte_of_the_server() -> None:
    """Whatever protocol that is: it was answered, so it is not refused as unanswered."""
    talk = Talk(dport=9000)
    talk.client(b"put\n")
    assert talk.server(b"+").action is FlowAction.HOLD
    for _ in range(60):
        assert talk.client(b"x" * 1400).action in (FlowAction.HOLD, FlowAction.ASKS)
    assert talk.actions[-1] is FlowAction.ASKS


def test_other_bytes_that_are_resent_end_a_long_dialogue() -> None:
    talk = Talk(names_only, dport=25)
    plain(talk, 20)
    start = talk.end
    talk.client(b"x" * 900)
    assert talk.client(b"x" * 900, at=start).action is FlowAction.ASKS
    assert talk.client(hello(REFUSED)[:900], at=start).action is FlowAction.REFUSED


@pytest.mark.parametrize("first", [b"x", b"\x16"])
def test_other_bytes_that_are_resent_late_do_not_reach_the_server(first: bytes) -> None:
    """They are no longer stored. Either they begin a hello, or they follow a byte that may."""
    talk = Talk(names_only, dport=25)
    plain(talk, 20)
    sent = hello(REFUSED)
    start = talk.end
    talk.client(first + b"x" * (len(sent) - 1))
    for _ in range(30):
        talk.client(b"x" * 1400)
    if first == b"x":
        assert talk.client(sent, at=start).action is FlowAction.DROP
    rest = sent[1:].replace(b"\x16", b"\x17")
    step = talk.client(rest, at=start + 1)
    assert step.action is (FlowAction.DROP if first == b"\x16" else FlowAction.ASKS)


def test_a_keep_alive_probe_cannot_begin_a_hello() -> None:
    talk = Talk(names_only, dport=25)
    plain(talk, 20)
    assert talk.client(b"\x00", at=talk.end - 1).action is FlowAction.ASKS
    assert talk.client(b"\n", at=talk.end - 1).action is FlowAction.ASKS
    assert talk.client(b"\x16", at=talk.end - 1).action is FlowAction.DROP
    talk.client(b"\x16\x03\x01")
    assert talk.client(b"\x01", at=talk.end - 1).action is FlowAction.ASKS
    assert talk.client(b"\x00", at=talk.end - 1).action is FlowAction.DROP


def test_after_a_gap_a_long_dialogue_waits_for_the_lost_segment() -> None:
    talk = Talk(names_only, dport=25)
    plain(talk, 20)
    start = talk.end
    sent = hello(REFUSED)
    assert talk.client(sent[50:], at=start + 50).action is FlowAction.DROP
    assert talk.client(sent[:50], at=start).action is FlowAction.ASKS
    assert talk.client(sent[50:], at=start + 50).action is FlowAction.REFUSED


def test_memory_of_a_long_dialogue_is_bounded() -> None:
    table = FlowTable(Limits())
    talk = Talk(dport=25, table=table)
    plain(talk, 20)
    for _ in range(200):
        talk.client(bytes(range(32, 127)) * 14)
    assert table.stats.buffered < 20 << 10
    talk.client(hello(ALLOWED)[:60])
    for _ in range(60):
        talk.client(bytes(1000))
    assert table.stats.buffered < 60 << 10


def test_where_nameless_flows_are_refused_so_is_a_dialogue() -> None:
    talk = Talk(lambda seen: seen.host is not None, dport=25)
    play(talk, SMTP[:2])
    assert talk.server(b"250 OK\r\n").action is FlowAction.REFUSED
