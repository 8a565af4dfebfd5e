"""The last known time, and jumps of the clock."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.household import clock_watch
from gateway.household.clock_watch import EARLIEST, LAST, RUN, STORE
from tests.household.clocks import DAY, NOTHING, RIGHT, Scene, a_scene, agreed


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    yield from a_scene(tmp_path)


# ------------------------------------------------------------------------------------ the last known time


def test_the_last_time_is_a_lower_bound_and_never_the_answer(scene: Scene) -> None:
    scene.machine.kept = True
    scene.begin()
    scene.machine.wait(100)
    scene.end()
    scene.machine.start(off=DAY, behind=100 * DAY)
    watch = scene.begin()
    assert not watch.known
    assert watch.lower_bound == RIGHT + timedelta(seconds=100)
    assert scene.clock.now() == RIGHT + timedelta(seconds=100)
    scene.machine.wait(1000)
    watch.look()
    assert scene.clock.now() == RIGHT + timedelta(seconds=1100), "it goes on"
    scene.kill()
    scene.machine.wait(10)
    watch = scene.begin()
    assert scene.clock.now() == RIGHT + timedelta(seconds=1110), "over a start of the daemon too"
    assert not watch.known
    assert scene.jumps == []


def test_a_clock_that_nobody_vouches_for_is_followed_forward(scene: Scene) -> None:
    scene.machine.start(behind=DAY)
    watch = scene.begin()
    scene.machine.ahead = 0
    watch.look()
    assert scene.wrong_by == NOTHING
    assert scene.sizes == [DAY]
    assert not watch.known


def test_a_service_is_believed_where_the_last_time_was_later(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    clock_watch.write_clock(scene.state, clock_watch.LastTime(at=RIGHT.timestamp() + 300 * DAY))
    scene.machine.kept = True
    watch = scene.begin()
    assert watch.known
    assert scene.wrong_by == NOTHING
    assert watch.lower_bound == RIGHT


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '{"at": NaN, "heard": 1.0, "rtc": true}',
        '{"at": 1e99, "heard": 1.0, "rtc": true}',
        '{"at": "x", "heard": 1.0, "rtc": true}',
        '{"at": 1.0}',
        '{"at": 5, "heard": true, "rtc": 1}',
        "\xff" * 5000,
    ],
)
def test_broken_files_cost_only_what_they_told(scene: Scene, text: str) -> None:
    (scene.state / LAST).write_text(text)
    (scene.runtime / RUN).write_text(text)
    watch = scene.begin()
    assert not watch.known
    assert watch.lower_bound == EARLIEST


def test_files_that_cannot_be_written_stop_nothing(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    scene.state.rmdir()
    scene.runtime.rmdir()
    scene.machine.kept = True
    watch = scene.begin()
    assert watch.known
    assert "cannot be written (No such file or directory)" in caplog.text
    watch.close()


def test_the_time_is_written_every_fifteen_minutes_and_at_the_end(scene: Scene) -> None:
    scene.machine.kept = True
    watch = scene.begin()
    stored = (scene.state / LAST).read_text()
    scene.machine.wait(STORE - 1)
    for _ in range(60):
        watch.look()
    assert (scene.state / LAST).read_text() == stored
    due = watch._timers["store"].when - scene.loop.now()
    assert due == pytest.approx(STORE, abs=1)
    scene.end()
    assert clock_watch.read_last(scene.state).at == scene.machine.right


# -------------------------------------------------------------------------------------------------- jumps


@pytest.mark.parametrize("source", ["service", "stamp", "host", "battery"])
def test_the_familys_time_follows_the_clock_that_is_set(scene: Scene, source: str) -> None:
    if source == "battery":
        agreed(scene)
        scene.machine.start(off=DAY)
        scene.machine.with_battery()
    scene.machine.kept, scene.machine.guest = source == "service", source == "host"
    if source == "stamp":
        scene.machine.stamp(scene.runtime)
    watch = scene.begin()
    bound = watch.lower_bound
    scene.machine.kept = False  # as the kernel has it after a set
    for ahead in (-7200, 9 * DAY, 4000 * DAY, -4000 * DAY):
        scene.machine.ahead = ahead
        watch.look()
        assert scene.wrong_by == timedelta(seconds=ahead)
        assert watch.aside == NOTHING
        assert watch.why == "set by root"
    assert scene.sizes == [-7200, 7200 + 9 * DAY, 3991 * DAY, -8000 * DAY]
    assert all(one.was_known and one.known for one in scene.jumps)
    scene.end()
    watch = scene.begin()
    assert watch.lower_bound == bound, "root may only be trying something"
    assert not watch.offer(RIGHT, "Mum")
    scene.machine.ahead, scene.machine.kept = 0, True
    watch.look()
    assert watch.why == "synchronised"
    assert scene.wrong_by == NOTHING


def test_a_stamp_from_before_a_set_vouches_for_nothing_after_it(scene: Scene) -> None:
    watch = scene.begin()
    scene.machine.stamp(scene.runtime)
    watch.look()
    scene.machine.wait(5)
    watch.look()
    scene.machine.wait(5)
    scene.machine.ahead = 3600
    watch.look()
    assert watch.why == "set by root"
    scene.machine.wait(5)
    watch.look()
    assert watch.why == "set by root"
    scene.machine.stamp(scene.runtime)
    watch.look()
    assert watch.why == "hotplug stamp"
    assert scene.sizes == [0, 3600]


def test_a_service_that_steps_tells_how_far(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    scene.machine.kept = True
    watch = scene.begin()
    scene.machine.ahead = -90
    watch.look()
    scene.machine.ahead = 3600
    watch.look()
    assert scene.sizes == [-90, 3690]
    assert scene.jumps[0].before == RIGHT
    assert scene.jumps[0].after == RIGHT - timedelta(seconds=90)
    assert "the time went back by 0:01:30" in caplog.text
    assert "the time went forward by 1:01:30" in caplog.text


def test_many_small_steps_are_one_jump(scene: Scene) -> None:
    scene.machine.kept = True
    watch = scene.begin()
    for step in range(1, 5):
        scene.machine.ahead = step * 0.3
        watch.look()
    assert [one.size.total_seconds() for one in scene.jumps] == [pytest.approx(1.2)]


def test_a_jump_while_no_daemon_runs_is_told_at_the_start(scene: Scene) -> None:
    scene.machine.kept = True
    scene.begin()
    scene.kill()
    scene.machine.wait(30)
    scene.machine.ahead = 1800
    scene.begin()
    assert scene.sizes == [1800]
    scene.kill()
    scene.begin()
    assert scene.sizes == [1800]


def test_a_start_of_the_daemon_forgets_no_phone(scene: Scene) -> None:
    scene.machine.start(behind=3 * DAY)
    scene.begin().offer(RIGHT, "Mum")
    scene.kill()
    scene.machine.wait(50)
    watch = scene.begin()
    assert watch.why == "guardian Mum's phone"
    assert scene.wrong_by == NOTHING
    assert scene.sizes == [3 * DAY]


def test_a_start_of_the_machine_forgets_it(scene: Scene) -> None:
    scene.begin().offer(RIGHT, "Mum")
    scene.end()
    scene.machine.start(off=60)
    assert not scene.begin().known


@settings(max_examples=60, deadline=None)
@given(
    acts=st.lists(
        st.tuples(
            st.sampled_from(["set", "service", "stamp", "phone", "wait", "restart", "kill"]),
            st.integers(-200_000, 200_000),
        ),
        max_size=12,
    )
)
def test_the_jumps_that_are_told_are_all_that_there_are(
    tmp_path_factory: pytest.TempPathFactory, acts: list[tuple[str, int]]
) -> None:
    """The family's time is that of the start, the seconds since, and the jumps."""
    scene = Scene(tmp_path_factory.mktemp("clock"))
    watch = scene.begin()
    began, right = scene.clock.now(), scene.machine.right
    was_known = False
    for act, number in acts:
        scene.machine.wait(1)
        if act == "set":
            scene.machine.ahead, scene.machine.kept = float(number), False
        elif act == "service":
            scene.machine.ahead, scene.machine.kept = 0.0, True
        elif act == "stamp":
            scene.machine.stamp(scene.runtime)
        elif act == "phone":
            watch.offer(RIGHT + timedelta(seconds=number), "Mum")
        elif act == "wait":
            scene.machine.wait(abs(number))
        else:
            (scene.end if act == "restart" else scene.kill)()
            watch = scene.begin()
        watch.look()
        passed = timedelta(seconds=scene.machine.right - right)
        told = sum((one.size for one in scene.jumps), timedelta())
        assert abs(scene.clock.now() - began - passed - told) < timedelta(seconds=1.1)
        assert watch.known >= was_known, "what is known stays known in one start of the machine"
        was_known = watch.known
    scene.close()
