"""The connection to the broker: points of the UNIX domain socket binding, TR-369 section 4.6."""

from __future__ import annotations

import random

import pytest

from gateway.usp.agent import Agent
from gateway.usp.exchange import ENDPOINT, ConnectionEnded, Exchange, Stage
from gateway.usp.frames import Part, PartType, frame
from gateway.usp.messages import (
    Body,
    Disconnect,
    Empty,
    ErrorCode,
    Get,
    Header,
    MessageType,
    OperationFailure,
    RegistrationPath,
    Request,
    UspMessage,
    UspRecord,
)
from gateway.usp.protobuf import encode
from tests.usp.scripted import BROKER, ROOT, VENDOR, ScriptedFilter
from tests.usp.standin import (
    handshake,
    message_frame,
    message_of,
    parts_of,
    record_frame,
    record_of,
    register_response,
    request_frame,
)

GET_VERSION = request_frame(MessageType.GET, "7", get=Get((f"{ROOT}Version",)))


def new_exchange() -> Exchange:
    return Exchange(Agent(VENDOR, ScriptedFilter()))


@pytest.fixture
def exchange() -> Exchange:
    """An exchange that is registered."""
    found = new_exchange()
    found.begin()
    registration = message_of(parts_of(found.receive(handshake()))[1]).header
    assert registration is not None
    found.receive(register_response(registration.msg_id))
    assert found.stage is Stage.REGISTERED
    return found


def test_the_service_greets_first_with_its_endpoint() -> None:
    assert parts_of(new_exchange().begin()) == [Part(PartType.HANDSHAKE, ENDPOINT.encode())]


def test_a_connect_record_and_the_registration_follow_the_handshake() -> None:
    exchange = new_exchange()
    connect, register = parts_of(exchange.receive(handshake()))
    record = record_of(connect)
    assert (record.to_id, record.from_id, record.uds_connect) == (BROKER, ENDPOINT, Empty())
    body = message_of(register).body
    assert body is not None
    assert body.request is not None
    assert body.request.register is not None
    assert body.request.register.reg_paths == (RegistrationPath(ROOT),)


def test_a_record_before_the_handshake_is_ignored() -> None:
    exchange = new_exchange()
    exchange.begin()
    assert exchange.receive(GET_VERSION) == b""


def test_a_second_handshake_is_ignored(exchange: Exchange) -> None:
    assert exchange.receive(handshake("os::other")) == b""
    assert exchange.receive(GET_VERSION) != b""


@pytest.mark.parametrize("name", [b"", b"\xff", b"os::a\n", b"x" * 300])
def test_a_handshake_that_cannot_be_processed_is_an_error(name: bytes) -> None:
    with pytest.raises(ConnectionEnded) as caught:
        new_exchange().receive(frame(PartType.HANDSHAKE, name))
    assert parts_of(caught.value.farewell)[0].type is PartType.ERROR


@pytest.mark.parametrize("data", [b"HTTP/1.1 400", frame(PartType.RECORD, b"\x0a\xff")])
def test_unreadable_frames_and_records_end_the_connection(exchange: Exchange, data: bytes) -> None:
    with pytest.raises(ConnectionEnded) as caught:
        exchange.receive(data)
    assert [part.type for part in parts_of(caught.value.farewell)] == [PartType.ERROR]


def test_an_error_of_the_broker_ends_the_connection(exchange: Exchange) -> None:
    with pytest.raises(ConnectionEnded, match="too many") as caught:
        exchange.receive(frame(PartType.ERROR, b"too many services"))
    assert caught.value.farewell == b""


def test_a_disconnect_record_ends_the_connection(exchange: Exchange) -> None:
    bye = UspRecord("1.3", ENDPOINT, BROKER, disconnect=Disconnect("restart", 7100))
    with pytest.raises(ConnectionEnded, match="restart"):
        exchange.receive(record_frame(bye))


def test_a_refused_registration_ends_the_connection() -> None:
    exchange = new_exchange()
    registration = message_of(parts_of(exchange.receive(handshake()))[1]).header
    assert registration is not None
    failure = OperationFailure(7029, "already in use")
    with pytest.raises(ConnectionEnded, match="already in use"):
        exchange.receive(register_response(registration.msg_id, failure))


@pytest.mark.parametrize(("to", "sender"), [("self::other", BROKER), (ENDPOINT, "os::other")])
def test_records_of_others_are_ignored(exchange: Exchange, to: str, sender: str) -> None:
    message = UspMessage(Header("7", MessageType.GET), Body(request=Request(get=Get((ROOT,)))))
    assert exchange.receive(message_frame(message, to=to, sender=sender)) == b""


def test_a_message_of_which_only_the_header_can_be_read_gets_an_error(exchange: Exchange) -> None:
    payload = encode(UspMessage(Header("9", MessageType.GET))) + b"\x12\x02\x0a\x09"
    answer = message_of(parts_of(exchange.receive(message_frame(payload)))[0])
    assert answer.header == Header("9", MessageType.ERROR)
    assert answer.body is not None
    assert answer.body.error is not None
    assert answer.body.error.err_code == ErrorCode.INVALID_ARGUMENTS


def test_a_response_is_not_answered(exchange: Exchange) -> None:
    assert exchange.receive(register_response("unknown")) == b""


def test_the_service_says_good_bye(exchange: Exchange) -> None:
    disconnect = record_of(parts_of(exchange.end("the service stops"))[0]).disconnect
    assert disconnect == Disconnect("the service stops")
    assert new_exchange().end("early") == b""


def test_damaged_bytes_raise_nothing_but_the_end_of_the_connection() -> None:
    chance = random.Random(20)
    for _ in range(1500):
        exchange = new_exchange()
        exchange.receive(handshake())
        data = bytearray(GET_VERSION)
        for _ in range(chance.randrange(1, 5)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        try:
            exchange.receive(bytes(data))
        except ConnectionEnded:
            pass
