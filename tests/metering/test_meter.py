"""Tests of the meter and its clock of minutes: real files, a real store, a simulated kernel."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.core.bus import Bus
from gateway.core.loop import Loop, Timer
from gateway.household.members import Family, Member
from gateway.household.rule_book import RuleBook
from gateway.kernel.conntrack import Flow, Moved
from gateway.kernel.snapshot import PassElement
from gateway.metering.ledgers import Ledgers
from gateway.metering.meter import APART, MINUTE, SLIP, SWEEP, TICK, CounterMark, Meter, MinuteClock
from gateway.metering.uses import UseRecorder
from gateway.path.addresses import AddressBook, ServiceBook
from gateway.path.live_flows import FlowId, LiveFlow, LiveFlows
from gateway.policy.time.ledger import CountReason
from gateway.policy.values import Observation, Proto
from gateway.store.minutes_file import MinutesFile, spent
from gateway.store.store import ActivityErased, Store
from tests.household.household_files import MUM, write

NOON = datetime(2026, 11, 25, 7, tzinfo=UTC)  # noon in Almaty, a school day
DAY = date(2026, 11, 25)
TABLET, LAPTOP, PHONE = (f"02:00:00:00:00:{tail}" for tail in ("0a", "1a", "0b"))
DAUGHTER = {
    "name": "Daughter",
    "band": "10-12",
    "devices": [TABLET, LAPTOP],
    "bedtime": {},
    "limits": {"internet": "2h", "service:youtube": "1h"},
}
SON = {"name": "Son", "band": "13-15", "devices": [PHONE]}
MUCH = 300_000
ALL, YOUTUBE = frozenset({"internet"}), frozenset({"internet", "service:youtube"})
FREE = frozenset({"device"})
steps = st.lists(
    st.tuples(
        st.sampled_from(["tablet", "laptop", "kill", "jump", "wait"]),
        st.floats(0.5, 130.0),
        st.integers(0, 400_000),
    ),
    max_size=40,
)
BOOT, OTHER = b"boot-1", b"boot-2"
WALL = 29_000_000 * 60.0  # a whole minute
clock_steps = st.lists(
    st.tuples(st.floats(0.01, 400.0), st.floats(-100_000.0, 100_000.0) | st.just(0.0)), max_size=40
)


class Clock:
    """The loop's timers and the wall, moved by hand."""

    def __init__(self) -> None:
        self.boot = 1000.0
        self.wall = NOON
        self._timers: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()

    def now(self) -> float:
        return self.boot

    def call_at(self, when: float, callback: Callable[[], None]) -> Timer:
        timer = Timer(when, callback)
        heapq.heappush(self._timers, (when, next(self._order), timer))
        return timer

    def call_later(self, delay: float, callback: Callable[[], None]) -> Timer:
        return self.call_at(self.boot + delay, callback)

    def pass_(self, seconds: float) -> None:
        until = self.boot + seconds
        while self._timers and self._timers[0][0] <= until:
            when, _, timer = heapq.heappop(self._timers)
            self._to(max(when, self.boot))
            if timer.callback is not None:
                timer.callback()
        self._to(until)

    def _to(self, boot: float) -> None:
        self.wall += timedelta(seconds=boot - self.boot)
        self.boot = boot

    @property
    def pending(self) -> int:
        """Timers of looks; the sweep's is not one."""
        return sum(one.callback is not None and one.when - self.boot < SWEEP - 1 for *_, one in self._timers)


