"""The verbs `status`, `profile`, `device` and `reload`: the state of the home, a person, a device."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta

from gateway import __version__
from gateway.control.contract.rules import LastChange
from gateway.control.protocol import Handler, Request
from gateway.dataplane.internet import Internet
from gateway.features.accounts.verbs import announced
from gateway.features.activity.in_use import InUse
from gateway.features.rules.describe import describe_profile, describe_state
from gateway.features.site_repair.lessons import Lessons
from gateway.features.status import clock as clockverbs
from gateway.features.time.ledger_views import describe_closing, describe_left, describe_used, told_gates
from gateway.features.time.verbs import TimeVerbs
from gateway.features.time.warnings import closing
from gateway.household.clock_watch import ClockWatch
from gateway.household.context import Effects, HomeContext
from gateway.household.members import Family, Member
from gateway.household.presence import Presence
from gateway.household.visibility import Visibility, VisibleDevices, VisibleMembers
from gateway.policy.identity.macs import parse_mac
from gateway.policy.profile.profile import GUEST, HOME, Profile
from gateway.policy.profile.rules import KINDS_LEVEL, NAMES_LEVEL
from gateway.policy.time.gates import is_limit
from gateway.store.store import Store

Describe = Callable[[Profile], Mapping[str, object]]
"""What a feature adds to the description of a profile."""


class MemberState:
    """Describes what a person may do now, and the minutes left."""

    def __init__(self, home: HomeContext, family: Family, time: TimeVerbs) -> None:
        self._home = home
        self._family = family
        self._time = time

    def state(self, member: Member, now: datetime) -> dict[str, object]:
        return describe_state(member.judge, member.situation, now, self._home.rules)

    def minutes(self, member: Member, now: datetime, *, own: bool) -> dict[str, object]:
        """Return minutes left and used, and whether *Finish my game* is available.

        ``own``: for the person's own device. Others see nothing that depends on use of a person without a
        log, and totals only below the level of names.
        """
        profile, situation, rules = member.profile, member.situation, self._home.rules
        level = profile.rules.log_level
        by_device = self._family.minutes.used_on(profile.id) if own or level >= NAMES_LEVEL else {}
        shown = own or level >= KINDS_LEVEL
        return {
            "left": describe_left(profile, situation, rules, now, told_gates(profile, own=own)),
            "used": describe_used(profile, situation, rules, by_device) if shown else (),
            "landing": {
                "minutes": int(profile.rules.landing.value / timedelta(minutes=1)),
                "taken": self._time.landing_taken(profile, now) if shown else None,
                "due": self._time.landing_due(member, now) if shown else None,
            },
        }

    def closing(
        self, member: Member, in_use: frozenset[str], now: datetime, *, own: bool
    ) -> list[dict[str, object]]:
        """Return what closes within a quarter of an hour."""
        rules = self._home.rules
        found = closing(member, in_use, rules.calendar, now)
        if not own and member.profile.rules.log_level < KINDS_LEVEL:
            found = [left for left in found if not is_limit(left.gate)]
        return describe_closing(found, rules, now)


class StatusVerb:
    """The verb `status`. ``additions`` are what other features add to the answer."""

    def __init__(
        self,
        home: HomeContext,
        store: Store,
        watch: ClockWatch,
        presence: Presence,
        internet: Internet,
        people: PeopleStatus,
        waiting_cards: Callable[[], int],
        problems: Callable[[], list[str]],
        additions: Iterable[Callable[[], Mapping[str, object]]],
    ) -> None:
        self._home = home
        self._store = store
        self._watch = watch
        self._presence = presence
        self._internet = internet
        self._people = people
        self._waiting_cards = waiting_cards
        self._problems = problems
        self._additions = tuple(additions)
        self._started = home.loop.now()

    def __call__(self, _request: Request) -> Mapping[str, object]:
        home, store, now = self._home, self._store, self._home.local_now()
        rules, since = home.rules, self._internet.since
        self._presence.refresh()
        off = store.state(now).off
        answer: dict[str, object] = {
            "version": __version__,
            "uptime": round(home.loop.now() - self._started),
            "now": now,
            "day": rules.calendar.family_day(now).isoformat(),
            "mode": "off" if off else "on",
            "off_until": off.until.astimezone(now.tzinfo) if off and off.until else None,
            "internet": self._internet.state,
            "internet_since": None if since is None else since.astimezone(now.tzinfo),
            "country": rules.household.config.country,
            "language": rules.household.config.language or None,
            "new_devices": sum(
                place_of(home, self._people.family, mac) == GUEST for mac in self._presence.here.now
            ),
            "requests": sum(request.waits for request in store.requests.all()),
            "questions": sum(question.waits for question in store.questions.all().values()),
            "cards": self._waiting_cards(),
            "problems": self._problems(),
            "announced": announced(home, store.people),
            "clock": clockverbs.describe(self._watch),
            "profiles": self._people.describe(now),
        }
        for add in self._additions:
            answer |= add()
        return answer


class PeopleStatus:
    """Describes each child for `status`, as far as guardians may see it."""

    def __init__(
        self,
        home: HomeContext,
        store: Store,
        family: Family,
        visibility: Visibility,
        members: VisibleMembers,
        devices: Callable[[str], dict[str, object]],
        state: MemberState,
        in_use: Callable[[], InUse],
        lessons: Lessons,
        pins: Describe,
    ) -> None:
        self.family = family
        self._home = home
        self._store = store
        self._visibility = visibility
        self._members = members
        self._device = devices
        self._state = state
        self._in_use = in_use
        self._lessons = lessons
        self._pins = pins

    def describe(self, now: datetime) -> list[dict[str, object]]:
        used = self._in_use()
        return [self._child(child, now, used) for child in self._home.rules.household.children]

    def _child(self, profile: Profile, now: datetime, used: InUse) -> dict[str, object]:
        family, state = self.family, self._state
        slots = family.slots_of(profile.id)
        members = [member for slot, member in family.members.items() if slot in slots]
        macs = self._visibility.devices_of(profile, members)
        member = self._members.member(profile)
        waiting = (request for request in self._store.requests.all() if request.waits)
        return {
            "id": profile.id,
            "name": profile.name,
            "band": profile.band.value,
            "next_step": profile.next_step,
            "log_level": profile.rules.log_level,
            "devices": [self._device(mac) for mac in macs],
            **state.state(member, now),
            **state.minutes(member, now, own=False),
            **self._pins(profile),
            "closing": state.closing(member, used.by(slots), now, own=False),
            "in_use": used.describe(profile, slots),
            "lesson": self._lessons.describe(profile.id),
            "requests": sum(request.who == profile.id for request in waiting),
        }


def describe_device(
    presence: Presence, visibility: Visibility, devices: VisibleDevices, mac: str
) -> dict[str, object]:
    """Return name and presence of a device, as far as guardians may see it."""
    return {
        "mac": mac,
        "name": presence.here.name_of(mac),
        "online": devices.online(mac),
        "ip": devices.ip(mac),
        "sightings": visibility.sightings(mac),
    }


def place_of(home: HomeContext, family: Family, mac: str) -> str:
    """Return where a device belongs: the id of the profile whose rules it has, quarantine, adult or home."""
    member = family.member_of(mac)
    if member is not None:
        return "quarantine" if member.quarantined else member.profile.id
    owner = home.rules.household.owner_of(mac)
    return "adult" if owner is not None or mac in family.opened else HOME


class ProfileVerb:
    """The verb `profile`: rules and state of one person. ``own``: what other features add for a child."""

    def __init__(
        self,
        home: HomeContext,
        members: VisibleMembers,
        state: MemberState,
        last_set: Callable[[Profile], LastChange | None],
        own: Describe,
    ) -> None:
        self._home = home
        self._members = members
        self._state = state
        self._last_set = last_set
        self._own = own

    def __call__(self, request: Request) -> Mapping[str, object]:
        rules, now = self._home.rules, self._home.local_now()
        profile = rules.profile(request.text("id"))
        member = self._members.member(profile)
        described = describe_profile(member.judge, rules, member.situation, now, self._last_set(profile))
        if not profile.is_child:
            return described
        return {**described, **self._state.minutes(member, now, own=False), **self._own(profile)}


class DeviceVerb:
    """The verb `device`: what applies to a device, for the person in front of it."""

    def __init__(
        self,
        home: HomeContext,
        store: Store,
        presence: Presence,
        family: Family,
        state: MemberState,
        in_use: Callable[[], InUse],
        additions: Callable[[str, Member | None], Mapping[str, object]],
    ) -> None:
        self._home = home
        self._store = store
        self._presence = presence
        self._family = family
        self._state = state
        self._in_use = in_use
        self._additions = additions

    def __call__(self, request: Request) -> Mapping[str, object]:
        presence, now = self._presence, self._home.local_now()
        if request.has("mac"):
            mac = parse_mac(request.text("mac"))
        else:
            mac = presence.mac_of(request.text("ip"))
        if mac is None:
            return {"mac": None, "profile": None, "name": None}
        member = self._family.member_of(mac)
        state = {} if member is None else self._state.state(member, now)
        question = self._store.questions.all().get(mac)
        if member is not None and member.asked and question is not None:
            state["asked"] = question.ask
        elif member is not None and member.profile.is_child:
            in_use = self._in_use().by((member.slot,))
            state |= self._state.minutes(member, now, own=True)
            state["closing"] = self._state.closing(member, in_use, now, own=True)
        place = place_of(self._home, self._family, mac)
        known = {"mac": mac, "profile": place, "name": presence.here.name_of(mac), "now": now}
        return {**known, **state, **self._additions(mac, member)}


def reload_verb(effects: Effects, home: HomeContext) -> Handler:
    """Build the verb `reload`, which only root may send."""

    def reload(request: Request) -> Mapping[str, object]:
        request.owner_only()
        problems = effects.reload()
        return {"profiles": sorted(home.rules.household.profiles), "problems": problems}

    return reload
