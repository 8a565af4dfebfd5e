"""What a replay tells: what was asked in a capture and what becomes of it, and what said nothing."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.policy.values import Decision, Proto


@dataclass(frozen=True, slots=True)
class Asked:
    """A DNS question, a ClientHello, an HTTP request or a tunnel, and what becomes of it."""

    time: float | None  # seconds since 1970; None where the capture keeps none
    proto: Proto
    src: bytes  # packed, 4 or 16 bytes: who asks
    sport: int
    dst: bytes
    dport: int
    host: str | None
    decision: Decision


@dataclass(slots=True)
class Tally:
    """Frames that say nothing here."""

    frames: int = 0
    cut: int = 0  # shorter than what was on the wire
    broken: int = 0  # no correct packet
    foreign: int = 0  # on a link that is not read
    decoys: int = 0  # wrong checksums
