"""Plain HTTP: parts of long bodies that the kernel forwards alone, and what a client may hide there."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from gateway.wire.flows.actions import FlowAction, FlowKey
from gateway.wire.flows.limits import Limits
from gateway.wire.flows.table import FlowTable
from gateway.wire.ip.packet import ACK
from tests.wire.flow_forge import ALLOWED, HTTP_OK, REFUSED, Talk, names_only

LIMITS = Limits()
SEGMENT = 32_000
BODY = 40 << 20
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
NUMBERS = 1 << 32


def request(name: str, body: int = 0, method: str = "POST") -> bytes:
    length = f"Content-Length: {body}\r\n" if body else ""
    return f"{method} / HTTP/1.1\r\nHost: {name}\r\n{length}\r\n".encode()


@dataclass
class Kernel:
    """Remembers the ranges of each flow as the kernel does."""

    bodies: dict[FlowKey, tuple[int, int]] = field(default_factory=dict)
    answers: dict[FlowKey, tuple[int, int]] = field(default_factory=dict)
    able: bool = True

    def watch(self, key: FlowKey, first: int, count: int) -> bool:
        self.end(key)
        if self.able:
            self.answers[key] = first, count
        return self.able

    def forward(self, key: FlowKey, first: int, count: int) -> bool:
        self.bodies[key] = first, count
        return True

    def end(self, key: FlowKey) -> None:
        self.bodies.pop(key, None)
        self.answers.pop(key, None)

    def forwards(self, number: int) -> bool:
        return any((number - first) % NUMBERS <= count for first, count in self.bodies.values())

    def watches(self, number: int) -> bool:
        return any((number - first) % NUMBERS <= count for first, count in self.answers.values())


class Upload(Talk):
    """One connection through a kernel with the ranges."""

    def __init__(self, *, isn: int = 0xFFFFFF00, able: bool = True) -> None:
        self.kernel = Kernel(able=able)
        super().__init__(names_only, dport=80, table=FlowTable(bodies=self.kernel), isn=isn, kernel=True)
        self.queued = 0  # bytes of the client that reached the daemon

    def say(self, payload: bytes, at: int | None = None) -> FlowAction | None:
        """The client sends a segment; None if the kernel forwards it alone."""
        start = self.end if at is None else at
        if self.asks and self.kernel.forwards((self._isn + 1 + start) % NUMBERS):
            self.end = max(self.end, start + len(payload))
            self._arrived.append((start, start + len(payload)))
            return None
        self.queued += len(payload)
        action = self.client(payload, at=at).action
        self.asks = self.asks or action in (FlowAction.ASKS, FlowAction.UPLOAD)
        return action

    def body(self, size: int, piece: bytes = b"\xa5") -> list[FlowAction | None]:
        """The client sends so many bytes of a body."""
        data = piece * SEGMENT
        return [self.say(data[: min(SEGMENT, size - at)]) for at in range(0, size, SEGMENT)]

    def reply(self, payload: bytes, acks: int | None = None) -> FlowAction | None:
        """The server sends a segment; None if the kernel forwards it alone."""
        acked = self.acknowledged if acks is None else acks
        asks, answered = self.asks, FlowAction.ASKS in self.actions
        if answered and not self.kernel.watches((self._isn + 1 + acked) % NUMBERS):
            return None
        self.asks = answered
        action = self.server(payload, acks=acked).action
        self.asks = asks or action is FlowAction.ASKS
        return action

    def acknowledge(self) -> None:
        """A segment without payload, as far as the kernel queues it."""
        if self.kernel.watches((self._isn + 1 + self.acknowledged) % NUMBERS):
            self.raw(self.server_segment(b"", self._server_sent), from_lan=False)


def begun(upload: Upload, answered: bool, size: int = BODY) -> None:
    """The connection with the head of a long upload, before or after a first answer."""
    if answered:
        upload.say(request(ALLOWED, method="GET"))
        assert upload.reply(HTTP_OK) is FlowAction.ASKS
    upload.say(request(ALLOWED, size))
    upload.body(128_000)
    upload.acknowledge()


BOTH = pytest.mark.parametrize("answered", [False, True])


@BOTH
@pytest.mark.parametrize("isn", [0xFFFFFF00, 0xFF000000, 1000])
def test_the_kernel_forwards_most_of_a_long_body(answered: bool, isn: int) -> None:
    """Also where the numbers begin at zero again within it."""
    upload = Upload(isn=isn)
    begun(upload, answered)
    before = upload.queued
    actions = upload.body(BODY - 128_000)
    assert actions.count(None) > len(actions) * 0.85
    assert set(actions) <= {None, FlowAction.ASKS, FlowAction.UPLOAD}
    assert upload.queued - before < 5 << 20
    assert upload.kernel.bodies == upload.kernel.answers == {}
    assert upload.reply(HTTP_OK) is (None if answered else FlowAction.ASKS)
    assert upload.say(request(ALLOWED, method="GET")) is FlowAction.ASKS
    assert upload.say(request(REFUSED, method="GET")) is FlowAction.REFUSED


@pytest.mark.parametrize("requests", [1, 2])
def test_an_unanswered_upload_ends_once_it_is_not_allowed(requests: int) -> None:
    upload = Upload()
    for _ in range(requests - 1):
        upload.say(request(ALLOWED, 200_000))
        upload.body(200_000)
    begun(upload, answered=False)
    actions = upload.body(8 << 20)
    assert set(actions) == {FlowAction.UPLOAD, None}
    assert upload.table.refuse_unanswered(0, lambda _: True, upload.now) == []
    assert upload.table.refuse_unanswered(7, lambda _: False, upload.now) == []  # another device
    [key] = upload.table.refuse_unanswered(0, lambda _: False, upload.now)
    assert key[3::2] == (40000, 80)
    assert upload.kernel.bodies == upload.kernel.answers == {}
    assert upload.say(bytes(SEGMENT)) is FlowAction.REFUSED
    assert upload.table.refuse_unanswered(0, lambda _: False, upload.now) == []


def test_an_answered_upload_is_left_to_the_kernel() -> None:
    upload = Upload()
    begun(upload, answered=True)
    assert upload.table.refuse_unanswered(0, lambda _: False, upload.now) == []


@BOTH
@pytest.mark.parametrize("cut", [0, 1, 20])
def test_a_request_after_the_body_is_judged(answered: bool, cut: int) -> None:
    """Also if it arrives in the segment with the body's end, or before it."""
    upload = Upload()
    begun(upload, answered)
    upload.body(BODY - 128_000 - SEGMENT)
    data = bytes(SEGMENT) + request(REFUSED, method="GET")
    at = upload.end
    first, second = data[: SEGMENT + cut], data[SEGMENT + cut :]
    actions = [upload.say(second, at=at + len(first)), upload.say(first, at=at)]
    assert FlowAction.REFUSED in actions


