"""Detects whether the internet connection works, so that the filter is not blamed for an outage.

It sends nothing. It observes the default route, servers that answer devices, DNS answers, and the counters of
the uplink interfaces. If there is no traffic, the state is unknown.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from gateway.core.bus import Bus
from gateway.core.loop import Loop, Timer
from gateway.lan.uplink import Traffic, Uplink, read_uplink
from gateway.path.addresses import AddressBook

PERIOD = 5.0  # seconds between two looks
KEPT = 300.0  # seconds for which a server's answer counts as evidence
BUSY = 50_000  # bytes in a period that only a working connection brings; modem errors have some 100
SILENCE = 20.0  # seconds without a packet from outside, not even from the modem
UNHEARD = 30  # packets sent without any answer; fewer may need none
PATIENCE = 45.0  # seconds for which queries lack answers; resolvers try for some 20
QUESTIONS = 20  # queries of devices; they send up to three a name, of which two may rightly get no address
ANSWERED = 0.2  # share of the queries; the resolver of a dead connection still answers from its cache

_log = logging.getLogger(__name__)


class InternetState(StrEnum):
    """Whether the internet connection works."""

    WORKS = "works"
    DOWN = "down"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Evidence:
    """Counters since the start."""

    passed: int = 0  # connections that a server answered
    questions: int = 0  # DNS queries of devices that were forwarded
    answers: int = 0  # DNS answers with addresses


@dataclass(frozen=True, slots=True)
class UplinkChanged:
    """Other interfaces are the uplink now."""


class AnswerBook(AddressBook):
    """Counts what it learns from answers to the queries of devices."""

    def __init__(self) -> None:
        super().__init__()
        self.answers = 0

    def learn(self, key: int | str, addresses: list[bytes], ttl: float, now: float) -> None:
        if addresses and isinstance(key, int):
            self.answers += 1
        super().learn(key, addresses, ttl, now)


class InternetJudge:
    """Judges the state from observations, without I/O."""

    def __init__(self) -> None:
        self.state = InternetState.UNKNOWN
        self._evidence = Evidence()
        self._traffic: Traffic | None = None
        self._good = 0.0  # when a server answered last
        self._silent: tuple[float, int] | None = None  # since when, and packets sent until then
        self._lacking: tuple[float, Evidence] | None = None  # since when, and the counters at that time
        self._asked = 0.0  # when a device sent a query last

    def see(self, uplink: Uplink, evidence: Evidence, now: float) -> InternetState:
        """Return the state after an observation. ``now``: seconds, monotonic."""
        answered = evidence.passed > self._evidence.passed or self._is_busy(uplink.traffic)
        silent = self._is_silent(uplink.traffic, now)
        lacking = self._lacks_answers(evidence, now) and uplink.traffic is not None
        self._evidence, self._traffic = evidence, uplink.traffic
        if not uplink.names:
            self.state = InternetState.DOWN
        elif answered:
            self._good, self._lacking = now, None
            self.state = InternetState.WORKS
        elif silent or lacking:
            self.state = InternetState.DOWN
        elif self.state is not InternetState.WORKS or now - self._good > KEPT:
            self.state = InternetState.UNKNOWN
        return self.state

    def _is_busy(self, traffic: Traffic | None) -> bool:
        last = self._traffic
        if traffic is None or last is None:
            return False
        return traffic.received_bytes - last.received_bytes >= BUSY

    def _is_silent(self, traffic: Traffic | None, now: float) -> bool:
        """Whether many packets were sent since the last one was received."""
        last = self._traffic
        if traffic is None or last is None or traffic.received != last.received or traffic.sent < last.sent:
            self._silent = None
            return False
        since, sent = self._silent = self._silent or (now - PERIOD, last.sent)
        return now - since >= SILENCE and traffic.sent - sent >= UNHEARD

    def _lacks_answers(self, evidence: Evidence, now: float) -> bool:
        """Whether devices keep sending queries that get no answer."""
        if evidence.questions != self._evidence.questions:
            self._asked = now
        since, then = self._lacking or (now, evidence)
        questions, answers = evidence.questions - then.questions, evidence.answers - then.answers
        if not questions or answers >= ANSWERED * questions or now - self._asked > KEPT:
            self._lacking = now, evidence
            return False
        return now - since >= PATIENCE and questions >= QUESTIONS


class Internet:
    """Observes every PERIOD seconds. ``since`` is when ``state`` changed last."""

    def __init__(
        self,
        loop: Loop,
        inside: Collection[str],
        evidence: Callable[[], Evidence],
        wall: Callable[[], datetime],
        bus: Bus,
    ) -> None:
        """``inside``: the interfaces that face the LAN."""
        self.state = InternetState.UNKNOWN
        self.since: datetime | None = None
        self._bus = bus
        self._loop = loop
        self._inside = inside
        self._evidence = evidence
        self._wall = wall
        self._line = InternetJudge()
        self._names: frozenset[str] = frozenset()
        self._timer: Timer | None = None

    def start(self) -> None:
        self.look()
        self._timer = self._loop.call_later(PERIOD, self.start)

    def look(self) -> None:
        try:
            uplink = read_uplink(self._inside)
        except OSError as error:
            _log.warning("Reading the uplink failed: %s. The state of the internet stays as it was.", error)
            return
        if uplink.names and uplink.names != self._names:
            self._names = uplink.names
            self._bus.publish(UplinkChanged())
        state = self._line.see(uplink, self._evidence(), self._loop.now())
        if state is self.state:
            return
        self.state, self.since = state, self._wall()
        if state is InternetState.DOWN:
            _log.warning("The internet is down: %s.", "no answers" if uplink.names else "no default route")
        self._bus.notify("status", what="internet", internet=state)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
