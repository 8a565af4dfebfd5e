"""The verbs `changes` and `own_changes`: today's changes by guardians with undo, and those of a child."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import islice

from gateway.control.contract.rules import (
    CHANGES,
    OWN_CHANGES,
    ChangedDevice,
    FamilyChange,
    FamilyChanges,
    OwnChangesRequest,
    UndoAction,
)
from gateway.control.protocol import Call
from gateway.control.router import Router
from gateway.control.verbs import NoValues
from gateway.features.accounts.access import Access
from gateway.features.activity.traffic import CHILD_MINUTES
from gateway.features.activity.traffic_verbs import WATCHED
from gateway.features.devices.assignment import ASSIGN, IDENTIFY, WAS
from gateway.features.rules.edit_history import EditHistory, RuleChange, changed_values
from gateway.household.context import HomeContext
from gateway.household.members import BY_GUARDIANS
from gateway.household.presence import SeenDevices
from gateway.household.visibility import Visibility
from gateway.policy.identity.macs import parse_mac
from gateway.policy.judge.target_names import target_name
from gateway.policy.profile.edits import ChangedEntry
from gateway.policy.profile.rules import ALL, NAMES_LEVEL, SERVICE
from gateway.store.tables.audit import ReadAudit
from gateway.store.tables.grants import GrantKind, GrantRow, GrantTable
from gateway.store.tables.pauses import InForce

SHOWN = 50  # newest first
OWN_SHOWN = 6  # of a child's own: each costs parsing a file
AUDIT_LINES = 400  # that are read: more than the changes of a busy day
SAME_CHANGE = timedelta(seconds=5)  # between the edit of a file and the line in the log about it
DEVICE_KEYS = ("devices", "shared", "managed")


class ChangeVerbs:
    """Returns today's changes by guardians: pauses, extra time, opened sites, owners of devices, rules.

    ``state``: returns the pauses in force at a time and day, and whether filtering is off. ``read``: returns
    the latest audit lines. ``place_of``: returns a device's present owner or place.
    """

    def __init__(
        self,
        home: HomeContext,
        state: Callable[[datetime, date], InForce],
        read: ReadAudit,
        place_of: Callable[[str], str],
        table: GrantTable,
        visibility: Visibility,
        here: SeenDevices,
        access: Access,
    ) -> None:
        self._home = home
        self._state = state
        self._read = read
        self._place_of = place_of
        self._table = table
        self._visibility = visibility
        self._here = here
        self._access = access

    def register(self, router: Router) -> None:
        router.serve(CHANGES, self.changes)
        router.serve(OWN_CHANGES, self.own_changes)

    def own_changes(self, call: Call[OwnChangesRequest]) -> FamilyChanges:
        """Return the latest edits of a person's rule file with author and reason, at every log level and age.

        Also return when a guardian looked at the live traffic of one of that person's devices; OWN_SHOWN of
        each at most. ``id``: the person; without it, the child of the requesting device. None has an undo.
        """
        if call.args.id is not None:
            child = self._home.rules.household.profile(call.args.id)
        else:
            child = self._access.child(call).profile
        now = self._home.local_now()
        edits = islice(EditHistory(self._home.rules).of_person(child.id), OWN_SHOWN)
        found = [self._rule_change(change, now) for change in edits]
        found += islice(self._watched(child.id, now), OWN_SHOWN)
        return FamilyChanges(changes=tuple(sorted(found, key=lambda change: change.at, reverse=True)))

    def _watched(self, child: str, now: datetime) -> Iterator[FamilyChange]:
        """Yield an entry for each time that a guardian began to see a child's live traffic, newest first."""
        for line in self._read(AUDIT_LINES):
            if line.what == WATCHED and line.detail.startswith(f"{child} "):
                mac = line.detail.rpartition(" ")[2]
                device = ChangedDevice(mac=mac, name=self._here.name_of(mac) or mac)
                change = self._describe("traffic", child, line.who, line.at, now, minutes=CHILD_MINUTES)
                yield replace(change, devices=(device,))

    def changes(self, _call: Call[NoValues]) -> FamilyChanges:
        """Return what guardians set today, and all pauses that last, newest first, at most SHOWN.

        Each has its undo, if it can be undone. A switched-off filter is among them too. Pauses, extra time
        and opened sites of a removed child are left out.
        """
        now = self._home.local_now()
        today = self._home.rules.calendar.family_day(now)
        found = [
            *self._switches(now, today),
            *self._grants(now, today),
            *self._openings(now, today),
        ]
        devices = tuple(self._assigned(now, today))
        found += [*devices, *self._edits(now, today, devices)]
        found.sort(key=lambda change: change.at, reverse=True)
        return FamilyChanges(changes=tuple(found[:SHOWN]))

    def _switches(self, now: datetime, today: date) -> Iterator[FamilyChange]:
        """Yield the pauses in force and a switched-off filter, whenever they were set, each with its undo."""
        state = self._state(now, today)
        for pause in state.pauses:
            if not self._is_known(pause.who):
                continue
            undo = UndoAction(do="resume", who=pause.who)
            yield self._describe("pause", pause.who, pause.by, pause.since, now, until=pause.until, undo=undo)
        if state.off is not None:
            off = state.off
            undo = UndoAction(do="on")
            yield self._describe("off", ALL, off.by, off.since, now, until=off.until and off.ends, undo=undo)

    def _grants(self, now: datetime, today: date) -> Iterator[FamilyChange]:
        """Yield the extra time that guardians gave today, including revoked grants, with an undo if any.

        Extra time by a child's private request is left out once it has ended.
        """
        by_number: dict[int, list[GrantRow]] = {}
        for given in self._table.given():
            if given.day == today and given.kind in BY_GUARDIANS and self._is_known(given.who):
                by_number.setdefault(given.grant, []).append(given)
        for number, rows in by_number.items():
            first = rows[0]
            who = first.who if len({given.who for given in rows}) == 1 else ALL
            in_force = any(given.holds(now, today) for given in rows)
            by_request = first.kind is GrantKind.REQUEST and self._visibility.level(first.who) < NAMES_LEVEL
            if by_request and not in_force:
                continue  # the child's request is private, and nothing is left to undo
            ends = [given.until for given in rows if given.until is not None]
            yield self._describe(
                "grant", who, first.by, first.at, now,
                minutes=max(given.minutes for given in rows),
                thing=f"{SERVICE}{first.service}" if first.service else None,
                until=max(ends, default=None), ended=not in_force,
                undo=UndoAction(do="revoke", grant=number) if in_force else None,
            )  # fmt: skip

    def _openings(self, now: datetime, today: date) -> Iterator[FamilyChange]:
        """Yield the sites and services that guardians opened temporarily and that are open now."""
        for opening in self._table.in_force(now, today)[1]:
            if not self._is_known(opening.who):
                continue
            yield self._describe(
                "open", opening.who, opening.by, opening.at, now,
                thing=opening.entry, until=opening.until,
                undo=UndoAction(do="revoke", grant=opening.grant),
            )  # fmt: skip

    def _is_known(self, who: str) -> bool:
        """Return whether ``who`` is all children, a device, or a person with a profile."""
        return who == ALL or parse_mac(who) is not None or who in self._home.rules.household.profiles

    def _assigned(self, now: datetime, today: date) -> Iterator[FamilyChange]:
        """Yield the devices that got another owner or place today, as far as no edit of a file shows it.

        The last assignment of a device has an undo while it still applies.
        """
        seen: set[str] = set()
        zone, day_of = now.tzinfo, self._home.rules.calendar.family_day
        for line in self._read(AUDIT_LINES):
            if day_of(line.at.astimezone(zone)) != today:
                return
            assigned, _, was = line.detail.partition(WAS)
            if line.what not in (ASSIGN, IDENTIFY) or not was:
                continue
            mac, *_, place = assigned.split(" ")
            is_last = mac not in seen and self._place_of(mac) == place
            seen.add(mac)
            change = self._describe(
                "device", place, line.who, line.at, now, undo=UndoAction(do="assign", mac=mac, profile=was)
            )
            device = ChangedDevice(mac=mac, name=self._here.name_of(mac))
            yield replace(change, devices=(device,), undo=change.undo if is_last else None)

    def _edits(
        self, now: datetime, today: date, assigned: tuple[FamilyChange, ...]
    ) -> Iterator[FamilyChange]:
        """Yield today's edits of the family's files. Only the last edit of a file has an undo.

        An edit that belongs to a device in ``assigned`` is left out: it moved only that device.
        """
        for change in EditHistory(self._home.rules).of(today):
            found = self._rule_change(change, now)
            keys = {entry.key for entry in change.entries}
            if not any(
                change.what == "rules"
                and keys == {f"devices/{device.mac}"}
                and abs(move.at - found.at) < SAME_CHANGE
                for move in assigned
                for device in move.devices
            ):
                yield found

    def _rule_change(self, change: RuleChange, now: datetime) -> FamilyChange:
        step = change.step
        return FamilyChange(
            at=step.at.astimezone(now.tzinfo),
            by=step.by,
            what=change.what,
            who=change.who,
            name=change.name or None,
            minutes=None,
            thing=None,
            thing_name=None,
            until=None,
            ended=False,
            undo=change.undo,
            because=change.because,
            edits=changed_values(change.entries),
            left_off=change.left_off,
            devices=self._devices(change.entries),
        )

    def _devices(self, entries: tuple[ChangedEntry, ...]) -> tuple[ChangedDevice, ...]:
        keys = (entry.key.partition("/") for entry in entries)
        macs = (mac for head, _, mac in keys if head in DEVICE_KEYS)
        return tuple(
            ChangedDevice(mac=mac, name=self._here.name_of(mac)) for mac in dict.fromkeys(macs) if mac
        )

    def _describe(
        self, what: str, who: str, by: str, at: datetime, now: datetime, *,
        until: datetime | None = None, minutes: int | None = None, thing: str | None = None,
        ended: bool = False, undo: UndoAction | None = None,
    ) -> FamilyChange:  # fmt: skip
        """Return a change that edits no file, such as a pause or a grant, for the control socket."""
        rules = self._home.rules
        profile = None if who == ALL else rules.household.find(who)
        name = who if profile is None else profile.name
        return FamilyChange(
            at=at.astimezone(now.tzinfo),
            by=by,
            what=what,
            who=who,
            name=None if who == ALL else name,
            minutes=minutes,
            thing=thing,
            thing_name=None if thing is None else target_name(thing, rules.names),
            until=None if until is None else until.astimezone(now.tzinfo),
            ended=ended,
            undo=undo,
            because="",
            edits=(),
            left_off=0,
            devices=(),
        )
