"""The device of a bypass test: a temporary device that tries to bypass the rules of a child, guest or device.

The kernel filters it like any other device, by a slot (number) of its own. It is neither in `Family.members`
nor in the inventory, by which the daemon stores, logs, counts and reports. Only its MAC address and slot are
in a file, for a clean-up after a kill. All data about it is deleted when the test ends.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from gateway.control.protocol import WhenGone
from gateway.core.errors import ControlError, GatewayError
from gateway.core.files import write_atomically, write_error_text
from gateway.core.loop import Timer
from gateway.core.reason_codes import Code
from gateway.dataplane.dns_proxy import DnsProxy
from gateway.dataplane.gates import Gates
from gateway.dataplane.kernel_table import KernelTable
from gateway.dataplane.lookups import OwnAnswers
from gateway.dataplane.packets import PacketPath
from gateway.features.activity.journal import OutsideDecision
from gateway.household.context import Effects, HomeContext, HomeInterfaces
from gateway.household.members import Family, Member, ProbeAssignment
from gateway.household.presence import Presence
from gateway.kernel.marks import valid_slot
from gateway.lan import interfaces as lan
from gateway.lan import neighbours
from gateway.path.addresses import NameBook
from gateway.path.live_flows import LiveFlows
from gateway.policy.values import Decision, Observation
from gateway.store.tables.slots import SlotTable
from gateway.wire.flows.table import FlowTable

SECONDS = 300  # after which a bypass test ends; on a small router it takes some 60
MAX_SEEN = 1024  # latest decisions: with the longest names and rules they fit one answer (ANSWER_LIMIT)
FILE = "probe"  # in the runtime directory, with MAC and slot of the device, for a clean-up after a kill

_log = logging.getLogger(__name__)


class SlotCache(Protocol):
    def forget(self, slot: int, /) -> None: ...


@dataclass(frozen=True, slots=True)
class FilterPath:
    """The daemon's packet path, DNS and kernel table, for a bypass test. Each part serves all devices.

    The test adds its temporary device to them, and deletes their data about it.
    """

    packets: PacketPath
    table: KernelTable
    gates: Gates
    flows: FlowTable
    live: LiveFlows
    proxy: DnsProxy
    own_answers: OwnAnswers
    names: NameBook
    caches: tuple[SlotCache, ...]  # cleared between two checks of a test


class ProbedDecision(NamedTuple):
    """A decision about the temporary device of a bypass test: what was observed, and what was decided."""

    seen: Observation
    decision: Decision


class _Running:
    def __init__(self, assignment: ProbeAssignment) -> None:
        self.assignment = assignment
        self.seen: deque[ProbedDecision] = deque(maxlen=MAX_SEEN)
        self.decided = 0
        self.timer: Timer | None = None


class ProbeDevice:
    """Gives a temporary device the rules of a profile or device, and records the decisions about it.

    One bypass test runs at a time. It ends by a request, when the connection that began it closes, after
    SECONDS, and when these rules no longer exist or the temporary device's MAC address gets an owner.
    """

    def __init__(
        self,
        home: HomeContext,
        effects: Effects,
        family: Family,
        presence: Presence,
        path: FilterPath,
        interfaces: HomeInterfaces,
        slots: SlotTable,
    ) -> None:
        self._home = home
        self._effects = effects
        self._family = family
        self._presence = presence
        self._path = path
        self._interfaces = interfaces
        self._slots = slots
        self._running: _Running | None = None
        self._file = Path(home.rules.household.config.runtime) / FILE
        home.bus.subscribe(OutsideDecision, self._decided)

    def start(self) -> None:
        """Delete the kernel's slot and neighbour entries of a bypass test that ran at a kill of the daemon.

        Does nothing without such a test. Errors are logged.
        """
        try:
            mac, _, slot = self._file.read_text().partition(" ")
        except FileNotFoundError:
            return
        except (OSError, ValueError) as error:
            _log.error("Reading %s failed: %s.", self._file, error)
            return
        if slot.isdecimal() and valid_slot(int(slot)):  # an incomplete file has none
            self._try(lambda: self._path.table.hand_over(int(slot), 0))
        self._drop_traces(mac)

    def begin(self, who: str, mac: str, interface: str | None, when_gone: WhenGone) -> Member:
        """Begin a bypass test: give the device ``mac`` the rules of ``who`` (profile id or MAC address).

        ``interface``: counts as a LAN interface during the test; None: no further one. The test ends when
        ``when_gone`` reports that the requesting connection has closed, and after SECONDS. Return the
        device with its rules.

        Raises:
            GatewayError: the bypass test cannot begin, such as because one runs; everything is as before.
        """
        if self._running is not None:
            raise ControlError.of(Code.BUSY)
        in_use = [key for key, slot in self._slots.all().items() if slot in self._family.members]
        running = self._running = _Running(ProbeAssignment(who, mac, self._slots.lend(in_use)))
        self._interfaces.probe = interface
        try:
            member = self._put_on(running)
        except GatewayError:
            self.end()
            raise
        running.timer = self._home.loop.call_later(SECONDS, self.end)
        when_gone(lambda: self._end_of(running))
        return member

    def _put_on(self, running: _Running) -> Member:
        family, path, probe = self._family, self._path, running.assignment
        rules = self._home.rules
        member = family.assign_probe(probe, rules.household, rules.world, self._home.now())
        if member is None:
            raise ControlError.of(Code.NOT_FILTERED)
        self._note(probe)
        self._presence.ignore(probe.mac)
        path.own_answers.keep(family.everybody)
        path.own_answers.teach(probe.slot)
        path.packets.bind(frozenset({probe.slot}))
        path.packets.face(self._interfaces.names)
        self._effects.sync_table()
        self._effects.sync_gates()
        self._reset_connections(probe)
        return member

    def _reset_connections(self, probe: ProbeAssignment) -> None:
        """Reset the TCP connections that the test device opened before the bypass test, and no others.

        The kernel resets each at its next packet; UDP flows are only judged again. ``probe``: the
        test device, and the profile or device that gives it its rules.
        """
        known = (neighbour for neighbour in self._presence.neighbours() if neighbour.mac == probe.mac)
        slots = {lan.packed(neighbour.ip): probe.slot for neighbour in known}
        if slots:
            self._path.table.follow_devices(slots)

    def _now(self) -> _Running:
        """Return the running bypass test. Raises ControlError if there is none."""
        if self._running is None:
            msg = "no bypass test runs, or it has ended; begin another"
            raise ControlError(msg)
        return self._running

    def _decided(self, event: OutsideDecision) -> None:
        running = self._running
        if running is not None and event.subject.slot == running.assignment.slot:
            running.decided += 1
            running.seen.append(ProbedDecision(event.seen, event.decision))

    def seen(self) -> tuple[list[ProbedDecision], int]:
        """Return the latest decisions about the test device, oldest first, and the number of older ones.

        Raises ControlError if no test runs.
        """
        running = self._now()
        return list(running.seen), running.decided - len(running.seen)

    def pause(self, *, paused: bool) -> None:
        self._now().assignment.paused = paused
        self._effects.sync_gates()

    def clear(self) -> None:
        """Delete the flows, names, rate counts and caches that one check left, before the next check.

        Raises ControlError if no test runs.
        """
        slot, path = self._now().assignment.slot, self._path
        path.flows.forget(slot, settled=True)
        self._forget(slot)
        path.names.forget(slot)
        path.table.forget_rates(slot)
        path.own_answers.teach(slot)

    def _forget(self, slot: int) -> None:
        for cache in self._path.caches:
            cache.forget(slot)

    def follow(self) -> None:
        """End the bypass test if, after a change of rules or devices, the family no longer applies its rules.

        The reason may be that the rules are gone, or that the device's MAC address has an owner.
        """
        if self._family.probe_member is None:
            self.end()

    def _end_of(self, running: _Running) -> None:
        if self._running is running:
            self.end()

    def end(self) -> None:
        """End the bypass test, if one runs, and delete all data about its device."""
        running, path, family = self._running, self._path, self._family
        if running is None:
            return
        self._running = self._interfaces.probe = None
        running.seen.clear()  # the connection that began the bypass test may stay open, and refers to it
        if running.timer is not None:
            running.timer.cancel()
        slot, mac = running.assignment.slot, running.assignment.mac
        family.release_probe()
        path.own_answers.keep(family.everybody)
        path.packets.face(self._interfaces.names)
        for step in (
            self._effects.sync_table,
            self._effects.sync_gates,
            lambda: path.table.hand_over(slot, family.slot_of(mac)),
            lambda: path.table.forget_rates(slot),
        ):
            self._try(step)
        path.flows.forget(slot)
        path.live.forget(slot)
        path.proxy.forget(slot)
        path.gates.forget(slot)
        self._forget(slot)
        self._slots.give_back()
        self._drop_traces(mac)

    @staticmethod
    def _try(step: Callable[[], object]) -> None:
        """Run one step of a clean-up. Log its error, so that the other steps still run."""
        try:
            step()
        except GatewayError as error:
            _log.error("%s", error)

    def _note(self, probe: ProbeAssignment) -> None:
        """Store MAC address and slot (number) of the test device in a file, for a clean-up after a kill.

        Raises ControlError if the file cannot be written.
        """
        try:
            write_atomically(self._file, f"{probe.mac} {probe.slot}".encode())
        except OSError as error:
            msg = f"probe_begin: {self._file} cannot be written ({write_error_text(error)})"
            raise ControlError(msg) from None

    def _drop_traces(self, mac: str) -> None:
        """Delete the kernel's neighbour entries of the test device, and the stored file. Errors are logged.

        The kernel would keep the entries for hours.
        """
        self._presence.ignore(mac)
        try:
            known = (neighbour for neighbour in self._presence.neighbours() if neighbour.mac == mac)
            neighbours.drop([(neighbour.ip, neighbour.ifindex) for neighbour in known])
            self._file.unlink(missing_ok=True)
        except OSError as error:
            _log.error("Removing the traces of a filter test failed: %s.", error)

    def close(self) -> None:
        self.end()