class PretendedKernel:
    def __init__(self) -> None:
        self.bytes: dict[tuple[int, int], int] = {}
        self.open: list[PassElement] = []
        self.flows: list[Moved] = []
        self.looks = 0
        self.asked: list[frozenset[int]] = []
        self.found: Mapping[tuple[int, int], int] = {}  # what the table of a killed daemon had counted

    def used(self) -> Mapping[tuple[int, int], int]:
        self.looks += 1
        return self.bytes

    def passes(self) -> Iterable[PassElement]:
        return self.open

    def position(self) -> Mapping[tuple[int, int], int]:
        return self.bytes

    def moved(self, slots: Collection[int]) -> Iterator[list[Moved]]:
        self.asked.append(frozenset(slots))
        found, self.flows = self.flows, []
        for moved in found:
            if moved.slot in slots:
                yield [moved]

    def all_flows(self) -> Iterator[list[Flow]]:
        for moved in self.flows:
            yield list(moved.flows)


class World:
    def __init__(self, folder: Path, profiles: Mapping[str, Mapping[str, object]] | None = None) -> None:
        self.folder = folder
        self.clock = Clock()
        self.kernel = PretendedKernel()
        self.live = LiveFlows()
        self.changes: list[float] = []
        self.swept: list[int] = []  # flows that each sweep left
        path = write(folder, profiles or {"daughter": DAUGHTER, "son": SON, "mum": MUM})
        self.rules = RuleBook(path)
        self.bus = Bus()
        self.store = Store(folder / "state" / "q.db", bus=self.bus)
        self.family = Family(
            self.store,
            AddressBook(),
            ServiceBook(lambda _: (), self.clock.now),
            self.clock.now,
            self.store.class_number,
        )
        self.rebuild()
        self.meter = self.begin()

    def rebuild(self) -> None:
        self.family.rebuild(self.rules.household, self.rules.world, self.rules.calendar, NOON)

    def begin(self) -> Meter:
        """As at a start of the daemon: nothing in memory is left."""
        self.kernel.found, self.kernel.bytes = self.kernel.bytes, {}
        file = MinutesFile(
            self.folder / "minutes", lambda day, records: self.store.minutes.keep(day, spent(records))
        )
        self.bus.subscribe(
            ActivityErased,
            lambda event: file.erase(event.profile, past=event.past, running=event.running),
        )
        self.books = Ledgers(file, lambda: self.rules.world.catalogue)
        meter = Meter(
            cast(Loop, self.clock),
            self.kernel,
            self.kernel,
            self.family,
            self.books,
            self.live,
            CounterMark(self.folder / "metered"),
            UseRecorder(self.live, lambda: self.rules.world),
            lambda: self.clock.wall,
            classes=self.store.classes,
            catalogue=lambda: self.rules.world.catalogue,
            day_of=self.rules.calendar.family_day,
            changed=lambda: self.changes.append(self.clock.boot),
            swept=lambda: self.swept.append(len(self.live)),
        )
        meter.start()
        return meter

    def kill(self) -> None:
        """No last word, and no timer that fires."""
        self.clock._timers.clear()
        self.meter = self.begin()
        self.meter.refresh()

    def member(self, mac: str) -> Member:
        found = self.family.member_of(mac)
        assert found is not None
        return found

    def opened(self, mac: str, gates: frozenset[str]) -> tuple[int, int]:
        slot = self.member(mac).slot
        number = self.store.class_number(slot, gates)
        element = PassElement(slot, number)
        if element not in self.kernel.open:
            self.kernel.open.append(element)
            self.meter.wake()
        return slot, number

    def move(self, mac: str, size: int, gates: frozenset[str] = ALL) -> None:
        pair = self.opened(mac, gates)
        self.kernel.bytes[pair] = self.kernel.bytes.get(pair, 0) + size

    def stream(self, mac: str, size: int, host: str, gates: frozenset[str] = ALL) -> None:
        """Bytes on a connection that was decided on a host's name."""
        slot, number = self.opened(mac, gates)
        flow = FlowId(slot, 6, b"\n\0\0\1", 4000 + len(host), b"\n\0\0\2", 443)
        self.live.put(flow, LiveFlow((Observation(Proto.TLS, host),), number, False))
        self.kernel.flows.append(Moved(slot, number, size, (flow, flow)))
        self.move(mac, size, gates)

    def bare(self, mac: str, size: int, service: str, gates: frozenset[str] = ALL) -> None:
        """Bytes on a connection without a name, which was recognised as a service."""
        slot, number = self.opened(mac, gates)
        flow = FlowId(slot, 6, b"\n\0\0\1", 3000 + len(service), b"\n\0\0\3", 443)
        seen = Observation(Proto.TCP, None, b"\n\0\0\3", 443)
        self.live.put(flow, LiveFlow((seen,), number, False, (service,)))
        self.kernel.flows.append(Moved(slot, number, size, (flow, flow)))
        self.move(mac, size, gates)

    def used(self, profile: str = "daughter") -> Mapping[str, int]:
        return self.books.used(profile)[1]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.store.close()


