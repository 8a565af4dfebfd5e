"""The verbs `status`, `profile`, `device` and `reload`: the state of the household, a person and a device."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from gateway import __version__
from gateway.control.contract.accounts import AccountResponse
from gateway.control.contract.growing import AgeTransition
from gateway.control.contract.lists import UpdatePlan
from gateway.control.contract.profile import PROFILE, ProfileAnswer, ProfileRequest
from gateway.control.contract.rules import LastChange
from gateway.control.contract.status import (
    DEVICE,
    STATUS,
    ChildStatus,
    ClosingSoon,
    DaemonFigures,
    DevicePresence,
    DeviceRequest,
    DeviceState,
    DeviceStatus,
    FinishGame,
    HomeProblem,
    HomeStatus,
    ProviderAccess,
    ProviderCounters,
    ReloadResponse,
    StatusRequest,
    TimeLeft,
    WatchedDevice,
)
from gateway.control.contract.time import TimeUsed
from gateway.control.protocol import Call, ControlRequest
from gateway.control.router import Router
from gateway.control.verbs import NoValues
from gateway.core.turns import Steps
from gateway.dataplane.internet import Internet
from gateway.features.accounts.verbs import announced
from gateway.features.activity.in_use import InUse
from gateway.features.activity.traffic import LiveTraffic
from gateway.features.rules.describe import device_state, profile_rules
from gateway.features.site_repair.repairs import SiteRepairs
from gateway.features.status.clock import clock_state
from gateway.features.time.ledger_views import describe_closing, describe_left, describe_used, visible_gates
from gateway.features.time.verbs import TimeVerbs
from gateway.features.time.warnings import closing
from gateway.household.clock_watch import ClockWatch
from gateway.household.context import Effects, HomeContext
from gateway.household.members import PROVIDER, Family, Member
from gateway.household.presence import Presence
from gateway.household.slot_assignment import ADULT_GUEST
from gateway.household.visibility import Visibility, VisibleDevices, VisibleMembers
from gateway.policy.identity.macs import parse_mac
from gateway.policy.identity.questions import Ask
from gateway.policy.profile.profile import Profile
from gateway.policy.profile.rules import GUEST, HOME, shows_present
from gateway.policy.time.gates import is_limit
from gateway.policy.time.schedule import Schedule
from gateway.store.tables.devices import DeviceTable
from gateway.store.tables.pauses import REMOTE, SUPPORT, PauseTable
from gateway.store.tables.people import AccountTable
from gateway.store.tables.questions import QuestionTable
from gateway.store.tables.requests import RequestTable


class MemberState:
    """Returns what a person may do now: blocked or not, minutes used and left, and what closes soon.

    With ``own`` the answer is for the person's own device; otherwise it is for guardians and others, and
    leaves out the minutes of time limits if the person's log level hides the present.
    """

    def __init__(self, home: HomeContext, family: Family, time: TimeVerbs) -> None:
        self._home = home
        self._family = family
        self._time = time

    def state(self, member: Member, now: datetime) -> DeviceState:
        return device_state(member.judge, member.situation, now, self._home.rules)

    def left(self, member: Member, now: datetime, *, own: bool) -> TimeLeft | None:
        """Return how many minutes are left until the device as a whole closes; None if nothing closes it.

        ``own``: for the person's own device. For others, time limits are ignored if the person's log level
        hides the present.
        """
        profile = member.profile
        gates = visible_gates(profile, own=own)
        return describe_left(member, self._home.rules, now, gates)

    def used(self, member: Member, *, own: bool) -> tuple[TimeUsed, ...]:
        """Return the minutes used of each time limit, for the person's own device (``own``) or for others.

        Others see nothing if the person's log level does not show the present.
        """
        profile = member.profile
        if not own and not shows_present(profile.rules.log_level):
            return ()
        by_device = self._family.minutes.used_on(profile.id)
        return describe_used(profile, member.situation, self._home.rules, by_device)

    def landing(self, member: Member, now: datetime, *, own: bool) -> FinishGame:
        """Return the minutes of *Finish my game*, and whether it was used today and is available now.

        The last two are None for others (not ``own``) if the person's log level hides the present.
        """
        rules = member.profile.rules
        shown = own or shows_present(rules.log_level)
        return FinishGame(
            minutes=int(rules.landing.value / timedelta(minutes=1)),
            taken=self._time.landing_taken(member.profile, now) if shown else None,
            due=self._time.landing_due(member, now) if shown else None,
        )

    def closing(
        self, member: Member, in_use: frozenset[str], now: datetime, *, own: bool
    ) -> tuple[ClosingSoon, ...]:
        """Return what closes for a person within a quarter of an hour: schedules, bedtime, limits.

        ``in_use``: keys of the limits and schedules that running connections use. Others (not
        ``own``) see no time limit if the person's log level does not show the present.
        """
        rules = self._home.rules
        shown = own or shows_present(member.profile.rules.log_level)
        found = closing(member, in_use if shown else frozenset(), now)
        if not shown:
            found = [left for left in found if not is_limit(left.gate)]
        return describe_closing(found, rules, now)


class StatusVerb:
    """The control-socket verb `status`: the state of the household, its children, lists, clock and internet.

    ``waiting_cards`` returns the number of bypass alerts that guardians are shown now; ``steps``
    the changes of age group that are proposed, postponed or lately made; ``lists`` the state of
    list updates; ``undecided`` how many devices of the first setup still need a guardian's answer
    on who uses them; ``session_account`` the account of a request's login session; ``counters``
    those that the provider may read.
    """

    def __init__(
        self,
        home: HomeContext,
        pauses: PauseTable,
        requests: RequestTable,
        questions: QuestionTable,
        people: AccountTable,
        watch: ClockWatch,
        presence: Presence,
        internet: Internet,
        children: PeopleStatus,
        waiting_cards: Callable[[], int],
        problems: Callable[[], list[HomeProblem]],
        figures: Callable[[], DaemonFigures],
        steps: Callable[[], tuple[AgeTransition, ...]],
        lists: Callable[[], UpdatePlan],
        undecided: Callable[[], int],
        session_account: Callable[[ControlRequest], AccountResponse | None],
        counters: Callable[[], ProviderCounters | None],
    ) -> None:
        self._home = home
        self._pauses = pauses
        self._requests = requests
        self._questions = questions
        self._people = people
        self._watch = watch
        self._presence = presence
        self._internet = internet
        self._children = children
        self._waiting_cards = waiting_cards
        self._problems = problems
        self._figures = figures
        self._steps = steps
        self._lists = lists
        self._undecided = undecided
        self._session_account = session_account
        self._counters = counters
        self._started = home.loop.now()

    def register(self, router: Router) -> None:
        router.serve(STATUS, self.status)

    def status(self, call: Call[StatusRequest]) -> HomeStatus:
        home, now = self._home, self._home.local_now()
        rules, since = home.rules, self._internet.since
        self._presence.refresh()
        off, problems = self._pauses.in_force(now).off, self._problems()
        return HomeStatus(
            version=__version__,
            uptime=round(home.loop.now() - self._started),
            now=now,
            timezone=rules.household.config.timezone,
            day=rules.calendar.family_day(now),
            mode="off" if off else "on",
            off_until=off.ends.astimezone(now.tzinfo) if off and off.until else None,
            stopped_by_provider=off is not None and off.by == PROVIDER,
            provider=self._provider_access(now),
            internet=self._internet.state,
            internet_since=None if since is None else since.astimezone(now.tzinfo),
            country=rules.household.config.country,
            language=rules.household.config.language,
            new_devices=sum(
                place_of(home, self._children.family, mac) == GUEST for mac in self._presence.here.now
            ),
            requests=sum(
                request.waits and request.who in rules.household.profiles for request in self._requests.all()
            ),
            questions=sum(question.waits for question in self._questions.all().values()),
            undecided_devices=self._undecided(),
            cards=self._waiting_cards(),
            problems=tuple(problem.text for problem in problems),
            coded_problems=tuple(problems),
            announced=announced(home, self._people),
            clock=clock_state(self._watch),
            profiles=self._children.describe(now),
            steps=self._steps(),
            lists=self._lists(),
            visitor=self._session_account(call),
            counters=self._counters(),
            **vars(self._figures()),
        )

    def _provider_access(self, now: datetime) -> ProviderAccess | None:
        if self._home.rules.household.config.usp is None:
            return None
        approvals = (self._pauses.switch(name, now) for name in (SUPPORT, REMOTE))
        support, switch = (
            None if approval is None else approval.ends.astimezone(now.tzinfo) for approval in approvals
        )
        return ProviderAccess(support=support, switch=switch)


class PeopleStatus:
    """Describes the state of each child for the verb `status`, as far as guardians may see it.

    ``devices``: returns the presence of a device by its MAC address. ``pins``: returns fields about a child's
    PIN.
    """

    def __init__(
        self,
        home: HomeContext,
        requests: RequestTable,
        family: Family,
        visibility: Visibility,
        members: VisibleMembers,
        devices: Callable[[str], DevicePresence],
        state: MemberState,
        in_use: Callable[[], InUse],
        repairs: SiteRepairs,
        traffic: LiveTraffic,
        pins: Callable[[Profile], Mapping[str, Any]],
    ) -> None:
        self.family = family
        self._home = home
        self._requests = requests
        self._visibility = visibility
        self._members = members
        self._device = devices
        self._state = state
        self._in_use = in_use
        self._repairs = repairs
        self._traffic = traffic
        self._pins = pins

    def describe(self, now: datetime) -> tuple[ChildStatus, ...]:
        used = self._in_use()
        return tuple(self._child(child, now, used) for child in self._home.rules.household.children)

    def _child(self, profile: Profile, now: datetime, used: InUse) -> ChildStatus:
        family, state = self.family, self._state
        slots = family.slots_of(profile.id)
        members = [member for slot, member in family.members.items() if slot in slots]
        macs = self._visibility.devices_of(profile, members)
        member = self._members.member(profile)
        waiting = (request for request in self._requests.all() if request.waits)
        return ChildStatus(
            id=profile.id,
            name=profile.name,
            band=profile.band.value,
            next_step=profile.next_step,
            log_level=profile.rules.log_level,
            devices=tuple(self._device(mac) for mac in macs),
            left=state.left(member, now, own=False),
            used=state.used(member, own=False),
            landing=state.landing(member, now, own=False),
            closing=state.closing(member, used.by(slots), now, own=False),
            in_use=used.describe(profile, slots),
            lesson=self._repairs.describe(profile.id),
            watched=self._watched(profile),
            requests=sum(request.who == profile.id for request in waiting),
            **vars(state.state(member, now)),
            **self._pins(profile),
        )

    def _watched(self, profile: Profile) -> WatchedDevice | None:
        watch = self._traffic.of_child(profile.id)
        if watch is None:
            return None
        device = self._device(watch.mac).name or watch.mac
        return WatchedDevice(by=watch.by, device=device, until=self._traffic.until(watch))


def device_presence(
    presence: Presence, visibility: Visibility, devices: VisibleDevices, mac: str
) -> DevicePresence:
    """Return name, presence and IP address of a device, as far as guardians may see them.

    ``sightings`` in the result says how precisely they may see when it was present.
    """
    return DevicePresence(
        mac=mac,
        name=presence.here.name_of(mac),
        online=devices.online(mac),
        ip=devices.ip(mac),
        sightings=visibility.sightings(mac),
    )


def place_of(home: HomeContext, family: Family, mac: str) -> str:
    """Return under which rules a device is: the id of its profile, ``quarantine``, ``adult`` or HOME.

    ``adult``: not filtered, as it is an adult's or an adult's proof unlocked it. HOME: not
    filtered, such as a printer.
    """
    member = family.member_of(mac)
    if member is not None:
        return "quarantine" if member.quarantined else member.profile.id
    owner = home.rules.household.owner_of(mac)
    return "adult" if owner is not None or mac in family.opened else HOME


class ProfileVerb:
    """The control-socket verb `profile`: the rules and the state of one person.

    ``last_set`` returns the last change of the rules; ``own`` the fields that other features add for a child.
    """

    def __init__(
        self,
        home: HomeContext,
        members: VisibleMembers,
        state: MemberState,
        last_set: Callable[[Profile], LastChange | None],
        own: Callable[[Profile], Mapping[str, Any]],
    ) -> None:
        self._home = home
        self._members = members
        self._state = state
        self._last_set = last_set
        self._own = own

    def register(self, router: Router) -> None:
        router.serve(PROFILE, self.profile)

    def profile(self, call: Call[ProfileRequest]) -> ProfileAnswer:
        rules, now = self._home.rules, self._home.local_now()
        profile, state = rules.household.profile(call.args.id), self._state
        member = self._members.member(profile)
        found = profile_rules(member.judge, rules, member.situation, now, self._last_set(profile))
        if not profile.is_child:
            return ProfileAnswer(profile=found)
        return ProfileAnswer(
            profile=found,
            left=state.left(member, now, own=False),
            used=state.used(member, own=False),
            landing=state.landing(member, now, own=False),
            next_bedtime=Schedule(profile, rules.calendar).next_bedtime(now),
            **self._own(profile),
        )


class OwnDeviceVerb:
    """The control-socket verb `device`: owner, state and minutes of a device, for the person who uses it.

    ``additions`` returns the fields that other features add.
    """

    def __init__(
        self,
        home: HomeContext,
        devices: DeviceTable,
        questions: QuestionTable,
        presence: Presence,
        family: Family,
        state: MemberState,
        in_use: Callable[[], InUse],
        additions: Callable[[str, Member | None], Mapping[str, Any]],
    ) -> None:
        self._home = home
        self._devices = devices
        self._questions = questions
        self._presence = presence
        self._family = family
        self._state = state
        self._in_use = in_use
        self._additions = additions

    def register(self, router: Router) -> None:
        router.serve(DEVICE, self.device)

    def device(self, call: Call[DeviceRequest]) -> DeviceStatus:
        mac = self._mac(call)
        if mac is None:
            return DeviceStatus(mac=None, profile=None, name=None)
        now = self._home.local_now()
        member = self._family.member_of(mac)
        return DeviceStatus(
            mac=mac,
            profile=place_of(self._home, self._family, mac),
            name=self._presence.here.name_of(mac),
            now=now,
            timezone=self._home.rules.household.config.timezone,
            visit_ends=self._visit_ends(mac, now),
            **self._address_taken(mac),
            **({} if member is None else self._of_member(mac, member, now)),
            **self._additions(mac, member),
        )

    def _visit_ends(self, mac: str, now: datetime) -> datetime | None:
        """Return until when a device without an owner is an adult guest; None if it is not one now."""
        known = self._devices.all().get(mac)
        if known is None or known.place != ADULT_GUEST or mac in self._home.rules.household.named:
            return None
        return known.until if known.until is not None and known.until > now else None

    def _address_taken(self, mac: str) -> dict[str, Any]:
        """Return ``{"asked": Ask.ADDRESS}`` while guardians are asked about the device's IP address.

        Else return {}. The question: another device has taken the address. Until they answer, sessions that
        begin on the device are short, and its page warns its user.
        """
        question = self._questions.all().get(mac)
        taken = question is not None and question.ask is Ask.ADDRESS and question.waits
        return {"asked": Ask.ADDRESS} if taken else {}

    def _mac(self, call: Call[DeviceRequest]) -> str | None:
        """Return the MAC address of the requested device; None for an invalid one or an unknown address.

        Raises ControlError if the request has neither a MAC nor an IP address.
        """
        if call.args.mac is not None:
            return parse_mac(call.args.mac)
        if call.args.ip is None:
            call.refuse("ip", "is missing")
        return self._presence.mac_of(call.args.ip)

    def _of_member(self, mac: str, member: Member, now: datetime) -> dict[str, Any]:
        """Return the `DeviceStatus` fields about the device's user.

        They say whether the device is blocked now and whether its connectivity checks then lead to
        the page (``no_mobile_data``); also the open question to the guardians about the device, or
        else a child's minutes, used and left.
        """
        state = self._state
        question = self._questions.all().get(mac)
        found = {**vars(state.state(member, now)), "no_mobile_data": member.situation.portal}
        if member.asked and question is not None:
            found["asked"] = question.ask
        elif member.profile.is_child:
            found |= {
                "left": state.left(member, now, own=True),
                "used": state.used(member, own=True),
                "landing": state.landing(member, now, own=True),
                "closing": state.closing(member, self._in_use().by((member.slot,)), now, own=True),
            }
        return found


def reload_verb(effects: Effects, home: HomeContext) -> Callable[[Call[NoValues]], Steps[ReloadResponse]]:
    """Return the handler of the verb `reload`, which reads rule files and lists again.

    It returns the profile ids and the problems found. Raises ControlError unless root or the daemon's user
    sends it.
    """

    def reload(call: Call[NoValues]) -> Steps[ReloadResponse]:
        call.owner_only()
        problems = yield from effects.reload_steps()
        return ReloadResponse(profiles=tuple(sorted(home.rules.household.profiles)), problems=tuple(problems))

    return reload
