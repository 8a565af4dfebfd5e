"""Gives extra time and opens sites, and ends opened sites and pending requests when their time is over."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from gateway.control.contract.time import OwnGrant, PersonGrant
from gateway.control.schema import values_of
from gateway.core.errors import ControlError, GatewayError, PolicyError
from gateway.core.loop import Timer
from gateway.core.reason_codes import Code
from gateway.features.requests.views import AskedValues
from gateway.features.time.warnings import Warnings
from gateway.household.context import Effects, HomeContext
from gateway.household.file_history import PROGRAM
from gateway.household.members import BY_GUARDIANS, Family, Member
from gateway.household.visibility import Visibility
from gateway.policy.identity.macs import parse_mac
from gateway.policy.judge.target_names import target_name
from gateway.policy.language import ENGLISH
from gateway.policy.profile.rules import KINDS_LEVEL
from gateway.policy.requests import requests
from gateway.policy.requests.requests import ChildRequest, RequestState
from gateway.policy.time.clock_changes import Jump, MomentKind
from gateway.policy.time.extension import Extension, extend, own_closing
from gateway.policy.time.gates import gates_of_service, is_limit
from gateway.policy.time.grant_messages import (
    grant_sentence,
    granted_thing,
    opened_sentence,
)
from gateway.store.durable_writes import in_utc
from gateway.store.tables.grants import GrantKind, GrantRow, GrantTable, SiteOpening
from gateway.store.tables.requests import RequestTable

LONGEST_SLEEP = 60.0  # seconds; a change of the system clock takes effect within them


@dataclass(frozen=True, slots=True)
class Giver:
    """The author, kind, time, number and origin of a grant of extra time or of an opened site."""

    by: str
    kind: GrantKind
    at: datetime  # local, aware
    number: int  # of the grant
    origin: str = ""


class Grants:
    """Gives extra time and opens sites: stores each grant on the disk, then applies it.

    ``shift_store``: adjusts all stored deadlines to a changed clock, and returns whether devices must be
    grouped again, because a temporary place of one (such as adult guest) begins or ends by it.
    """

    def __init__(
        self,
        home: HomeContext,
        effects: Effects,
        table: GrantTable,
        requests: RequestTable,
        transaction: Callable[[], AbstractContextManager[None]],
        shift_store: Callable[[Jump], bool],
        family: Family,
        visibility: Visibility,
        warnings: Warnings,
    ) -> None:
        self._home = home
        self._effects = effects
        self._table = table
        self._requests = requests
        self._transaction = transaction
        self._shift_store = shift_store
        self._family = family
        self._visibility = visibility
        self._warnings = warnings
        self._values = AskedValues(home.rules, visibility)
        self._timer: Timer | None = None
        self._open: frozenset[SiteOpening] = frozenset()

    def giver(self, by: str, kind: GrantKind, origin: str = "") -> Giver:
        """Return a `Giver` with the author ``by``, a new grant number and the current time."""
        at = self._home.local_now()
        return Giver(by, kind, at, self._table.new_number(at), origin)

    def extensions(
        self, member: Member, minutes: int, service: str | None, at: datetime
    ) -> tuple[Extension, ...]:
        """Return the limits and schedules that ``minutes`` of extra time would extend, and until when.

        ``service``: the service that gets the time; None: everything. ``at``: when the time is given. Empty
        if nothing ever closes. Raises PolicyError if the service does not exist.
        """
        rules, extra = self._home.rules, timedelta(minutes=minutes)
        known = None if service is None else rules.world.catalogue.services.get(service)
        if service is not None and known is None:
            raise PolicyError(service, "is no service of the catalogue any more", "give time for all instead")
        gates = () if known is None else gates_of_service(member.profile.rules, known)
        return extend(member.profile, member.situation, rules.calendar, at, extra, service, gates)

    def give(self, key: str, member: Member, minutes: int, service: str | None, giver: Giver) -> Extended:
        """Store extra time for one person, and return what it extends. `apply` must follow.

        ``key``: the profile id or MAC address under which it is stored. ``service``: None means for
        everything. Raises ControlError if there is nothing to extend, and PolicyError if the
        service does not exist.
        """
        found = self.extensions(member, minutes, service, giver.at)
        name = member.profile.name
        if not found:
            raise ControlError.of(Code.NOTHING_TO_EXTEND, name=name)
        return self._extended(key, member, minutes, found, giver)

    def give_each(
        self, members: Iterable[tuple[str, Member]], minutes: int, service: str | None, giver: Giver
    ) -> list[Extended]:
        """Store extra time, in one transaction, for each person who has something to extend.

        Return what it extends for each of them. `apply` must follow. Raises GatewayError if none of
        them has anything to extend.
        """
        given, problems = list[Extended](), list[GatewayError]()
        with self._transaction():
            for key, member in members:
                try:
                    given.append(self.give(key, member, minutes, service, giver))
                except (ControlError, PolicyError) as error:
                    problems.append(error)
        if not given:
            raise problems[0]
        return given

    def _extended(
        self, key: str, member: Member, minutes: int, found: tuple[Extension, ...], giver: Giver
    ) -> Extended:
        rules, name = self._home.rules, member.profile.name
        today = rules.calendar.family_day(giver.at)
        at = in_utc(giver.at)
        rows = [
            GrantRow(
                giver.number,
                key,
                today,
                extension.gate,
                extension.minutes,
                None if extension.until is None else in_utc(extension.until),
                extension.service,
                at,
                giver.by,
                giver.kind,
                boundary=None if extension.boundary is None else in_utc(extension.boundary),
                clock_trusted=extension.clock_trusted,
            )
            for extension in found
        ]
        detail = _audit_detail(key, minutes, found, giver.at)
        if giver.kind not in BY_GUARDIANS and self._visibility.level(key) < KINDS_LEVEL:
            detail = ""  # the audit has no line of what a child without a log takes
        self._table.give(rows, audit_text=detail, origin=giver.origin)
        paused = is_paused(member, giver.at)
        ends = (extension.until for extension in found if extension.until is not None)
        until, thing = max(ends, default=None), granted_thing(found)
        what = target_name(thing, rules.names) if thing else ""
        text = grant_sentence(name, minutes, until, giver.at, ENGLISH, thing=thing, what=what, paused=paused)
        return Extended(key, name, minutes, until, found, thing, what, paused, text)

    def give_back(
        self, key: str, member: Member, minutes: int, gates: Sequence[str], giver: Giver
    ) -> Extended:
        """Add minutes to today's time limits in ``gates``, and store this.

        Return what it extends; `apply` must follow. Raises ControlError if the profile has none of
        these limits any more.
        """
        profile = member.profile
        found = tuple(Extension(gate, minutes, None) for gate in gates if gate in profile.rules.limits)
        if not found:
            raise ControlError.of(Code.NOTHING_TO_EXTEND, name=profile.name)
        return self._extended(key, member, minutes, found, giver)

    def open(self, key: str, name: str, entry: str, until: datetime, span: MomentKind, giver: Giver) -> str:
        """Store that a site, service or category is open until a time. `apply` must follow.

        Return an English sentence that says so. ``key``: the profile id or MAC address. ``name``:
        the person's name. ``entry``: what is open. ``span``: whether the end is a time of
        day or follows from a duration, for a change of the clock.
        """
        clock_trusted = self._home.clock_trusted
        opening = SiteOpening(
            giver.number, key, entry, in_utc(until), in_utc(giver.at), giver.by, span, clock_trusted
        )
        self._table.open(opening, origin=giver.origin)
        what = target_name(entry, self._home.rules.names)
        return opened_sentence(name, what, until, giver.at, ENGLISH)

    def shift(self, jump: Jump) -> bool:
        """Adjust all stored deadlines after the clock was set or became known, so that as much time is left.

        Return whether devices must be grouped again, because a temporary place of one (such as adult guest)
        begins or ends by it.
        """
        rules = self._home.rules
        jump = jump.seen_in(rules.household.config.zone)
        with self._transaction():
            regrouped = self._shift_store(jump)
            self._requests.shift(lambda request: requests.after_jump(request, jump, rules.calendar))
            if jump.known:
                self._table.put(self._anchored(jump.after))
        return regrouped

    def _anchored(self, now: datetime) -> Iterator[tuple[GrantRow, GrantRow]]:
        """Yield each grant of extra time that begins at a boundary (such as bedtime), and its replacement.

        The replacement begins at the next boundary by the new clock. Without it, after a clock was set back,
        everything would be open until the old boundary.
        """
        given, _ = self._table.in_force(now, self._home.rules.calendar.family_day(now))
        groups: dict[tuple[str, datetime], list[GrantRow]] = {}
        for row in given:
            if row.boundary is not None:
                groups.setdefault((row.who, row.boundary), []).append(row)
        for (who, _), rows in groups.items():
            closing = self._next_boundary(who, {row.gate for row in rows}, now)
            if closing is not None:
                yield from ((row, _behind(row, closing, now)) for row in rows)

    def _next_boundary(self, who: str, gates: Iterable[str], now: datetime) -> datetime | None:
        """Return when the first of the schedules in ``gates`` closes for ``who``; ``now`` if one is closed.

        ``who``: a profile id or MAC address. Time limits are ignored. None if no schedule closes, or for an
        unknown ``who``.
        """
        rules = self._home.rules
        profile = rules.household.find(who)
        if profile is None:
            member = self._family.member_of(who)
        else:
            member = self._family.stand_in(profile, rules.world, rules.calendar, now)
        if member is None:
            return None
        ends = [
            own_closing(member.profile, member.situation, rules.calendar, now, gate)
            for gate in gates
            if not is_limit(gate)
        ]
        return min((end for end in ends if end is not None), default=None)

    def apply(self, keys: Iterable[str]) -> None:
        """Apply new or revoked grants to running connections, and update timer and warnings.

        ``keys``: the profile ids or MAC addresses that the grants are for.
        """
        named = self._home.rules.household.named
        if any(parse_mac(key) is not None and key not in named for key in keys):
            self._effects.regroup()  # a device without an owner has a slot of its own now
        else:
            self._effects.sync_gates()
            self._effects.rejudge()
        self._open = self._openings()
        self.set_timer()
        self._warnings.look()

    def start(self) -> None:
        """Load the stored site openings, end openings and requests that are over, and set the timer."""
        self._open = self._openings()
        self.look()

    def look(self) -> None:
        """End opened sites and requests that are over, publish due request reminders, and set the timer."""
        now = self._home.local_now()
        for request in self._timed_requests():
            moved = requests.advanced(request, now)
            if moved is not request:
                self._move(moved, now)
        still_open = self._openings()
        if self._open - still_open:
            self._effects.sync_gates()
            self._effects.rejudge()
        self._open = still_open
        self.set_timer()

    def _timed_requests(self) -> list[ChildRequest]:
        """Return the requests with deadlines that apply now.

        While the clock is not trusted, requests that were made with a trusted clock neither expire nor
        remind.
        """
        trusted = self._home.clock_trusted
        return [request for request in self._requests.all() if trusted or not request.clock_trusted]

    def _move(self, moved: ChildRequest, now: datetime) -> None:
        """Store ``moved``, a request that has expired or is due for a reminder, and publish that.

        A removed child's request, which no page lists, causes no reminder.
        """
        expired = moved.state is RequestState.EXPIRED
        what = self._values.audited(moved, "request expired" if expired else "request reminder")
        self._requests.put(moved, by=PROGRAM, what=what, at=now)
        if expired:
            self._home.publish("answer", **self._values.answered(moved))
        elif moved.who in self._home.rules.household.profiles:
            self._home.publish("request", id=moved.id, profile=moved.who, topic=moved.topic, reminder=True)

    def _openings(self) -> frozenset[SiteOpening]:
        now = self._home.local_now()
        return frozenset(self._table.in_force(now, self._home.rules.calendar.family_day(now))[1])

    def set_timer(self) -> None:
        """Set the timer to the next end of an opened site or request, at most LONGEST_SLEEP seconds ahead."""
        if self._timer is not None:
            self._timer.cancel()
        now = self._home.local_now()
        due = [at for request in self._timed_requests() if (at := requests.due(request)) is not None]
        due += [opening.until for opening in self._open]
        if not due:
            self._timer = None
            return
        delay = min(max(0.0, (min(due) - now).total_seconds()), LONGEST_SLEEP)
        self._timer = self._home.loop.call_later(delay, self.look)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()


@dataclass(frozen=True, slots=True)
class Extended:
    """The effect of a grant on one person: minutes, end, extended limits and schedules, and a sentence."""

    who: str
    name: str
    minutes: int
    until: datetime | None  # None: minutes beyond a limit
    extensions: tuple[Extension, ...]
    thing: str  # from `granted_thing`
    thing_name: str
    paused: bool
    sentence: str

    def to_person(self, now: datetime) -> PersonGrant:
        return PersonGrant(
            who=self.who,
            minutes=self.minutes,
            until=None if self.until is None else self.until.astimezone(now.tzinfo),
            gates=tuple(extension.gate for extension in self.extensions),
            thing=self.thing or None,
            thing_name=self.thing_name or None,
            paused=self.paused,
            sentence=self.sentence,
        )

    def to_own(self, giver: Giver) -> OwnGrant:
        """Return the response for a child who took extra time without a parent, such as with a code."""
        return OwnGrant(grant=giver.number, **values_of(self.to_person(giver.at)))


def _behind(row: GrantRow, closing: datetime, now: datetime) -> GrantRow:
    """Return the grant ``row`` moved so that it begins at ``closing``; if that has passed, it has begun.

    The minutes that are left stay the same.
    """
    ends = row.moment
    assert ends is not None
    assert row.boundary is not None
    boundary = closing if closing > now else min(row.boundary, now)
    return replace(row, boundary=boundary, until=max(boundary, now) + ends.left(now))


def is_paused(member: Member, now: datetime) -> bool:
    until = member.situation.paused_until
    return until is not None and now < until


def with_grant(request: ChildRequest, giver: Giver) -> ChildRequest:
    """Return a copy of a child's request with the number of the grant that an answer gave."""
    return replace(request, grant=giver.number)


def _audit_detail(key: str, minutes: int, extensions: Iterable[Extension], now: datetime) -> str:
    parts = []
    for extension in extensions:
        until, service = extension.until, extension.service
        end = "" if until is None else f" until {until.astimezone(now.tzinfo):%Y-%m-%dT%H:%M%z}"
        parts.append(f"{extension.gate}{end}" + (f" for {service}" if service else ""))
    return f"{key} {minutes} min: {', '.join(parts)}"
