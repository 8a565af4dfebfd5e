"""Minutes by kind, where a limit counts and where none does: real files, a pretended kernel and clock."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.metering.ledgers import fold
from gateway.policy.time.gates import state_gates
from gateway.store.minutes_file import MinuteRecord, UseRecord
from tests.household.household_files import MUM
from tests.metering.test_meter import DAUGHTER, DAY, LAPTOP, MUCH, PHONE, SON, TABLET, World

PAD = "02:00:00:00:00:1b"
TEEN = {**SON, "devices": [PHONE, PAD], "homework": ["homework.example"]}
PUPIL = {"name": "Pupil", "band": "6-9", "devices": [TABLET, LAPTOP]}
GAMES = "category:games"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A family without a limit, as the band of 13-15 has none."""
    made = World(tmp_path, {"son": TEEN, "mum": MUM})
    yield made
    made.store.close()


def gates(world: World, profile: str, *more: str) -> frozenset[str]:
    return frozenset({*state_gates(world.rules.household.profile(profile).rules), *more})


def streams(world: World, mac: str, host: str, size: int = MUCH, profile: str = "son", *more: str) -> None:
    world.stream(mac, size, host, gates(world, profile, *more))


def told(world: World, profile: str = "son") -> Mapping[str, int]:
    """Minutes by use."""
    minutes: dict[str, set[object]] = {}
    for one in world.books.uses(profile, DAY):
        minutes.setdefault(one.use, set()).add(one.at)
    return {use: len(found) for use, found in minutes.items()}


def test_without_any_limit_minutes_are_kept_by_kind_alone(world: World) -> None:
    streams(world, PHONE, "www.youtube.com")
    world.clock.pass_(60.0)
    streams(world, PHONE, "www.roblox.com")
    world.clock.pass_(60.0)
    streams(world, PHONE, "nobody-knows.example")
    world.clock.pass_(60.0)
    assert told(world) == {"all": 3, "category:video_sharing": 1, GAMES: 1, "other": 1}


def test_a_connection_without_a_name_is_kept_by_the_categories_of_its_service(world: World) -> None:
    world.bare(PHONE, MUCH, "telegram", gates(world, "son"))
    world.clock.pass_(60.0)
    assert told(world) == {"all": 1, "category:messaging": 1, "category:social_networks": 1}


def test_they_are_no_limits_minutes(world: World) -> None:
    """Nothing is used up, nothing is cut or warned of, and the ledger has none of them."""
    streams(world, PHONE, "www.youtube.com")
    world.clock.pass_(60.0)
    assert told(world)["all"] == 1
    assert (world.used("son"), world.books.used_on("son"), world.changes) == ({}, {}, [])
    assert world.books.entries("son", DAY) == ()
    world.clock.pass_(86_400.0)
    assert world.store.minutes.of("son", DAY) == {}, "nor has the table of counted minutes"


def test_devices_of_one_child_share_a_minute(world: World) -> None:
    for mac in (PHONE, PAD):
        streams(world, mac, "www.roblox.com")
    world.clock.pass_(60.0)
    records = [one for one in world.books.uses("son", DAY) if one.use == GAMES]
    assert len(records) == 1
    assert told(world) == {"all": 1, GAMES: 1}


def test_a_minute_counts_from_as_much_on_as_a_limits_and_nothing_lingers(tmp_path: Path) -> None:
    world = World(tmp_path, {"son": {**TEEN, "linger": "5m"}, "mum": MUM})
    streams(world, PHONE, "www.roblox.com", 199_999)
    world.clock.pass_(60.0)
    assert told(world) == {}
    streams(world, PHONE, "www.roblox.com", 200_000)
    world.clock.pass_(300.0)
    assert told(world) == {"all": 1, GAMES: 1}
    world.store.close()


@pytest.mark.parametrize(
    "host", ["homework.example", "kk.wikipedia.org", "update.microsoft.com", "time.apple.com"]
)
def test_homework_school_and_updates_are_left_out_by_name(world: World, host: str) -> None:
    streams(world, PHONE, host)
    world.clock.pass_(60.0)
    assert told(world) == {}
    streams(world, PHONE, "www.roblox.com")
    world.clock.pass_(60.0)
    assert told(world) == {"all": 1, GAMES: 1}


def test_what_has_fewer_gates_than_the_device_is_left_out(world: World) -> None:
    world.move(PHONE, MUCH, frozenset({"device"}))  # open at bedtime too
    world.move(PHONE, MUCH, frozenset())
    world.clock.pass_(60.0)
    assert told(world) == {}


@pytest.mark.parametrize(("level", "service"), [(0, None), (1, None), (2, None), (3, 1)])
def test_the_log_level_says_how_much_is_kept(tmp_path: Path, level: int, service: int | None) -> None:
    world = World(tmp_path, {"pupil": {**PUPIL, "log_level": level, "limits": {}}, "mum": MUM})
    world.stream(TABLET, MUCH, "www.roblox.com", gates(world, "pupil"))
    world.clock.pass_(60.0)
    found = told(world, "pupil")
    assert found.get("service:roblox") == service
    assert found.get(GAMES) == (1 if level else None)
    files = list((tmp_path / "minutes").glob("*"))
    assert len(files) == (1 if level else 0)
    assert all((b"roblox" in file.read_bytes()) == bool(service) for file in files)
    world.store.close()


