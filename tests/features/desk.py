"""The control verbs of a daemon whose files, store, family and rules are real; kernel and socket are not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, cast

from gateway.app.clock_changes import JumpHandler
from gateway.app.features import DataPlane, Features
from gateway.control.protocol import ControlRequest, Role
from gateway.control.router import Router
from gateway.control.schema import is_record, values_of
from gateway.core.bus import Bus, ControlEvent
from gateway.core.clock import WallClock
from gateway.core.logs import LastLines
from gateway.core.loop import Timer
from gateway.core.turns import Steps, finish
from gateway.features.activity.recent_refusals import RecentRefusals
from gateway.features.bypass_alerts.cards import BypassAlerts
from gateway.features.lists.sealed_lists import SealedListUpdates
from gateway.features.site_repair.repairs import RepairBook
from gateway.features.status.vitals import Vitals
from gateway.household.claim import Claim
from gateway.household.context import Effects, HomeContext
from gateway.household.members import Family
from gateway.household.presence import SeenDevices
from gateway.household.rule_book import RuleBook
from gateway.household.visibility import Visibility
from gateway.lan.inventory import Inventory
from gateway.lists.public_suffixes import compact_public_suffix_check
from gateway.path.addresses import AddressBook, NameBook, ServiceBook
from gateway.path.guess_limit import GuessLimit
from gateway.path.live_flows import LiveFlows
from gateway.path.subject import LiveDecisions, Sink
from gateway.policy.accounts.people import SESSION_LIFE, Session, digest
from gateway.policy.time.clock_changes import Jump
from gateway.policy.values import Observation, Proto, Reason
from gateway.store.store import Store
from tests.figures import FIGURES
from tests.household.household_files import DAUGHTER, MUM, SON, Rules, write

TABLET, PHONE, MUMS, STRANGER = (f"02:00:00:00:00:{tail}" for tail in ("0a", "0b", "0c", "99"))
# In Almaty, on a school day; the daughter's bedtime is at 20:45.
NOON, EVENING, LATE = "2026-11-24T12:00", "2026-11-24T20:40", "2026-11-24T21:30"

SUFFIXES = compact_public_suffix_check()


class Running:
    """An errand that was begun and does not end."""

    def __init__(self) -> None:
        self.running, self.arguments = False, list[Sequence[str]]()

    def start(self, arguments: Sequence[str]) -> None:
        self.running = True
        self.arguments.append(arguments)


class Loop:
    """Its clock goes with the wall's, and knows no jumps."""

    def __init__(self, wall: Callable[[], datetime]) -> None:
        self._wall = wall
        self._timers: list[Timer] = []

    def now(self) -> float:
        return self._wall().timestamp()

    def call_later(self, delay: float, callback: Callable[[], None]) -> Timer:
        timer = Timer(self.now() + delay, callback)
        self._timers.append(timer)
        return timer

    def next_due(self) -> float | None:
        return min((one.when for one in self._timers if one.callback is not None), default=None)

    def run_due(self) -> None:
        for timer in [one for one in self._timers if one.when <= self.now()]:
            self._timers.remove(timer)
            if timer.callback is not None:
                timer.callback()


class Clock(WallClock):
    def __init__(self, at: datetime) -> None:
        super().__init__()
        self.at = at
        self.set_by = timedelta()  # all jumps

    def now(self) -> datetime:
        return self.at


class Enforcer:
    def __init__(self, family: Family, wall: Callable[[], datetime]) -> None:
        self._family = family
        self._wall = wall
        self.rejudged = 0

    def renew(self) -> None:
        pass

    def sync(self) -> None:
        self._family.situate(self._wall())

    def rejudge(self) -> None:
        self.rejudged += 1


class Counted:
    """Minutes as somebody says that they were used."""

    def __init__(self) -> None:
        self.day: date | None = None
        self.minutes: dict[str, dict[str, int]] = {}
        self.earlier: dict[str, dict[str, int]] = {}  # minutes of the week's earlier days
        self.devices: dict[str, dict[str, dict[str, int]]] = {}
        self.rows: tuple[Any, ...] = ()
        self.kept: tuple[Any, ...] = ()

    def used(self, profile_id: str) -> tuple[date | None, Mapping[str, int]]:
        return self.day, self.minutes.get(profile_id, {})

    def used_between(self, profile_id: str, first: date, end: date) -> Mapping[str, int]:
        return self.earlier.get(profile_id, {}) if first < end else {}

    def used_on(self, profile_id: str) -> Mapping[str, Mapping[str, int]]:
        return self.devices.get(profile_id, {})

    def entries(self, profile_id: str, day: date) -> tuple[Any, ...]:
        return self.rows

    def uses(self, profile_id: str, day: date) -> tuple[Any, ...]:
        return self.kept


class Scanning:
    """One that a test ends."""

    def __init__(self) -> None:
        self.running, self.problem, self.wait = False, "", 0.0
        self.found: frozenset[str] = frozenset()

    def start(self) -> None:
        self.running = True


