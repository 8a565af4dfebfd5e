"""Site repairs: blocked hosts that one site needs pass for some minutes, and are recorded.

Afterwards a guardian chooses which of them stay allowed. Until then the record is in memory only. A repair is
bound to devices of one child and ends by the event loop's clock, which cannot be set. A restart of the daemon
ends it without a result.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from gateway.control.contract.site_repair import SiteRepair
from gateway.core.bus import Publish
from gateway.core.loop import Timer
from gateway.household.context import Effects, HomeContext
from gateway.household.members import Family, Member
from gateway.lists.public_suffixes import lazy_public_suffix_check
from gateway.path.addresses import AddressBook, NameBook
from gateway.path.subject import Decide
from gateway.policy.names.hosts import PublicSuffixCheck
from gateway.policy.requests.site_repair import LONGEST, RepairLog
from gateway.policy.time.time_rules import ActiveRepair
from gateway.policy.values import Decision, Observation, Proto

MAX_REPAIRS = 8  # one a child; 200 names of 150 bytes each
UNANSWERED = 1800.0  # seconds after its planned end in which a guardian may choose what stays allowed


@dataclass(slots=True)
class RepairRecord:
    """The site repair of one child, running or just over: its site, devices, end and recorded hosts."""

    profile: str
    macs: frozenset[str]  # of the devices on which it runs
    by: str
    repair: ActiveRepair
    ends: float  # by the loop's clock
    notes: RepairLog = field(init=False)
    runs: bool = True
    suffix: PublicSuffixCheck = field(
        default_factory=lazy_public_suffix_check
    )  # reads each top-level name once

    def __post_init__(self) -> None:
        self.notes = RepairLog(self.repair)


class RepairBook:
    """Stores the site repairs by profile, for the packet path to read. Only ``SiteRepairs`` changes them."""

    def __init__(self, publish: Publish) -> None:
        self._publish = publish
        self.repairs: dict[str, RepairRecord] = {}  # by profile

    def repair_of(self, member: Member) -> ActiveRepair | None:
        """Return the site repair that runs on the device of ``member``, or None.

        None also if the owner of the device is uncertain, if it is the device of a filter test, or if
        ``member`` has several devices.
        """
        running = self._running_on(member)
        return None if running is None else running.repair

    def decide_of(self, member: Member) -> Decide:
        """Return the function that decides about the connections and DNS queries of ``member``, a device.

        During a site repair it also records the host names that the repair opens or that stay
        blocked, and publishes an event for each one that is new or newly proposed as an allow entry.
        """
        running = self._running_on(member)
        if running is None:
            return member.decide

        def heard(seen: Observation, at: datetime) -> Decision:
            decision = member.decide(seen, at)
            if running.notes.record(seen, decision, at):
                self._publish("lesson", profile=running.profile)
            return decision

        return heard

    def _running_on(self, member: Member) -> RepairRecord | None:
        """Return the site repair that runs on the device of ``member``, or None.

        None also if the owner of the device is uncertain, if it is the device of a filter test, or if
        ``member`` has several devices.
        """
        running = self.repairs.get(member.profile.id)
        if (
            running is None
            or not running.runs
            or member.asked
            or member.quarantined
            or member.probe is not None
        ):
            return None
        return running if len(member.macs) == 1 and member.macs[0] in running.macs else None


class SiteRepairs:
    """Starts and ends site repairs, and applies each change to running connections.

    ``addresses`` and ``names``: which host name had which IP address, by device.
    """

    def __init__(
        self,
        home: HomeContext,
        effects: Effects,
        book: RepairBook,
        family: Family,
        addresses: AddressBook,
        names: NameBook,
    ) -> None:
        self._home = home
        self._effects = effects
        self._book = book
        self._family = family
        self._addresses = addresses
        self._names = names
        self._timer: Timer | None = None

    def of(self, profile: str) -> RepairRecord | None:
        return self._book.repairs.get(profile)

    def describe(self, profile: str) -> SiteRepair | None:
        """Return the child's site repair that runs, or that needs a guardian's choice; None without one."""
        running = self._book.repairs.get(profile)
        if running is None:
            return None
        zone = self._home.rules.household.config.zone
        return SiteRepair(
            state="runs" if running.runs else "over",
            host=running.repair.site,
            until=running.repair.until.astimezone(zone),
            by=running.by,
            devices=tuple(sorted(running.macs)),
        )

    def is_full(self, profile: str) -> bool:
        return (
            profile not in self._book.repairs
            and sum(record.runs for record in self._book.repairs.values()) >= MAX_REPAIRS
        )

    def begin(self, profile: str, repair: ActiveRepair, macs: frozenset[str], by: str) -> RepairRecord:
        """Start a site repair on the devices ``macs`` and return it.

        The child's previous one ends without a result. If MAX_REPAIRS are stored, the oldest ended one is
        deleted.
        """
        self.forget(profile)
        over = [record for record in self._book.repairs.values() if not record.runs]
        if len(self._book.repairs) >= MAX_REPAIRS and over:
            self.forget(min(over, key=lambda record: record.ends).profile)
        ends = self._home.loop.now() + LONGEST.total_seconds()
        running = self._book.repairs[profile] = RepairRecord(profile, macs, by, repair, ends)
        self._change(running)
        self._wait()
        return running

    def end(self, profile: str) -> None:
        """End a child's site repair: what only it opened is blocked again.

        Its record of hosts stays until a guardian has chosen. Does nothing if none runs.
        """
        running = self._book.repairs.get(profile)
        if running is not None and running.runs:
            running.runs = False
            self._change(running)
            self._wait()

    def forget(self, profile: str) -> None:
        self.end(profile)
        self._book.repairs.pop(profile, None)

    def _change(self, running: RepairRecord) -> None:
        """Apply the begin or end of a site repair to devices and connections, and publish an event."""
        for member in self._family.members.values():
            if not running.macs.isdisjoint(member.macs):
                self._family.renew_subject(member)
        self._effects.sync_gates()
        if not running.runs:
            self._unlearn(running)
            self._effects.rejudge()
        self._home.publish("lesson", profile=running.profile)

    def _unlearn(self, running: RepairRecord) -> None:
        """Forget the IP addresses of host names that are blocked again, on the site repair's devices."""
        now = self._home.now()
        for member in self._family.members.values():
            if running.macs.isdisjoint(member.macs):
                continue
            refused = {
                name
                for name in running.notes.lifted()
                if not member.decide(Observation(Proto.DNS, name), now).allowed
            }
            self._addresses.drop(member.slot, self._names.remove_hosts(member.slot, refused))

    def look(self) -> None:
        """End the site repairs that are over, and set the timer for the next look.

        Delete those for which no guardian has chosen UNANSWERED seconds after their planned end.
        """
        now = self._home.loop.now()
        for record in list(self._book.repairs.values()):
            if record.runs and now >= record.ends:
                self.end(record.profile)
            if now >= record.ends + UNANSWERED:
                self.forget(record.profile)
        self._wait()

    def _wait(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._book.repairs:
            due = min(
                record.ends + (0.0 if record.runs else UNANSWERED) for record in self._book.repairs.values()
            )
            self._timer = self._home.loop.call_later(max(0.0, due - self._home.loop.now()), self.look)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