def test_a_service_with_an_action_of_its_own_is_not_kept_by_name(tmp_path: Path) -> None:
    own = {"service:roblox": "count"}
    world = World(tmp_path, {"son": {**TEEN, "log_level": 1, "categories": own}, "mum": MUM})
    streams(world, PHONE, "www.roblox.com")
    world.clock.pass_(60.0)
    assert told(world) == {"all": 1, GAMES: 1}
    world.store.close()


def test_a_kill_costs_the_running_minute_alone(world: World) -> None:
    streams(world, PHONE, "www.roblox.com")
    world.clock.pass_(60.0)
    world.kill()
    streams(world, PHONE, "www.roblox.com")
    world.clock.pass_(60.0)
    assert told(world) == {"all": 2, GAMES: 2}


def test_what_a_limit_of_a_kind_counts_is_a_minute_of_the_kind(tmp_path: Path) -> None:
    world = World(tmp_path, {"daughter": {**DAUGHTER, "limits": {GAMES: "1h"}, "bedtime": {}}, "mum": MUM})
    for _ in range(3):
        world.move(TABLET, MUCH, gates(world, "daughter", GAMES))  # of no name
        world.clock.pass_(60.0)
    streams(world, LAPTOP, "www.roblox.com", MUCH, "daughter", GAMES)
    world.clock.pass_(60.0)
    assert world.used() == {GAMES: 4}
    assert told(world, "daughter")[GAMES] == 4
    world.store.close()


STEP = st.tuples(
    st.sampled_from([TABLET, LAPTOP]),
    st.sampled_from(["www.youtube.com", "www.roblox.com", ""]),
    st.integers(1, 500_000),
    st.floats(1.0, 100.0),
)


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=st.lists(STEP, min_size=1, max_size=12))
def test_limits_count_as_if_nothing_was_kept_by_kind_and_both_agree(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, str, int, float]]
) -> None:
    found = []
    for level in (0, 2):
        folder = tmp_path_factory.mktemp("home")
        rules = {**DAUGHTER, "log_level": level, "limits": {"internet": "20h", "service:youtube": "1h"}}
        world = World(folder, {"daughter": rules, "mum": MUM})
        for mac, host, size, wait in steps:
            own = ("service:youtube",) if "youtube" in host else ()
            if host:
                streams(world, mac, host, size, "daughter", *own)
            else:
                world.move(mac, size, gates(world, "daughter"))
            world.clock.pass_(wait)
        world.clock.pass_(60.0)
        records = world.meter._books._file.details(DAY)
        counted = [
            (one.minute, one.device, one.gate, one.bytes, one.why)
            for one in records
            if isinstance(one, MinuteRecord)
        ]
        kept = {one.minute for one in records if isinstance(one, UseRecord) and one.use == "all"}
        found.append((counted, world.used(), world.books.used_on("daughter"), world.changes))
        assert len(kept) == (world.used().get("internet", 0) if level else 0)
        world.store.close()
    assert found[0] == found[1]


def test_erased_names_leave_kinds_and_all_leaves_the_limits_day(tmp_path: Path) -> None:
    world = World(tmp_path, {"pupil": {**PUPIL, "log_level": 3}, "mum": MUM})
    world.stream(TABLET, MUCH, "www.roblox.com", gates(world, "pupil", "play"))
    world.clock.pass_(60.0)
    world.store.erase("pupil")
    assert told(world, "pupil") == {"all": 1, GAMES: 1}
    world.store.erase("pupil", counts=True)
    assert told(world, "pupil") == {}
    assert world.used("pupil") == {"play": 1}
    world.store.close()


@pytest.mark.parametrize(
    ("level", "kept"), [(0, set()), (2, {"all", GAMES}), (3, {"all", GAMES, "service:roblox"})]
)
def test_a_day_that_is_over_keeps_what_the_level_of_then_allows(
    tmp_path: Path, level: int, kept: set[str]
) -> None:
    world = World(tmp_path, {"pupil": {**PUPIL, "log_level": level}, "mum": MUM})
    records = [UseRecord(1, "pupil", use) for use in ("all", GAMES, "service:roblox")]
    fold(DAY, records, world.store, world.rules)
    assert world.store.history.of("pupil", DAY, DAY).get(DAY, {}) == dict.fromkeys(kept, 1)
    assert world.store.minutes.of("pupil", DAY) == {}
    world.store.close()


def test_what_is_kept_goes_as_counts_go(tmp_path: Path) -> None:
    world = World(tmp_path, {"pupil": {**PUPIL, "log_level": 3}, "mum": MUM})
    fold(DAY, [UseRecord(1, "pupil", use) for use in (GAMES, "service:roblox")], world.store, world.rules)
    at = world.clock.wall
    for days, kept in ((7, {GAMES, "service:roblox"}), (9, {GAMES}), (32, set())):
        world.store.purge(at + timedelta(days=days))
        assert set(world.store.history.of("pupil", DAY, DAY).get(DAY, {})) == kept, days
    world.store.close()


def test_a_child_whose_log_ends_has_nothing_kept_from_then_on(world: World) -> None:
    streams(world, PHONE, "www.roblox.com")
    world.clock.pass_(60.0)
    file = world.folder / "profiles" / "son.yaml"
    file.write_text(file.read_text() + "log_level: 0\n")
    world.meter.settle()
    world.rules.reload()
    world.rebuild()
    world.meter.refresh()
    streams(world, PHONE, "www.roblox.com")
    world.clock.pass_(60.0)
    assert told(world) == {"all": 1, GAMES: 1}
