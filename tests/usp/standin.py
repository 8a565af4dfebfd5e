"""A stand-in for a USP agent (broker), by TR-369: reads and writes frames, records and messages."""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.usp.exchange import ENDPOINT
from gateway.usp.frames import FrameReader, Part, PartType, frame
from gateway.usp.messages import (
    Body,
    Empty,
    Header,
    MessageType,
    PlainPayload,
    Registered,
    RegisterResponse,
    RegisterResult,
    RegisterStatus,
    Request,
    Response,
    UspMessage,
    UspRecord,
)
from gateway.usp.protobuf import decode, encode
from tests.usp.scripted import BROKER, ROOT

TRANSCRIPTS = Path(__file__).parent / "transcripts"
PATIENCE = 10.0  # seconds


@dataclass(frozen=True, slots=True)
class Transcript:
    """What a real agent and the service sent to each other, and what a parent did between."""

    lines: tuple[dict[str, str], ...]
    results: dict[str, Any]  # what the controller got, by the name of its request


def transcript(name: str) -> Transcript:
    found = json.loads((TRANSCRIPTS / f"{name}.json").read_text("utf-8"))
    return Transcript(tuple(found["lines"]), {entry["name"]: entry for entry in found["results"]})


def handshake(broker: str = BROKER) -> bytes:
    return frame(PartType.HANDSHAKE, broker.encode())


def record_frame(record: UspRecord) -> bytes:
    return frame(PartType.RECORD, encode(record))


def message_frame(message: UspMessage | bytes, *, to: str = ENDPOINT, sender: str = BROKER) -> bytes:
    payload = message if isinstance(message, bytes) else encode(message)
    return record_frame(UspRecord("1.3", to, sender, plain=PlainPayload(payload)))


def request_frame(kind: MessageType, message_id: str = "1", **request: Any) -> bytes:
    return message_frame(UspMessage(Header(message_id, kind), Body(request=Request(**request))))


def register_response(message_id: str, failure: Any = None) -> bytes:
    success = None if failure else Registered(ROOT)
    result = RegisterResult(ROOT, RegisterStatus(oper_failure=failure, oper_success=success))
    response = Response(register_resp=RegisterResponse((result,)))
    return message_frame(UspMessage(Header(message_id, MessageType.REGISTER_RESP), Body(response=response)))


def parts_of(data: bytes) -> list[Part]:
    return FrameReader().feed(data)


def record_of(part: Part) -> UspRecord:
    assert part.type is PartType.RECORD
    return decode(UspRecord, part.value)


def message_of(part: Part) -> UspMessage:
    record = record_of(part)
    assert record.plain is not None
    return decode(UspMessage, record.plain.payload)


class StandInBroker:
    """Listens on a socket and talks to one service at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(path))
        self._listener.listen(4)
        self._listener.settimeout(PATIENCE)
        self._sock: socket.socket | None = None
        self._reader = FrameReader()
        self._parts: list[Part] = []

    def accept(self) -> None:
        self.hang_up()
        self._sock, _ = self._listener.accept()
        self._sock.settimeout(PATIENCE)
        self._reader, self._parts = FrameReader(), []

    def send(self, data: bytes) -> None:
        assert self._sock is not None
        self._sock.sendall(data)

    def part(self) -> Part:
        """Return the next part that the service sends."""
        assert self._sock is not None
        while not self._parts:
            data = self._sock.recv(65536)
            assert data, "the service has closed the connection"
            self._parts = self._reader.feed(data)
        return self._parts.pop(0)

    def greet(self) -> None:
        """Shake hands, and register the service."""
        self.accept()
        assert self.part().value.decode() == ENDPOINT
        self.send(handshake())
        assert record_of(self.part()).uds_connect == Empty()
        header = message_of(self.part()).header
        assert header is not None
        assert header.msg_type == MessageType.REGISTER
        self.send(register_response(header.msg_id))

    def closed(self) -> bool:
        """Return whether the service closes the connection."""
        assert self._sock is not None
        return self._sock.recv(65536) == b""

    def hang_up(self) -> None:
        if self._sock is not None:
            self._sock.close()
            self._sock = None

    def close(self) -> None:
        self.hang_up()
        self._listener.close()
