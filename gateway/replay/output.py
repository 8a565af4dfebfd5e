"""The results of a replay: what the traffic of a capture asked for, and counts of the other frames."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.policy.values import Decision, Proto


@dataclass(frozen=True, slots=True)
class ReplayedRequest:
    """A DNS query, a ClientHello, an HTTP request or a tunnel, and the decision."""

    time: float | None  # seconds since 1970; None if the capture has none
    proto: Proto
    src: bytes  # packed, 4 or 16 bytes; the client
    sport: int
    dst: bytes
    dport: int
    host: str | None
    decision: Decision


@dataclass(slots=True)
class FrameTally:
    """Counts of all frames, and of those without a result."""

    frames: int = 0
    cut: int = 0  # shorter than on the wire
    broken: int = 0  # invalid packets
    foreign: int = 0  # of an unsupported link type
    decoys: int = 0  # wrong checksums
