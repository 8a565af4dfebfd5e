"""An audit's device: a throw-away one with somebody's rules, on which the ways around them are tried.

The kernel has it as it has any other slot. The family has not: whatever stores, logs, counts, meters or tells
goes by `Family.members` and the inventory, and it is in neither. All that is known of it is here, in memory,
and gone when the audit ends.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from gateway.codes import Code
from gateway.control.protocol import WhenGone
from gateway.daemon import lan
from gateway.daemon.devices.member import Member, Worn
from gateway.daemon.events import OutsideDecision
from gateway.errors import ControlError, GatewayError
from gateway.files import disk_words, write_whole
from gateway.home import neighbours
from gateway.kernel.marks import valid_slot
from gateway.policy.values import Decision, Observation, Reason

if TYPE_CHECKING:
    from gateway.daemon.main import Daemon
    from gateway.loop import Timer

SECONDS = 300  # that one lasts at most; forty checks take a minute or two
MAX_SEEN = 1024  # decisions, the latest: with the longest names and rules they fit one answer (ANSWER_LIMIT)
FILE = "audit"  # in the runtime directory, with the device's MAC and slot: after a kill they are nobody's

_log = logging.getLogger(__name__)


class Decided(NamedTuple):
    seen: Observation
    decision: Decision

    def told(self) -> Mapping[str, object]:
        """Of what is refused for everyone there is one outward reason, and no more."""
        seen, decision = self
        sealed = decision.reason is Reason.REFUSED_FOR_EVERYONE
        return {
            "proto": seen.proto,
            "host": seen.host,
            "dst": lan.text(seen.dst) if seen.dst else None,
            "dport": seen.dport,
            "verdict": decision.verdict,
            "reason": decision.reason,
            "rule": None if sealed else decision.rule,
        }


class _Running:
    def __init__(self, worn: Worn, interface: str | None) -> None:
        self.worn = worn
        self.interface = interface
        self.seen: deque[Decided] = deque(maxlen=MAX_SEEN)
        self.decided = 0
        self.timer: Timer | None = None


class Audit:
    """One at a time. It ends when it is told to, with the connection that began it, and after SECONDS."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self._running: _Running | None = None
        self._file = Path(daemon.rules.household.config.runtime) / FILE
        daemon.bus.subscribe(OutsideDecision, self._decided)
        self._after_a_kill()

    @property
    def interfaces(self) -> tuple[str, ...]:
        """What faces the home beside the family's own interfaces."""
        name = None if self._running is None else self._running.interface
        return () if name is None else (name,)

    def begin(self, who: str, mac: str, interface: str | None, when_gone: WhenGone) -> Member:
        """Raises GatewayError, with everything as it was."""
        daemon = self._daemon
        if self._running is not None:
            msg = "audit_begin: an audit runs already; wait until it has ended"
            raise ControlError(msg).coded(Code.BUSY)
        in_use = [key for key, slot in daemon.store.slots().items() if slot in daemon.family.members]
        running = self._running = _Running(Worn(who, mac, daemon.store.lend_slot(in_use)), interface)
        try:
            member = self._put_on(running)
        except GatewayError:
            self.end()
            raise
        running.timer = daemon.loop.call_later(SECONDS, self.end)
        when_gone(lambda: self._end_of(running))
        return member

    def _put_on(self, running: _Running) -> Member:
        daemon, worn = self._daemon, running.worn
        rules = daemon.rules
        member = daemon.family.wear(worn, rules.household, rules.world, daemon.clock.now())
        if member is None:
            msg = f"audit_begin: {worn.who} has no rules that an audit could try"
            raise ControlError(msg).coded(Code.NOT_FILTERED)
        self._note(worn)
        daemon.presence.ignore(worn.mac)
        daemon.own_answers.keep(daemon.family.everybody)
        daemon.own_answers.teach(worn.slot)
        daemon.packets.bind(frozenset({worn.slot}))
        daemon.packets.face(daemon.inside)
        daemon.apply()
        daemon.enforcer.sync()
        self._begin_anew(worn)
        return member

    def _begin_anew(self, worn: Worn) -> None:
        """What the device ran as a stranger, if its link was up; nobody else is looked at."""
        known = (one for one in self._daemon.presence.neighbours() if one.mac == worn.mac)
        slots = {lan.packed(one.ip): worn.slot for one in known}
        if slots:
            self._daemon.table.follow_devices(slots)

    def _now(self) -> _Running:
        """Raises ControlError where there is none."""
        if self._running is None:
            msg = "no audit runs; it may have ended by itself: begin another"
            raise ControlError(msg)
        return self._running

    def _decided(self, event: OutsideDecision) -> None:
        running = self._running
        if running is not None and event.subject.slot == running.worn.slot:
            running.decided += 1
            running.seen.append(Decided(event.seen, event.decision))

    def seen(self) -> tuple[list[Decided], int]:
        """What was decided, the oldest first, and how much more there was before."""
        running = self._now()
        return list(running.seen), running.decided - len(running.seen)

    def pause(self, *, paused: bool) -> None:
        self._now().worn.paused = paused
        self._daemon.enforcer.sync()

    def clear(self) -> None:
        """What one check taught and used up is not the next one's."""
        slot = self._now().worn.slot
        self._daemon.flows.table.forget(slot, settled=True)
        self._forget(slot)
        self._daemon.names.forget(slot)
        self._daemon.table.forget_rates(slot)
        self._daemon.own_answers.teach(slot)

    def _forget(self, slot: int) -> None:
        daemon = self._daemon
        for book in (daemon.book, daemon.services, daemon.own_answers, daemon.dns):
            book.forget(slot)

    def follow(self) -> None:
        """Rules or devices have changed: its rules are nobody's now, or its MAC is somebody's."""
        if self._daemon.family.worn is None:
            self.end()

    def _end_of(self, running: _Running) -> None:
        if self._running is running:
            self.end()

    def end(self) -> None:
        running, daemon = self._running, self._daemon
        if running is None:
            return
        self._running = None
        running.seen.clear()  # its connection may stay, and knows of it
        if running.timer is not None:
            running.timer.cancel()
        slot, mac = running.worn.slot, running.worn.mac
        daemon.family.take_off()
        daemon.own_answers.keep(daemon.family.everybody)
        daemon.packets.face(daemon.inside)
        for step in (
            daemon.apply,
            daemon.enforcer.sync,
            lambda: daemon.table.hand_over(slot, daemon.family.slot_of(mac)),
            lambda: daemon.table.forget_rates(slot),
        ):
            self._try(step)
        daemon.flows.table.forget(slot)
        daemon.live.forget(slot)
        daemon.proxy.forget(slot)
        daemon.enforcer.forget(slot)
        self._forget(slot)
        daemon.store.give_slot_back()
        self._drop_traces(mac)

    @staticmethod
    def _try(step: Callable[[], object]) -> None:
        """What cannot be undone keeps nothing else from it."""
        try:
            step()
        except GatewayError as error:
            _log.error("%s", error)

    def _note(self, worn: Worn) -> None:
        try:
            write_whole(self._file, f"{worn.mac} {worn.slot}".encode())
        except OSError as error:
            msg = f"audit_begin: {self._file} cannot be written ({disk_words(error)})"
            raise ControlError(msg) from None

    def _drop_traces(self, mac: str) -> None:
        """The kernel's neighbours, which would be listed for hours, and our own note."""
        self._daemon.presence.ignore(mac)
        try:
            known = (one for one in self._daemon.presence.neighbours() if one.mac == mac)
            neighbours.drop([(one.ip, one.ifindex) for one in known])
            self._file.unlink(missing_ok=True)
        except OSError as error:
            _log.error("traces of an audit stay: %s", error)

    def _after_a_kill(self) -> None:
        """A daemon that was killed left one."""
        try:
            mac, _, slot = self._file.read_text().partition(" ")
        except FileNotFoundError:
            return
        except (OSError, ValueError) as error:
            _log.error("%s cannot be read: %s", self._file, error)
            return
        if slot.isdecimal() and valid_slot(int(slot)):  # else it was killed while it wrote this
            self._try(lambda: self._daemon.table.hand_over(int(slot), 0))
        self._drop_traces(mac)

    def close(self) -> None:
        self.end()