@BOTH
def test_a_length_that_is_less_than_what_is_sent_hides_nothing(answered: bool) -> None:
    """The request follows what the server and the daemon take for the body's end."""
    upload = Upload()
    begun(upload, answered, 8 << 20)
    upload.body((8 << 20) - 128_000)
    assert upload.say(request(REFUSED, method="GET") + bytes(SEGMENT)) is FlowAction.REFUSED


@BOTH
def test_resent_segments_pass(answered: bool) -> None:
    upload = Upload()
    begun(upload, answered)
    start = upload.end
    upload.body(BODY - 128_000 - 4 * SEGMENT)
    for at in (start, start + (3 << 20), upload.end - SEGMENT, upload.end - 3 * SEGMENT):
        assert upload.say(b"\xa5" * SEGMENT, at=at) in (None, FlowAction.ASKS, FlowAction.UPLOAD)
    head = request(ALLOWED, BODY)
    at = len(request(ALLOWED, method="GET")) if answered else 0
    assert upload.say(head, at=at) in (FlowAction.ASKS, FlowAction.UPLOAD)
    assert upload.say(head.replace(b"POST", b"HEAD"), at=at) is FlowAction.REFUSED


@BOTH
@pytest.mark.parametrize("piece", [b"HTTP/1.1 ", request(ALLOWED, method="GET")])
def test_a_body_with_versions_is_read_to_its_end(answered: bool, piece: bytes) -> None:
    """A server that does not read bodies may read it as requests."""
    upload = Upload()
    begun(upload, answered, 8 << 20)
    data = (piece * SEGMENT)[:SEGMENT]
    for _ in range(200):
        upload.now += 0.1  # it is much work
        assert upload.say(data) is not None
    upload.now += 1.0
    assert upload.say(request(REFUSED, method="GET")) is FlowAction.REFUSED


@BOTH
def test_a_request_at_the_start_of_the_body_is_judged(answered: bool) -> None:
    upload = Upload()
    begun(upload, answered)
    upload.body((1 << 20) - 128_000)
    assert upload.kernel.bodies == {}
    assert upload.say(request(REFUSED, method="GET")) is FlowAction.REFUSED


@BOTH
def test_an_answer_within_a_forwarded_body_ends_the_connection(answered: bool) -> None:
    """The server may now read the rest as requests, and the kernel has forwarded some of it."""
    upload = Upload()
    begun(upload, answered)
    upload.body(8 << 20)
    assert upload.kernel.bodies
    assert upload.reply(HTTP_OK) is FlowAction.REFUSED
    assert upload.kernel.bodies == upload.kernel.answers == {}


