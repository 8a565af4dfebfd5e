"""Devices that an adult's proof opened: they close again by themselves, at once and all that they refuse.

The end goes by the clock on the wall, as a family reads it, and moves with it as all that is given. While the
time is unknown nothing of before holds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.policy.adultproof import AdultProof, longest
from gateway.policy.jumps import Jump

if TYPE_CHECKING:
    from gateway.daemon.main import Daemon
    from gateway.loop import Timer

PERIOD = 60.0  # seconds; a clock that is set meanwhile is noticed within them
MOST = 32  # devices at a time: a party has fewer phones


class Adults:
    def __init__(self, daemon: Daemon) -> None:
        """Before the first grouping of devices: what is over has ended by then."""
        self._daemon = daemon
        self._timer: Timer | None = None
        now, known = daemon.clock.now(), daemon.watch.known
        # By an unknown clock of another start nobody can say how much is left of one.
        kept = {mac: one for mac, one in daemon.store.proofs.all().items() if one.sure or known}
        if known:
            kept = {
                mac: one
                for mac, one in kept.items()
                # The clock may have been put back while nothing ran.
                if one.at <= now < one.until <= now + longest(one.method)
            }
        daemon.store.proofs.keep(kept)

    def start(self) -> None:
        self._wait()

    def of(self, mac: str) -> AdultProof | None:
        """What opens the device now."""
        return self._daemon.store.proofs.all().get(mac) if mac in self._daemon.family.opened else None

    def is_full(self, mac: str) -> bool:
        proofs = self._daemon.store.proofs.all()
        return mac not in proofs and len(proofs) >= MOST

    def begin(self, one: AdultProof, *, who: str, origin: str) -> None:
        daemon = self._daemon
        until = one.until.astimezone(daemon.rules.household.config.zone)
        told = f"{one.mac} until {until.isoformat(timespec='minutes')}"
        daemon.store.proofs.put(one, told=told, who=who, origin=origin)
        daemon.reassign()
        self._tell(one, "opened")
        self._wait()

    def end(self, one: AdultProof, *, by: str, origin: str) -> None:
        """Before its time."""
        daemon = self._daemon
        daemon.store.proofs.end(one.mac, by=by, at=daemon.clock.now(), origin=origin)
        daemon.reassign()
        self._tell(one, "ended")
        self._wait()

    def look(self) -> None:
        """What is over since the last look."""
        daemon, now = self._daemon, self._daemon.clock.now()
        over = [one for one in daemon.store.proofs.all().values() if one.until <= now]
        if over:
            gone = {one.mac for one in over}
            proofs = daemon.store.proofs.all().items()
            daemon.store.proofs.keep({mac: one for mac, one in proofs if mac not in gone})
            daemon.reassign()
        for one in over:
            self._tell(one, "over")
        self._wait()

    def shift(self, jump: Jump) -> bool:
        """The clock was set, or became known; whether a device opens or closes by that."""
        daemon = self._daemon
        before = dict(daemon.store.proofs.all())
        moved = daemon.store.proofs.shift(jump.seen_in(daemon.rules.household.config.zone))
        for mac in before.keys() - daemon.store.proofs.all().keys():
            self._tell(before[mac], "over")
        self._wait()
        return bool(before) and (moved or jump.was_known != jump.known)

    def _tell(self, one: AdultProof, what: str) -> None:
        daemon = self._daemon
        daemon.control.publish(
            "adult_proof",
            device=one.mac,
            name=daemon.presence.here.name_of(one.mac),
            what=what,
            method=one.method,
            by=one.by or None,
            until=one.until.astimezone(daemon.rules.household.config.zone),
        )

    def _wait(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        ends = [one.until for one in self._daemon.store.proofs.all().values()]
        if ends:
            left = (min(ends) - self._daemon.clock.now()).total_seconds()
            self._timer = self._daemon.loop.call_later(max(0.0, min(PERIOD, left)), self.look)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