class Addressed(SeenDevices):
    """Who says no name is called by the address."""

    def own_name(self, mac: str) -> str:
        return mac


class Presence:
    """The inventory is real; nothing feeds it but the test."""

    def __init__(self, home: HomeContext, store: Store) -> None:
        self._store = store
        self.claim = Claim(store, home.rules, home.bus, lambda: None)
        self.inventory = Inventory(home.loop.now, home.rules.kind_of, lambda _: "", bus=home.bus)
        self.here = Addressed(self.inventory, store)
        self.scanning = Scanning()
        self.ignored: tuple[str, ...] = ()
        self.addresses: dict[str, str] = {}

    def refresh(self) -> None:
        pass

    def interface_of(self, mac: str) -> str | None:
        return None

    def forget(self, mac: str) -> None:
        self.inventory.forget(mac)
        self._store.devices.forget(mac)
        self._store.notes.forget(mac)

    def mac_of(self, ip: str) -> str | None:
        return self.addresses.get(ip)


class Table:
    """What the kernel counted by slot and class, as a test says."""

    def __init__(self) -> None:
        self.counted: dict[tuple[int, int], int] = {}

    def used(self) -> Mapping[tuple[int, int], int]:
        return self.counted


class Nothing:
    state, since = "works", None


class RightClock:
    known = True  # or what a test says
    why, aside = "virtual home", timedelta()
    lower_bound = datetime(2026, 1, 1, tzinfo=UTC)


