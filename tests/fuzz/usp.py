"""Fuzz targets of the USP Service: what a broker sends, as frames and as single messages."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from gateway.usp.agent import Agent
from gateway.usp.exchange import ConnectionEnded, Exchange
from tests.usp.scripted import VENDOR, ScriptedFilter
from tests.usp.standin import handshake, message_frame, parts_of, record_of, transcript


def _exchange() -> Exchange:
    exchange = Exchange(Agent(VENDOR, ScriptedFilter()))
    exchange.begin()
    exchange.receive(handshake())
    return exchange


def usp_frames(data: bytes) -> None:
    """Bytes on the socket."""
    with contextlib.suppress(ConnectionEnded):
        exchange = _exchange()
        exchange.receive(data)
        exchange.notifications()


def usp_message(data: bytes) -> None:
    """A message in a valid record. Each answer is a whole record again."""
    with contextlib.suppress(ConnectionEnded):
        for part in parts_of(_exchange().receive(message_frame(data))):
            assert record_of(part).plain is not None


def _frames() -> list[bytes]:
    lines = transcript("obuspa").lines
    return [bytes.fromhex(line["frame"]) for line in lines if line.get("from") == "broker"]


def _messages() -> list[bytes]:
    records = [record_of(part) for frame in _frames()[1:] for part in parts_of(frame)]
    return [record.plain.payload for record in records if record.plain is not None]


SEEDS: dict[Callable[[bytes], None], Callable[[], list[bytes]]] = {
    usp_frames: _frames,
    usp_message: _messages,
}
