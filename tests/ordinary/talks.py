"""What a talk between an ordinary program and its server is made of."""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from gateway.age.bands import AgeBand


class Act(Enum):
    CLIENT = "client"  # the client says it
    SERVER = "server"
    TLS = "tls"  # both shake hands, and go on inside
    REST = "rest"  # nobody says anything for so many seconds
    BOTH = "both"  # so many datagrams a second from the client, each of which comes back
    UPWARD = "upward"  # the same from the client alone; at the end the server says how many came
    DOWNWARD = "downward"  # from the server alone


class Line(NamedTuple):
    act: Act
    data: bytes = b""
    times: int = 1  # of datagrams of media
    every: float = 0.0  # seconds between two


@dataclass(frozen=True, slots=True)
class Talk:
    """``host``: the server's name, which the client asks for first; ``asks`` False: it has the address from
    elsewhere. ``youngest``: the youngest of the bands 6-9 and up in which it goes through.
    """

    id: str
    transport: str  # "udp" or "tcp"
    host: str
    port: int
    lines: tuple[Line, ...]
    source: str  # the document that the bytes are from
    youngest: AgeBand = AgeBand.AGE_10_12
    asks: bool = True
    before: tuple[str, ...] = ()  # names that the device asks for ahead of it
    alpn: tuple[str, ...] = ()
    slow: bool = False


def said(data: bytes) -> Line:
    return Line(Act.CLIENT, data)


def heard(data: bytes) -> Line:
    return Line(Act.SERVER, data)


TLS = Line(Act.TLS)


def rest(seconds: float) -> Line:
    return Line(Act.REST, every=seconds)


def media(act: Act, data: bytes, times: int, every: float) -> Line:
    return Line(act, data, times, every)


def noise(seed: str, size: int) -> bytes:
    """The same on both sides."""
    return random.Random(seed).randbytes(size)
