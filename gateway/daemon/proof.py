"""Proofs that run: what the gateway decides about a few sites while a child's own device tries them.

All of it is in memory, whatever the log level, and none of it is written down: a proof listens for three
minutes, what came of it can be read for ten, then it is gone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from gateway.codes import Code
from gateway.daemon.devices.member import Member
from gateway.errors import ControlError
from gateway.path.subject import Subject
from gateway.policy.conclude import refuses
from gateway.policy.grid import Grid
from gateway.policy.proofs import Check, bedtime, checks
from gateway.policy.values import Decision, Observation, Reason
from gateway.policy.ways import Way
from gateway.policy.why import question

if TYPE_CHECKING:
    from gateway.daemon.main import Daemon
    from gateway.loop import Timer

SECONDS = 180  # that one listens
KEPT = 600  # seconds that its lines can be read
MOST = 8  # at a time: more than a family does at once, a few hundred bytes each
TICK = 15  # seconds between two looks at whether one is over
DAYS = 7  # in which the next bedtime is looked for


class Proof:
    """One child's on one device."""

    def __init__(self, member: Member, mac: str, lines: tuple[Check, ...], began: float) -> None:
        self.profile = member.profile.id
        self.mac = mac
        self.slot = member.slot
        self.lines = lines
        self.began = began
        self.begun: float | None = None  # when the device was there
        self.ended: float | None = None  # when it had said the last
        self.over = False

    def left(self, now: float) -> int:
        """Seconds that it listens on."""
        return 0 if self.over else max(0, round(self.began + SECONDS - now))

    @property
    def took(self) -> int | None:
        """Seconds, once the device has said something of each line."""
        if self.begun is None or self.ended is None:
            return None
        return max(1, round(self.ended - self.begun))


class Proofs:
    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self._all: dict[str, Proof] = {}  # by MAC, the oldest first
        self._timer: Timer | None = None

    def start(self, member: Member, mac: str) -> Proof:
        """A new one of that device; raises ControlError where too many listen."""
        self.sweep()
        others = [one for key, one in self._all.items() if key != mac and not one.over]
        if len(others) >= MOST:
            msg = "proof: others run; wait until one has ended"
            raise ControlError(msg).coded(Code.BUSY)
        self._all.pop(mac, None)
        while len(self._all) >= MOST:
            self._all.pop(next(key for key, one in self._all.items() if one.over))
        proof = self._all[mac] = Proof(member, mac, self._lines(member), self._daemon.loop.now())
        self._listen()
        self._look_later()
        return proof

    def _look_later(self) -> None:
        """One timer for all, however often somebody tries again."""
        if self._all and self._timer is None:
            self._timer = self._daemon.loop.call_later(TICK, self._look)

    def _look(self) -> None:
        self._timer = None
        self.sweep()
        self._look_later()

    def of_device(self, mac: str) -> Proof | None:
        self.sweep()
        return self._all.get(mac)

    def of_child(self, profile: str) -> Proof | None:
        """The last one."""
        self.sweep()
        return next((one for one in reversed(self._all.values()) if one.profile == profile), None)

    def arrived(self, proof: Proof) -> None:
        """The device is there: from now on it tries."""
        if proof.begun is None:
            proof.begun = self._daemon.loop.now()

    def tell(self, proof: Proof, reached: Mapping[str, bool]) -> None:
        """What the device's browser says of sites."""
        self.arrived(proof)
        now = self._daemon.loop.now()
        for line in proof.lines:
            if line.host in reached and not proof.over:
                line.reached = reached[line.host]
        if proof.ended is None and all(line.reached is not None for line in proof.lines if line.host):
            proof.ended = now

    def end(self, proof: Proof) -> None:
        """It listens no more; what came of it can still be read."""
        proof.over = True
        self._listen()

    def sweep(self) -> None:
        now = self._daemon.loop.now()
        for proof in [one for one in self._all.values() if now - one.began >= KEPT]:
            del self._all[proof.mac]
        for proof in self._all.values():
            proof.over = proof.over or now - proof.began >= SECONDS
        self._listen()

    def _listen(self) -> None:
        running = any(not one.over for one in self._all.values())
        self._daemon.journal.witness = self._decided if running else None

    def _decided(self, subject: Subject, seen: Observation, decision: Decision, at: datetime) -> None:  # noqa: ARG002
        for proof in self._all.values():
            if proof.slot == subject.slot and not proof.over:
                for line in proof.lines:
                    if seen.host and line.host == seen.host:
                        line.saw(decision)

    def _lines(self, member: Member) -> tuple[Check, ...]:
        rules, now = self._daemon.rules, self._daemon.local_now()
        decide = _asker(member, now)
        country = rules.household.config.country
        help_hosts = [str(one["web"]) for one in rules.help_lines(country) if one["web"]]
        refused = refuses(member.profile.rules, Way.ENCRYPTED_DNS)
        catalogue = rules.world.catalogue
        sites, open_site, dns, help_line = checks(
            member.profile, catalogue, decide, help_hosts, way_refused=refused
        )
        begins = self._next_bedtime(member, now)
        then = None if begins is None else _asker(member, begins)("example.com")
        return (sites, open_site, dns, bedtime(decide, begins, then), help_line)

    def _next_bedtime(self, member: Member, now: datetime) -> datetime | None:
        grid = Grid(member.profile, self._daemon.rules.calendar)
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
        for ahead in range(DAYS):
            day = midnight + timedelta(days=ahead)
            for one in grid.internet(day.date()):
                at = (day + timedelta(minutes=one.start)).replace(tzinfo=now.tzinfo)
                if one.state == Reason.BEDTIME and at > now:
                    return at
        return None


def _asker(member: Member, at: datetime) -> Callable[[str], Decision]:
    def decide(host: str) -> Decision:
        return member.judge.decide(question(host), member.situation, at)

    return decide