@BOTH
def test_an_answer_before_anything_is_forwarded_changes_nothing_else(answered: bool) -> None:
    """Every byte of the body is then read."""
    upload = Upload()
    begun(upload, answered)
    assert upload.reply(HTTP_OK) is FlowAction.ASKS
    assert None not in upload.body(8 << 20)
    assert upload.say(request(REFUSED, method="GET")) is FlowAction.REFUSED


@BOTH
def test_an_interim_answer_is_none(answered: bool) -> None:
    upload = Upload()
    begun(upload, answered)
    assert upload.reply(CONTINUE) is FlowAction.ASKS
    assert None in upload.body(8 << 20)
    assert upload.reply(CONTINUE) is FlowAction.ASKS
    assert upload.reply(CONTINUE + b"HTTP/1.1 204 No Content\r\n\r\n") is FlowAction.REFUSED


def test_expect_continue() -> None:
    upload = Upload()
    upload.say(request(ALLOWED, BODY))
    assert upload.reply(CONTINUE) is FlowAction.ASKS
    assert upload.kernel.answers
    assert None in upload.body(8 << 20)


def test_a_refused_expectation_is_an_answer() -> None:
    upload = Upload()
    upload.say(request(ALLOWED, BODY))
    assert upload.reply(HTTP_OK) is FlowAction.ASKS
    assert None not in upload.body(8 << 20)


def test_a_long_decoy_left_of_the_servers_window_is_no_hiding_place() -> None:
    """The server has these numbers already: it acknowledges more than the client has sent."""
    upload = Upload()
    upload.asks = True
    upload.client(request(ALLOWED, BODY))
    for _ in range(400):
        assert upload.say(bytes(SEGMENT)) is not None
        acked = (upload._isn + 1 + (20 << 20)) % NUMBERS
        if upload.kernel.watches(acked):
            upload.raw(upload.server_segment(b"", 0, acks=20 << 20), from_lan=False)
    assert upload.kernel.bodies == {}


def test_without_an_acknowledgement_nothing_is_forwarded() -> None:
    upload = Upload()
    upload.say(request(ALLOWED, BODY))
    assert None not in upload.body(8 << 20)


def test_a_kernel_that_is_not_able() -> None:
    upload = Upload(able=False)
    begun(upload, answered=True)
    assert None not in upload.body(8 << 20)
    assert upload.say(request(REFUSED, method="GET")) is FlowAction.REFUSED


@BOTH
def test_ranges_end_with_the_flow(answered: bool) -> None:
    upload = Upload()
    begun(upload, answered)
    upload.body(8 << 20)
    assert upload.kernel.bodies
    upload.table.forget(0)
    assert upload.kernel.bodies == upload.kernel.answers == {}


@BOTH
def test_an_expired_range_is_requested_again(answered: bool) -> None:
    upload = Upload()
    begun(upload, answered)
    upload.body(8 << 20)
    upload.kernel.bodies.clear()
    assert upload.body(4 << 20)[-1] is None
    assert upload.kernel.bodies


def test_chunked_and_short_bodies_are_read() -> None:
    upload = Upload()
    upload.say(request(ALLOWED, method="GET"))
    upload.reply(HTTP_OK)
    upload.say(request(ALLOWED, LIMITS.long_body - 1))
    assert None not in upload.body(LIMITS.long_body - 1)
    upload.say(request(ALLOWED).replace(b"\r\n\r\n", b"\r\nTransfer-Encoding: chunked\r\n\r\n"))
    upload.say(b"a00000\r\n")
    assert None not in upload.body(8 << 20)


def test_an_upload_of_more_bytes_than_there_are_numbers() -> None:
    """Offsets go on where sequence numbers begin again."""
    size = 5 << 30
    upload = Upload()
    begun(upload, True, size)
    end = upload.end + size - 128_000
    upload.body(3 << 20)
    while upload.end < end - (4 << 20):
        upload.end += 256 << 20
        upload.end = min(upload.end, end - (4 << 20))
        upload.body(3 << 20)
    upload.body(end - upload.end)
    assert upload.say(request(REFUSED, method="GET")) is FlowAction.REFUSED
    assert upload.bench.hosts == [ALLOWED, ALLOWED, REFUSED]


def test_the_flags_of_a_segment_change_nothing() -> None:
    upload = Upload()
    begun(upload, True)
    upload.body(8 << 20)
    assert upload.raw(upload.segment(bytes(100), upload.end, flags=ACK)).action is FlowAction.ASKS
