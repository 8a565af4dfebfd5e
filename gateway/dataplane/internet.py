"""Detects whether the internet connection works, so that users do not blame the filter for an outage.

The detection is passive. It uses the default route, answers of servers to devices, DNS answers, and the
counters of the uplink interfaces. Without a default route the state is "down", without evidence "unknown".
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
from gateway.path.earlier_answers import EarlierAnswers

PERIOD = 5.0  # seconds between two checks
KEPT = 300.0  # seconds for which a server's answer counts as evidence
BUSY = 50_000  # bytes received in PERIOD that prove a connection; errors from the modem have about 100
SILENCE = 20.0  # seconds without a received packet, not even one from the modem
UNHEARD = 30  # packets sent without an answer; fewer may need none
PATIENCE = 45.0  # seconds of unanswered queries; resolvers retry for about 20
QUESTIONS = 20  # minimum queries; devices send up to three per name, of which two may get no address
ANSWERED = 0.2  # share of answered queries; without internet a resolver still answers from its cache

_log = logging.getLogger(__name__)


class InternetState(StrEnum):
    """Whether the internet connection works."""

    WORKS = "works"
    DOWN = "down"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Evidence:
    """Counters since the daemon's start, by which connections and DNS queries prove a working internet."""

    passed: int = 0  # connections that a server answered
    questions: int = 0  # DNS queries of devices that were forwarded
    answers: int = 0  # DNS answers with addresses


@dataclass(frozen=True, slots=True)
class UplinkChanged:
    """Event: other interfaces have the internet connection (uplink) now.

    Also published for the first ones; not if there are none.
    """


class AnswerBook(AddressBook):
    """An address book that counts, in ``answers``, the DNS answers with addresses that it stores for slots.

    These are answers to devices, and to the gateway's own queries for names that devices use.
    """

    def __init__(self, earlier: EarlierAnswers | None = None) -> None:
        super().__init__(earlier=earlier)
        self.answers = 0

    def learn(self, key: int | str, addresses: list[bytes], ttl: float, now: float) -> None:
        if addresses and isinstance(key, int):
            self.answers += 1
        super().learn(key, addresses, ttl, now)


class InternetJudge:
    """Decides whether the internet works, from the uplink's counters and other evidence, without I/O."""

    def __init__(self) -> None:
        self.state = InternetState.UNKNOWN
        self._evidence = Evidence()
        self._traffic: Traffic | None = None
        self._good = 0.0  # time of the last answer of a server, or of much received traffic
        self._silent: tuple[float, int] | None = None  # start of the silence, and packets sent before
        self._lacking: tuple[float, Evidence] | None = None  # start of unanswered queries, and counters then
        self._asked = 0.0  # time of the last query of a device

    def see(self, uplink: Uplink, evidence: Evidence, now: float) -> InternetState:
        """Return the state of the internet after an observation. ``now``: monotonic seconds."""
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
        """Return whether many packets were sent, in SILENCE seconds or more, since the last received one."""
        last = self._traffic
        if traffic is None or last is None or traffic.received != last.received or traffic.sent < last.sent:
            self._silent = None
            return False
        since, sent = self._silent = self._silent or (now - PERIOD, last.sent)
        return now - since >= SILENCE and traffic.sent - sent >= UNHEARD

    def _lacks_answers(self, evidence: Evidence, now: float) -> bool:
        """Return whether too few queries of devices were answered for PATIENCE seconds or more.

        That is less than the share ANSWERED, of QUESTIONS queries or more.
        """
        if evidence.questions != self._evidence.questions:
            self._asked = now
        since, then = self._lacking or (now, evidence)
        questions, answers = evidence.questions - then.questions, evidence.answers - then.answers
        if not questions or answers >= ANSWERED * questions or now - self._asked > KEPT:
            self._lacking = now, evidence
            return False
        return now - since >= PATIENCE and questions >= QUESTIONS


class Internet:
    """Checks every PERIOD seconds whether the internet works, and notifies the pages of changes.

    Also publishes `UplinkChanged`. ``state``: the result. ``since``: the time of the last change; None before
    the first one. If the uplink cannot be read, the state stays as it was.
    """

    def __init__(
        self,
        loop: Loop,
        inside: Collection[str],
        evidence: Callable[[], Evidence],
        wall: Callable[[], datetime],
        bus: Bus,
    ) -> None:
        """Prepare the checks; `start` begins them. ``inside``: the LAN interfaces."""
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