class Desk:
    """``ask("grant", who=…)``; ``go(minutes)`` lets time pass."""

    def __init__(
        self,
        folder: Path,
        at: datetime,
        daughter: Rules | None = None,
        son: Rules | None = None,
        **settings: object,
    ) -> None:
        profiles = {"daughter": {**DAUGHTER, **(daughter or {})}, "son": {**SON, **(son or {})}, "mum": MUM}
        self.folder = folder
        self._path = write(folder, profiles, **settings)
        self.clock = Clock(at)
        self.loop = Loop(lambda: self.clock.now() - self.clock.set_by)
        self.events: list[dict[str, Any]] = []
        self.counted = Counted()
        self.live = LiveFlows()
        self.recent = RecentRefusals()
        self.observer: Sink | None = None
        self.visible_verdicts = Counter[Any]()
        self.live_decisions = LiveDecisions()
        self.control = self.decision_log = self
        self.is_public_suffix = SUFFIXES
        self.internet = Nothing()
        self.watch = RightClock()
        self.guesses = GuessLimit()
        self.start()

    def start(self, missed: timedelta = timedelta()) -> None:
        """As after a kill: memory is what the disk has. ``missed``: how far the clock was set meanwhile."""
        self.bus = Bus()
        self.bus.subscribe(ControlEvent, self._noticed)
        self.rules = RuleBook(self._path, bus=self.bus)
        self.home = HomeContext(
            cast("Any", self.loop), self.clock, cast("Any", self.watch), self.rules, self.bus
        )
        self.store = Store(
            self.folder / "state" / "q.db",
            family_day=lambda now: self.rules.calendar.family_day(now),
            bus=self.bus,
            named=lambda mac: mac in self.rules.household.named,
            clock_trusted=lambda: self.watch.known,
        )
        self.recent, self.table = RecentRefusals(), Table()
        self.presence = Presence(self.home, self.store)
        self.book, self.names = AddressBook(), NameBook()
        self.repair_book = RepairBook(self.bus.notify)
        self.family = Family(
            self.store,
            self.book,
            ServiceBook(lambda _: (), lambda: 0.0),
            lambda: 0.0,
            self.store.class_number,
            clock_known=lambda: self.watch.known,
            minutes=self.counted,
            repairs=self.repair_book,
        )
        self.cards = BypassAlerts(
            self.store.bypass_cards, self.store.today, self.family, self.rules, self.bus
        )
        self.gates = Enforcer(self.family, self.clock.now)
        self.log = LastLines()
        self.effects = Effects(
            self.regroup,
            self.reload,
            self.reload_steps,
            self.sync_table,
            self.sync_gates,
            self.rejudge,
        )
        audit = self.store.audit.record
        self.sealed_lists = SealedListUpdates(self.home, self.effects, audit, self.store.history)
        self.vitals = Vitals(
            self.home,
            self.log,
            cast("Any", self.decision_log),
            cast("Any", self.book),
            self.sealed_lists,
            cast("Any", self.internet),
            counters=lambda: FIGURES,
            problems=list,
        )
        plane = DataPlane(
            home=self.home,
            effects=self.effects,
            store=self.store,
            watch=cast("Any", self.watch),
            family=self.family,
            visibility=Visibility(self.home, self.store.devices, self.store.uses),
            presence=cast("Any", self.presence),
            internet=cast("Any", self.internet),
            decision_log=cast("Any", self.decision_log),
            live=self.live,
            guesses=self.guesses,
            addresses=self.book,
            names=self.names,
            repair_book=self.repair_book,
            byte_counts=self.table.used,
            probe_device=cast("Any", None),  # it needs a kernel
            vitals=self.vitals,
            figures=lambda: FIGURES,
            problems=list,
            live_decisions=self.live_decisions,
        )
        router = Router()
        self.features = Features(plane, router)
        jumps = JumpHandler(
            self.effects,
            self.family,
            self.features.sharing,
            self.features.adult_devices,
            self.features.grants,
            self.features.warnings,
            self.features.growing,
            cast("Any", self.gates),
            cast("Any", self.decision_log),
        )
        self.bus.subscribe(Jump, jumps.handle)
        self._verbs = router.verbs
        self.reassign()
        if missed:
            self.jump(missed)
        self.features.start()

    def __getattr__(self, name: str) -> Any:
        """The features by their names."""
        return getattr(self.__dict__["features"], name)

    def _noticed(self, notice: ControlEvent) -> None:
        self.events.append({"event": notice.event, **notice.values})

    def stop(self) -> None:
        self.log.close()
        self.features.close()
        self.store.close()

    def sync_table(self) -> None:
        pass

    def sync_gates(self) -> None:
        self.gates.sync()

    def rejudge(self) -> int:
        self.gates.rejudge()
        return 0

    def regroup(self) -> None:
        self.reassign()

    def restart(self, missed: timedelta = timedelta()) -> None:
        self.stop()
        self.start(missed)

    def reassign(self) -> None:
        self.rules.settle(self.store.held_bands.hold, self.self_set.laid)
        at, household = self.clock.now(), self.presence.claim.household
        self.family.rebuild(household, self.rules.world, self.rules.calendar, at)
        self.family.situate(at)

    def reload(self) -> list[str]:
        self.rules.reload()
        self.reassign()
        self.features.provider_stop.reloaded()
        return self.rules.problems()

    def reload_steps(self) -> Steps[list[str]]:
        yield from self.rules.steps_ahead()
        return self.reload()

    def local_now(self) -> datetime:
        return self.clock.now().astimezone(self.rules.household.config.zone)

    def problems(self) -> list[str]:
        return []

    def publish(self, event: str, **values: object) -> None:
        self.bus.notify(event, **values)

    def heard(self, kind: str) -> list[dict[str, Any]]:
        return [one for one in self.events if one["event"] == kind]

    def ask(self, do: str, role: Role = Role.OWNER, /, **values: object) -> dict[str, Any]:
        """Return an answer with objects and lists in place of records."""
        answer = self._verbs[do](ControlRequest(do, role, 0, values))
        if isinstance(answer, Generator):
            answer = finish(answer)
        return {key: plain(value) for key, value in answer.items()}

    def session(self, name: str) -> str:
        """The token of a guardian's session that began just now, as after a right password."""
        token, now = f"session of {name}", self.local_now()
        session = Session(digest(token), name, "", now, now + SESSION_LIFE)
        if name in self.store.people.accounts():
            self.store.people.begin(session)
            self.features.proofs.add(session)
        return token

    def use(self, profile: str, **minutes: int) -> None:
        self.counted.day = self.rules.calendar.family_day(self.clock.now())
        self.counted.minutes[profile] = minutes
        self.family.situate(self.clock.now())
        self.warnings.look()

    def go(self, span: timedelta) -> None:
        """Let time pass, timer by timer."""
        end = self.clock.at + span
        while (due := self.loop.next_due()) is not None and due <= (end - self.clock.set_by).timestamp():
            at = datetime.fromtimestamp(due, self.clock.at.tzinfo) + self.clock.set_by
            self.clock.at = max(self.clock.at, at)
            self.family.situate(self.clock.at)
            self.loop.run_due()
        self.clock.at = end
        self.family.situate(end)

    def status_changed(self, slots: frozenset[int]) -> None:
        pass

    def observe(self, observer: Sink | None) -> None:
        self.observer = observer

    def jump(self, span: timedelta = timedelta(), *, known: bool = True) -> None:
        """The clock is set, or becomes known or unknown, and the daemon hears of it."""
        before, was_known = self.clock.at, self.watch.known
        self.clock.at += span
        self.clock.set_by += span
        self.watch.known = known
        self.bus.publish(Jump(before, self.clock.at, was_known, known))

    def reason(self, mac: str, host: str = "www.example.org") -> Reason:
        member = self.family.member_of(mac)
        assert member is not None
        return member.decide(Observation(Proto.DNS, host), self.clock.now()).reason


def plain(value: Any) -> Any:
    """Return a value with objects and lists in place of records, and days as text."""
    if is_record(value):
        value = values_of(value)
    if isinstance(value, Mapping):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, date) and not isinstance(value, datetime):
        return value.isoformat()
    return [plain(item) for item in value] if isinstance(value, tuple | list) else value
