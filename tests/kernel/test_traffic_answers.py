"""A connection with an allowed hello: the kernel decides it by the server's first data."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import replace

import pytest

from gateway.kernel.conntrack import Conntrack
from gateway.kernel.fallback import reads_answers
from gateway.kernel.marks import ANSWERED_OTHERWISE, FlowState, MarkLayout, decode_verdict, verdict_byte
from gateway.kernel.snapshot import PassElement, Snapshot
from tests.kernel.conftest import Gateway
from tests.kernel.home import PATIENCE, SITE4, SITE6, Home, receive
from tests.kernel.listener import HOLD, Judge, Seen
from tests.kernel.talks import REFUSED, passes, tcp_client, tcp_server
from tests.wire import tls_forge as forge

pytestmark = pytest.mark.lab

SLOT, CLASS = 3, 1
ANSWERABLE = FlowState.ANSWERABLE, CLASS
OTHERWISE = decode_verdict(ANSWERED_OTHERWISE)
PASSES = FlowState.PASSES, CLASS
HELLO = b"an allowed hello"
SERVER_HELLO = forge.record(forge.server_hello())
HELLO_RETRY = forge.record(forge.server_hello(hrr=True))


class Talk:
    """One connection from the child to a server, whose hello was allowed."""

    def __init__(self, gateway: Gateway, home: Home, child: Snapshot, site: str) -> None:
        self.judge: Judge = lambda _: HOLD
        self._home = home
        gateway.load(replace(child, passes=(PassElement(SLOT, CLASS),)))
        self._listener = gateway.listen(
            lambda seen: verdict_byte(*ANSWERABLE) if seen.data.endswith(HELLO) else self.judge(seen)
        )
        self._server = tcp_server(home, site)
        self.client = tcp_client(home.child, site)
        self.server = home.internet.accept(self._server)
        for end in (self.client, self.server):
            end.settimeout(PATIENCE)
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.client_sends(HELLO)
        assert self.verdict == ANSWERABLE

    @property
    def queued(self) -> list[Seen]:
        """The packets that were queued after the hello."""
        return self._listener.seen[1:]

    @property
    def verdict(self) -> tuple[FlowState, int]:
        """The connection's state and class in the kernel."""
        layout = MarkLayout()
        with self._home.router.inside():
            conntrack = Conntrack()
            (entry,) = conntrack.of_slot(layout, SLOT)
            conntrack.close()
        return layout.ct_verdict(entry.mark)

    def client_sends(self, data: bytes) -> None:
        self.client.send(data)
        assert receive(self.server, len(data)) == data

    def server_sends(self, data: bytes) -> None:
        self.server.send(data)
        assert receive(self.client, len(data)) == data

    def close(self) -> None:
        for end in (self.client, self.server, self._server):
            end.close()


@pytest.fixture(params=[SITE4, SITE6], ids=["ipv4", "ipv6"])
def talk(gateway: Gateway, home: Home, child: Snapshot, request: pytest.FixtureRequest) -> Iterator[Talk]:
    made = Talk(gateway, home, child, request.param)
    yield made
    made.close()


def test_this_kernel_reads_answers(gateway: Gateway) -> None:
    assert reads_answers(gateway.nft)


def test_a_server_hello_lets_it_pass_without_the_daemon(talk: Talk) -> None:
    talk.server_sends(SERVER_HELLO)
    assert talk.verdict == PASSES
    talk.client_sends(b"the connection continues")
    talk.server_sends(b"in both directions")
    assert talk.queued == []


def test_a_closed_class_ends_it_at_the_answer(gateway: Gateway, talk: Talk, child: Snapshot) -> None:
    gateway.load(child)
    talk.server.send(SERVER_HELLO)
    with pytest.raises(ConnectionResetError):
        receive(talk.client, len(SERVER_HELLO) + 1)


@pytest.mark.parametrize(
    "answer",
    [
        HELLO_RETRY,
        forge.FATAL_ALERT,
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        SERVER_HELLO[:18],
        forge.record(b"\x0e\x00\x00\x00" + bytes(30)),
    ],
    ids=["hello retry", "alert", "http", "the start of a ServerHello", "another handshake message"],
)
def test_any_other_answer_is_queued_with_all_that_follows(talk: Talk, answer: bytes) -> None:
    talk.server_sends(answer)
    assert talk.verdict == OTHERWISE
    talk.client_sends(b"client continues")
    talk.server_sends(SERVER_HELLO)
    assert [seen.data[-4:] for seen in talk.queued] == [answer[-4:], b"nues", SERVER_HELLO[-4:]]
    assert all(seen.asking for seen in talk.queued)
    talk.judge = lambda _: passes(CLASS)
    talk.server_sends(b"allowed after all")
    assert talk.verdict == PASSES
    queued = len(talk.queued)
    talk.client_sends(b"and now without the daemon")
    assert len(talk.queued) == queued


def test_only_the_first_data_of_the_server_counts(talk: Talk) -> None:
    """A HelloRetryRequest repeats the client's session id, which may look like a ServerHello in a segment."""
    talk.server_sends(HELLO_RETRY[:44])
    talk.server_sends(SERVER_HELLO[:32])
    assert talk.verdict == OTHERWISE
    assert len(talk.queued) == 2


def test_what_the_client_sends_before_the_answer_is_queued(talk: Talk) -> None:
    talk.client_sends(b"early data")
    assert talk.verdict == ANSWERABLE
    assert [(seen.data[-5:], seen.asking) for seen in talk.queued] == [(b" data", True)]
    talk.judge = lambda _: REFUSED
    talk.client.send(b"a hello to another name")
    with pytest.raises(ConnectionResetError):
        talk.client.recv(1)
    assert talk.verdict == (FlowState.REFUSED, 0)


def test_a_late_verdict_about_the_hello_changes_nothing(talk: Talk) -> None:
    """The client sent its hello twice, and the server answered the first one."""
    talk.server_sends(SERVER_HELLO)
    talk.judge = lambda _: verdict_byte(*ANSWERABLE)
    talk.client_sends(HELLO)
    talk.server_sends(HELLO_RETRY)
    assert talk.verdict == PASSES
    assert talk.queued == []