def test_a_minute_counts_at_its_end_and_is_told_at_once(world: World) -> None:
    world.clock.pass_(20.0)
    world.move(TABLET, MUCH)
    world.clock.pass_(39.9)
    assert world.used() == {}
    world.clock.pass_(0.1)
    assert world.used() == {"internet": 1}
    assert world.books.used("daughter")[0] == DAY
    assert world.changes == [1060.0]
    world.clock.pass_(600.0)
    assert world.used() == {"internet": 1}
    assert len(world.changes) == 1, "silent minutes change nothing"


def test_two_devices_share_their_minutes(world: World) -> None:
    for _ in range(3):
        world.move(TABLET, MUCH)
        world.move(LAPTOP, MUCH)
        world.clock.pass_(60.0)
    assert world.used() == {"internet": 3}
    world.move(LAPTOP, MUCH)
    world.clock.pass_(60.0)
    assert world.used() == {"internet": 4}
    assert world.books.used_on("daughter") == {TABLET: {"internet": 3}, LAPTOP: {"internet": 4}}
    assert world.books.used_on("son") == {}
    entries = world.books.entries("daughter", DAY)
    assert [(one.device, (one.at - NOON).seconds // 60) for one in entries] == [
        (TABLET, 0),
        (LAPTOP, 0),
        (TABLET, 1),
        (LAPTOP, 1),
        (TABLET, 2),
        (LAPTOP, 2),
        (LAPTOP, 3),
    ]


def test_silence_and_what_is_not_counted_spend_nothing(world: World) -> None:
    for _ in range(5):
        world.move(TABLET, 5_000)  # push messages
        world.move(TABLET, 1 << 30, FREE)  # an update
        world.move(TABLET, 1 << 30, frozenset({"internet", "uncounted"}))  # school
        world.clock.pass_(60.0)
    assert world.used() == {}
    assert world.books.entries("daughter", DAY) == ()


def test_a_service_has_its_minutes_and_the_ledger_names_it(world: World) -> None:
    world.stream(TABLET, MUCH, "www.youtube.com", YOUTUBE)
    world.stream(LAPTOP, MUCH, "www.netflix.com")
    world.clock.pass_(60.0)
    assert world.used() == {"internet": 1, "service:youtube": 1}
    told = {(one.device, one.gate, one.service) for one in world.books.entries("daughter", DAY)}
    assert told == {
        (TABLET, "internet", "youtube"),
        (TABLET, "service:youtube", "youtube"),
        (LAPTOP, "internet", "netflix"),
    }
    assert all(
        one.why is CountReason.MOVED and one.bytes == MUCH for one in world.books.entries("daughter", DAY)
    )


def test_what_is_erased_of_a_person_is_what_for_and_the_minutes_go_on(world: World) -> None:
    world.stream(TABLET, MUCH, "www.youtube.com", YOUTUBE)
    world.clock.pass_(60.0)
    world.store.erase("daughter")
    (first, second) = world.books.entries("daughter", DAY)
    assert (first.service, first.bytes, second.service) == (None, 0, None)
    world.move(TABLET, MUCH)
    world.clock.pass_(60.0)
    assert world.used() == {"internet": 2, "service:youtube": 1}
    world.kill()
    assert world.used() == {"internet": 2, "service:youtube": 1}


def test_what_no_connection_explains_is_of_no_service(world: World) -> None:
    world.stream(TABLET, 1000, "www.netflix.com")
    world.move(TABLET, MUCH)
    world.clock.pass_(60.0)
    assert [one.service for one in world.books.entries("daughter", DAY)] == [None]
    slot = world.member(TABLET).slot
    assert world.kernel.asked[0] == frozenset({slot}), "only where something moved"


def test_nothing_to_meter_no_looks(tmp_path: Path) -> None:
    """Nothing at all is kept of this family: no limit, and log level 0."""
    world = World(tmp_path, {"son": {**SON, "log_level": 0}, "mum": MUM})
    looks = world.kernel.looks
    world.move(PHONE, MUCH, FREE)
    world.clock.pass_(6000.0)
    assert world.kernel.looks == looks
    assert world.clock.pending == 0
    assert not (tmp_path / "minutes").exists()
    world.store.close()


def test_while_all_is_closed_the_kernel_is_left_in_peace(world: World) -> None:
    world.move(TABLET, MUCH)
    world.clock.pass_(60.0)
    world.move(TABLET, MUCH)
    world.kernel.open.clear()
    world.clock.pass_(60.0)
    assert world.used() == {"internet": 2}, "what moved before it closed counts"
    looks = world.kernel.looks
    world.clock.pass_(3600.0)
    assert world.kernel.looks == looks
    world.move(TABLET, MUCH)
    world.clock.pass_(60.0)
    assert world.used() == {"internet": 3}


def test_a_device_that_changes_hands_leaves_its_minutes(world: World) -> None:
    world.move(LAPTOP, MUCH)
    world.clock.pass_(60.0)
    world.move(LAPTOP, MUCH)
    world.meter.settle()
    write(
        world.folder,
        {
            "daughter": {**DAUGHTER, "devices": [TABLET]},
            "son": {**SON, "devices": [PHONE, LAPTOP], "limits": {"internet": "1h"}},
        },
    )
    world.rules.reload()
    world.rebuild()
    world.meter.refresh()
    world.move(LAPTOP, 2 * MUCH)
    world.clock.pass_(60.0)
    assert world.used("daughter") == {"internet": 2}
    assert world.used("son") == {"internet": 1}


def test_a_reading_of_many_connections_is_finished_before_rules_change(world: World) -> None:
    """Each part of the connection table is read in a turn of its own: packets are decided in between."""
    for host in ("a.example", "bb.example", "ccc.example"):
        world.stream(TABLET, MUCH, host)
    position = world.folder / "metered"
    before = position.read_bytes() if position.exists() else b""
    world.meter.tick()
    assert not position.exists() or position.read_bytes() == before, "only the first part was read"
    world.meter.settle()
    assert position.read_bytes() != before
    world.clock.pass_(60.0)
    assert world.used() == {"internet": 1}
    assert world.books.used_on("daughter") == {TABLET: {"internet": 1}}


@pytest.mark.parametrize("reason", ["pause", "hours", "limit", ""])
def test_idle_minutes_of_a_blocked_device_do_not_count(tmp_path: Path, reason: str) -> None:
    limits = {"limits": {"internet": "3m" if reason == "limit" else "2h"}, "linger": "10m"}
    hours = {"windows": {"internet": {"school": ["10:00-12:02"]}}} if reason == "hours" else {}
    world = World(tmp_path, {"daughter": {**DAUGHTER, **limits, **hours}})
    world.family.minutes = world.books
    for _ in range(2):
        world.move(TABLET, MUCH)
        world.clock.pass_(60.0)
    if reason == "pause":
        world.store.pauses.pause(TABLET, until=None, by="Mum", at=NOON)
    for _ in range(3):
        world.family.situate(world.clock.wall)
        world.clock.pass_(60.0)
    assert world.used() == {"internet": {"limit": 3, "": 5}.get(reason, 2)}
    world.store.close()


def test_rules_that_change_keep_what_was_used(world: World) -> None:
    for _ in range(2):
        world.move(TABLET, MUCH)
        world.clock.pass_(60.0)
    write(world.folder, {"daughter": {**DAUGHTER, "limits": {"internet": "30m"}, "linger": "10m"}})
    world.meter.settle()
    world.rules.reload()
    world.rebuild()
    world.meter.refresh()
    assert world.used() == {"internet": 2}
    world.clock.pass_(60.0)
    assert world.used() == {"internet": 3}, "it lingers now"
    assert [one.why for one in world.books.entries("daughter", DAY)] == [
        CountReason.MOVED,
        CountReason.MOVED,
        CountReason.LINGER,
    ]


def test_the_day_turns_at_its_own_hour_and_is_folded(world: World) -> None:
    world.clock.wall = NOON + timedelta(hours=15, minutes=58)  # 03:58
    world.kill()
    world.move(TABLET, MUCH)
    world.clock.pass_(60.0)
    assert world.used() == {"internet": 1}
    world.clock.pass_(60.0)
    assert world.books.used("daughter") == (DAY + timedelta(days=1), {})
    assert len(world.changes) == 2
    assert world.store.minutes.of("daughter", DAY) == {(DAY, "internet"): 1}
    assert len(world.books.entries("daughter", DAY)) == 1
    world.move(TABLET, MUCH)
    world.clock.pass_(60.0)
    assert world.used() == {"internet": 1}
    world.clock.wall -= timedelta(hours=2)  # set back: the day is yesterday's again, and so is what it used
    world.clock.pass_(120.0)
    assert world.books.used("daughter") == (DAY, {"internet": 1})


def test_without_a_log_minutes_count_and_nobody_reads_them(tmp_path: Path) -> None:
    world = World(tmp_path, {"daughter": {**DAUGHTER, "log_level": 0}})
    world.stream(TABLET, MUCH, "www.youtube.com", YOUTUBE)
    world.clock.pass_(60.0)
    assert world.used() == {"internet": 1, "service:youtube": 1}
    assert world.books.entries("daughter", DAY) == ()
    world.kill()
    assert world.used() == {"internet": 1, "service:youtube": 1}
    assert b"\0youtube" not in next((tmp_path / "minutes").iterdir()).read_bytes()
    world.store.close()


def test_a_guest_has_no_ledger(world: World) -> None:
    slot = world.member("02:00:00:00:00:99").slot
    world.kernel.open.append(PassElement(slot, world.store.class_number(slot, ALL)))
    world.meter.refresh()
    world.kernel.bytes[slot, 1] = MUCH
    world.clock.pass_(60.0)
    assert world.used("guest") == {}


def test_a_kill_within_a_minute_goes_on_with_it(world: World) -> None:
    world.move(TABLET, 150_000)
    world.clock.pass_(12.0)
    world.kill()
    world.clock.pass_(20.0)
    world.move(TABLET, 60_000)
    world.clock.pass_(28.0)
    assert world.used() == {"internet": 1}
    (entry,) = world.books.entries("daughter", DAY)
    assert (entry.at, entry.bytes) == (NOON, 210_000)


def test_what_passed_while_no_daemon_ran_counts(world: World) -> None:
    world.move(TABLET, 150_000)
    world.clock.pass_(12.0)
    world.move(TABLET, 60_000)  # nobody looks any more
    world.kill()
    world.clock.pass_(48.0)
    assert world.used() == {"internet": 1}
    world.move(TABLET, MUCH)
    world.clock.pass_(10.0)
    world.kill()
    world.clock.pass_(50.0)
    assert world.used() == {"internet": 2}
    (world.folder / "metered").write_bytes(b"spoilt")
    world.move(TABLET, 10 * MUCH)
    world.kill()
    world.clock.pass_(120.0)
    assert world.used() == {"internet": 2}, "without a mark nothing says what of it is new"


def test_a_clean_stop_leaves_no_mark_and_loses_nothing(world: World) -> None:
    world.move(TABLET, 150_000)
    world.clock.pass_(12.0)
    assert (world.folder / "metered").exists()
    world.move(TABLET, 60_000)
    world.meter.close()
    assert not (world.folder / "metered").exists()
    world.kernel.bytes = {}
    world.kill()
    world.clock.pass_(48.0)
    assert world.used() == {"internet": 1}


def test_a_minute_that_a_kill_ended_counts_after_all(world: World) -> None:
    world.move(TABLET, MUCH)
    world.clock.pass_(15.0)
    world.clock._timers.clear()
    world.clock.pass_(300.0)
    world.kill()
    assert world.used() == {}
    world.clock.pass_(60.0)
    assert world.used() == {"internet": 1}
    world.kill()
    assert world.used() == {"internet": 1}


@pytest.mark.parametrize("back", [timedelta(days=2), timedelta(days=400)])
def test_after_a_clock_that_was_put_back_and_a_power_cut_minutes_go_on_counting(
    world: World, back: timedelta, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file with the latest date is not the one of the last minute."""
    world.move(TABLET, MUCH)
    world.clock.pass_(60.0)
    world.clock.wall -= back
    world.move(TABLET, MUCH)
    world.clock.pass_(60.0)
    for _ in range(3):
        world.move(TABLET, MUCH)
        world.clock.pass_(60.0)
    assert world.books.used("daughter") == (DAY - back, {"internet": 3})
    boot_id = world.folder / "boot_id"
    boot_id.write_text("2b3c2a52-0000-4000-8000-000000000000")
    monkeypatch.setattr("gateway.metering.meter.BOOT", boot_id)
    world.clock.boot = 5.0
    world.kill()
    for expected in (4, 5):
        world.move(TABLET, MUCH)
        world.clock.pass_(60.0)
        assert world.used() == {"internet": expected}


@pytest.mark.parametrize("jump", [timedelta(hours=5), timedelta(hours=-5), timedelta(seconds=31)])
def test_a_jump_of_the_clock_neither_grants_nor_steals(world: World, jump: timedelta) -> None:
    for _ in range(5):
        world.move(TABLET, MUCH)
        world.clock.pass_(60.0)
    world.move(TABLET, MUCH)
    world.clock.pass_(30.0)
    world.clock.wall += jump
    world.move(TABLET, MUCH)
    world.clock.pass_(30.0)
    assert world.used() == {"internet": 6}
    world.kill()
    assert world.used() == {"internet": 6}
    for _ in range(5):
        world.move(TABLET, MUCH)
        world.clock.pass_(10.0)
    assert world.used()["internet"] <= 7


def test_flows_that_ended_are_forgotten(world: World) -> None:
    world.stream(TABLET, 10, "www.netflix.com")
    kept = list(world.kernel.flows)
    world.clock.pass_(SWEEP)
    assert len(world.live) == 1
    world.kernel.flows = kept
    world.clock.pass_(SWEEP - 1)
    world.kernel.flows = []
    world.clock.pass_(2 * SWEEP + 2)
    assert len(world.live) == 0


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps)
def test_minutes_never_fall_and_never_exceed_the_time_that_passed(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, float, int]]
) -> None:
    world = World(tmp_path_factory.mktemp("meter"))
    highest, began = 0, world.clock.boot
    try:
        for what, seconds, size in steps:
            if what == "kill":
                world.kill()
            elif what == "jump":
                world.clock.wall += timedelta(seconds=(size - 200_000) / 20)  # hours at most, within the day
                world.clock.wall = max(world.clock.wall, NOON - timedelta(hours=7))
                world.clock.wall = min(world.clock.wall, NOON + timedelta(hours=14))
            elif what != "wait":
                world.move(TABLET if what == "tablet" else LAPTOP, size)
            world.clock.pass_(seconds)
            used = world.used().get("internet", 0)
            assert used >= highest
            assert used <= (world.clock.boot - began) / 59.5 + 1
            entries = world.books.entries("daughter", DAY)
            by_device = [sum(one.device == mac for one in entries) for mac in (TABLET, LAPTOP)]
            assert max(by_device) <= used <= sum(by_device)
            highest = used
    finally:
        world.store.close()


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(st.floats(15.0, 90.0), st.booleans()), max_size=10))
def test_kills_at_any_moment_cost_no_minute(
    tmp_path_factory: pytest.TempPathFactory, kills: list[tuple[float, bool]]
) -> None:
    """20 kB a second all the time: what a kill may cost, ten seconds, takes no minute below its threshold."""
    world = World(tmp_path_factory.mktemp("meter"))
    began = world.clock.boot

    def go_on(seconds: float) -> None:
        while seconds > 0:
            step = min(1.0, seconds)
            world.move(TABLET, int(20_000 * step))
            world.clock.pass_(step)
            seconds -= step

    try:
        for wait, mark_too in kills:
            go_on(wait)
            if mark_too:
                (world.folder / "metered").unlink(missing_ok=True)
            world.kill()
        go_on(60.0 - (world.clock.boot - began) % 60.0)
        world.clock.pass_(0.01)
        assert world.used()["internet"] == round((world.clock.boot - began) / 60)
    finally:
        world.store.close()


@pytest.mark.parametrize("days", [1, 9, 400])
def test_a_day_that_a_wrong_clock_left_behind_is_taken_up_again(world: World, days: int) -> None:
    """A slip of the pen in `date -s`, found two minutes and a restart later."""
    for _ in range(5):
        world.move(TABLET, MUCH)
        world.clock.pass_(60.0)
    world.clock.wall += timedelta(days=days)
    world.clock.pass_(60.0)
    world.move(TABLET, MUCH)
    world.clock.pass_(60.0)
    world.kill()
    world.clock.wall -= timedelta(days=days)
    world.clock.pass_(60.0)
    assert world.used() == {"internet": 5}


def test_minutes_turn_with_the_walls() -> None:
    clock = MinuteClock(1000.0, WALL + 20.0, BOOT)
    assert (clock.number, clock.ends) == (29_000_000, 1040.0)
    assert not clock.turn(1039.9, WALL + 59.9)
    assert clock.turn(1040.0, WALL + 60.0)
    assert (clock.number, clock.started, clock.ends) == (29_000_001, 1040.0, 1100.0)


def test_looks_come_every_ten_seconds_of_the_wall() -> None:
    clock = MinuteClock(1000.0, WALL + 13.0, BOOT)
    found, now = [], 1000.0
    while now < clock.ends:
        now = clock.next_tick(now)
        found.append(WALL + 13.0 + now - 1000.0 - WALL)
    assert found == [20.0, 30.0, 40.0, 50.0, 60.0]


def test_a_sleep_of_the_machine_is_passed_at_once() -> None:
    clock = MinuteClock(1000.0, WALL, BOOT)
    assert clock.turn(1000.0 + 3 * 3600 + 30, WALL + 3 * 3600 + 30)
    assert clock.number == 29_000_000 + 180
    assert clock.ends == 1000.0 + 181 * 60


def test_after_a_jump_one_minute_is_longer() -> None:
    for jump, length in ((-3600.0, 60.0), (7.0, 113.0), (-7.0, 67.0), (0.25, 59.75), (29.0, 91.0)):
        clock = MinuteClock(1000.0, WALL, BOOT)
        clock.turn(1060.0, WALL + 60.0 + jump)
        assert clock.number == 29_000_001
        assert clock.ends - clock.started == length
        assert (WALL + clock.ends - 1000.0 + jump) % MINUTE == 0


def test_who_sets_the_clock_again_and_again_gets_no_time() -> None:
    """A second ahead of each of its minutes: each would last two."""
    clock = MinuteClock(1000.0, WALL, BOOT)
    first, jumped, now = clock.number, 0.0, 1000.0
    while now < 1000.0 + 7200.0:
        now = clock.ends
        jumped += -(WALL + now - 1000.0 + jumped) % MINUTE + 1.0
        clock.turn(now, WALL + now - 1000.0 + jumped)
    assert clock.number - first >= (now - 1000.0) / MINUTE - 1.0


def test_a_day_after_a_jump_another_one_is_made_up_for() -> None:
    clock = MinuteClock(1000.0, WALL, BOOT)
    clock.turn(1060.0, WALL + 60.0 + 7.0)
    clock.turn(clock.ends, WALL + clock.ends - 1000.0 + 7.0 + 10.0)
    now = clock.started
    while now < 1060.0 + APART:
        assert clock.ends - clock.started == MINUTE
        now = clock.ends
        clock.turn(now, WALL + now - 1000.0 + 17.0)
    assert (WALL + clock.ends - 1000.0 + 17.0) % MINUTE == 0


def test_a_restart_within_a_minute_goes_on_with_it() -> None:
    first = MinuteClock(1000.0, WALL + 20.0, BOOT)
    again = MinuteClock(1030.0, WALL + 50.0, BOOT, first.record)
    assert (again.number, again.started, again.ends) == (first.number, first.started, first.ends)
    later = MinuteClock(1050.0, WALL + 70.0, BOOT, first.record)
    assert (later.number, later.ends) == (first.number + 1, 1100.0)


def test_a_restart_after_a_jump_back_counts_on() -> None:
    first = MinuteClock(1000.0, WALL + 20.0, BOOT)
    assert MinuteClock(1200.0, WALL - 7200 + 220.0, BOOT, first.record).number == first.number + 3


def test_after_a_new_start_of_the_machine_the_wall_tells_whether_it_is_the_same_minute() -> None:
    last = MinuteClock(1000.0, WALL + 20.0, BOOT).record
    assert MinuteClock(5.0, WALL + 40.0, OTHER, last).number == last.minute
    assert MinuteClock(5.0, WALL - 9999.0, OTHER, last).number == last.minute + 1
    assert MinuteClock(5.0, WALL + 9999.0, OTHER, last).number == last.minute + 166


@given(clock_steps, st.floats(0, 59.99))
def test_however_the_wall_jumps_numbers_rise_and_no_minute_is_short(
    clock_steps: list[tuple[float, float]], phase: float
) -> None:
    now, wall = 1000.0, WALL + phase
    clock = MinuteClock(now, wall, BOOT)
    first, begun = clock.number, clock.started
    for wait, jump in clock_steps:
        wall += jump
        due = min(now + wait, max(now, clock.next_tick(now)))
        wall, now = wall + due - now, due
        before = clock.number, clock.started
        if clock.turn(now, wall):
            assert clock.number > before[0]
            assert clock.started - before[1] >= MINUTE - SLIP - 1e-6
        assert clock.ends > now
        assert clock.next_tick(now) - now <= TICK + SLIP + 1e-6
        assert clock.ends - clock.started >= MINUTE - SLIP - 1e-6 or clock.number == first
        assert clock.number - first <= (now - begun) / (MINUTE - SLIP)


def test_a_mark_that_cannot_be_deleted_does_not_end_a_stop(tmp_path: Path) -> None:
    """As in a read-only runtime folder: the kernel's table is removed after it."""
    path = tmp_path / "metered"
    path.mkdir()  # cannot be deleted as a file
    mark = CounterMark(path)
    mark.write({(1, 2): 3})
    mark.remove()
    assert path.is_dir()
