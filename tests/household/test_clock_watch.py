"""Tests of the clock watch: sources of the time, jumps, stored times, and the time of a guardian's phone."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.clock import WallClock
from gateway.core.errors import KernelError
from gateway.core.loop import Loop
from gateway.household import clock_watch
from gateway.household.clock_watch import (
    CALM_LOOK,
    EARLIEST,
    LAST,
    LOOK,
    RUN,
    STAMP,
    STORE,
    ClockWatch,
    TimeSource,
)
from gateway.kernel import clocks
from gateway.kernel.clocks import SetAlarm
from gateway.policy.time.clock_changes import Jump
from tests.household.clocks import DAY, NOTHING, RIGHT, Scene, a_scene, agreed


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    yield from a_scene(tmp_path)


# ------------------------------------------------------------------------------------- who says the time


def test_a_plausible_year_is_not_enough(scene: Scene) -> None:
    """sysfixtime sets the clock to the newest file's time."""
    scene.machine.start(behind=3 * DAY)
    watch = scene.begin()
    assert not watch.known
    assert watch.why == "not known"
    assert scene.jumps == []


def test_a_kernel_that_does_not_tell_vouches_for_nothing(scene: Scene) -> None:
    scene.machine.kept = None
    assert not scene.begin().known


def test_a_time_service_makes_it_known_at_the_start(scene: Scene) -> None:
    scene.machine.kept = True
    watch = scene.begin()
    assert watch.source is TimeSource.SERVICE
    assert scene.jumps == []
    assert watch.lower_bound == RIGHT


def test_a_time_service_sets_a_wrong_clock(scene: Scene) -> None:
    scene.machine.start(behind=3 * DAY)
    watch = scene.begin()
    scene.machine.wait(20)
    scene.machine.ahead = 0
    watch.look()
    assert watch.source is TimeSource.UNKNOWN, "a step alone says nothing"
    scene.machine.kept = True
    watch.look()
    assert scene.sizes == [3 * DAY, 0]
    assert [(one.was_known, one.known) for one in scene.jumps] == [(False, False), (False, True)]
    assert scene.wrong_by == NOTHING


def test_the_hotplug_stamp_makes_it_known(scene: Scene) -> None:
    watch = scene.begin()
    scene.machine.stamp(scene.runtime)
    watch.look()
    assert watch.why == "hotplug stamp"
    assert scene.sizes == [0]
    scene.machine.kept = True
    watch.look()
    assert watch.why == "synchronised"
    assert scene.sizes == [0]


@pytest.mark.parametrize(
    "text", ["", "boot-1", "boot-0\n5.00 1.00\n", "boot-1\nfive\n", "\xff\xfe", "boot-1" * 999]
)
def test_a_stamp_of_another_start_or_a_broken_one_is_none(scene: Scene, text: str) -> None:
    (scene.runtime / STAMP).write_text(text)
    assert not scene.begin().known


def test_what_is_known_stays_known_when_the_service_is_out_of_reach(scene: Scene) -> None:
    scene.machine.kept = True
    watch = scene.begin()
    scene.machine.kept = False
    scene.machine.wait(20 * DAY)
    watch.look()
    assert watch.known
    assert scene.jumps == []


# ----------------------------------------------------------------------------------- a virtual machine


def test_a_virtual_machine_has_its_hosts_clock(scene: Scene) -> None:
    scene.machine.guest = True
    watch = scene.begin()
    assert watch.why == "the host's clock"
    assert scene.jumps == []
    assert watch.lower_bound == EARLIEST, "that is what time services say"
    assert not watch.offer(RIGHT + timedelta(hours=2), "Mum")
    scene.machine.wait(20)
    scene.machine.ahead, scene.machine.kept = 40, True
    watch.look()
    assert watch.why == "synchronised"
    assert scene.sizes == [40]


def test_a_host_that_is_behind_the_last_known_time_vouches_for_nothing(scene: Scene) -> None:
    scene.machine.guest = scene.machine.kept = True
    scene.begin()
    scene.end()
    scene.machine.start(off=60, behind=120)
    watch = scene.begin()
    assert not watch.known
    scene.machine.ahead = 0
    watch.look()
    assert not watch.known, "only at the start"
    scene.end()
    scene.machine.start(off=60)
    assert scene.begin().source is TimeSource.HOST


def test_a_battery_clock_that_agreed_before_makes_it_known(scene: Scene) -> None:
    agreed(scene)
    for _ in range(3):
        scene.machine.start(off=DAY)
        scene.machine.with_battery(ahead=4)
        scene.machine.ahead = 4
        watch = scene.begin()
        assert watch.source is TimeSource.RTC
        scene.machine.wait(50)
        scene.end()


def test_a_battery_clock_that_nobody_ever_agreed_with_does_not(scene: Scene) -> None:
    scene.machine.with_battery()
    assert not scene.begin().known


def test_an_empty_battery_and_sysfixtime_do_not(scene: Scene) -> None:
    """The script sets the clock from the newest file and writes that to the battery's clock as well."""
    agreed(scene)
    scene.machine.start(off=DAY, behind=DAY - 50)
    scene.machine.rtc = -DAY + 50
    scene.machine.said = -scene.machine.boot  # it began at 1970
    watch = scene.begin()
    assert not watch.known
    scene.end()
    # A warm start: the kernel takes the wrong time from the battery's clock. The chain is broken.
    scene.machine.start(off=20, behind=DAY - 50)
    scene.machine.with_battery(ahead=-DAY + 50)
    assert not scene.begin().known


@pytest.mark.parametrize("lost", ["log", "clock", "moved", "before"])
def test_a_battery_clock_of_which_something_is_amiss_does_not(scene: Scene, lost: str) -> None:
    agreed(scene)
    scene.machine.start(off=DAY)
    scene.machine.with_battery(ahead=-2 * DAY if lost == "before" else 0)
    if lost == "log":
        scene.machine.said = None
    elif lost == "clock":
        scene.machine.rtc = None
    else:
        scene.machine.ahead = -2 * DAY if lost == "before" else 301
    assert not scene.begin().known


def test_a_phone_may_be_what_the_battery_clock_agrees_with(scene: Scene) -> None:
    """A machine that never asks a time service."""
    scene.machine.with_battery()
    watch = scene.begin()
    assert watch.offer(RIGHT + timedelta(seconds=2), "Mum")
    scene.end()
    scene.machine.start(off=DAY)
    scene.machine.with_battery()
    assert scene.begin().source is TimeSource.RTC
    scene.end()
    scene.machine.start(off=DAY)
    scene.machine.with_battery(ahead=0)
    assert scene.begin().known


def test_a_phone_that_disagrees_is_no_witness(scene: Scene) -> None:
    scene.machine.with_battery(ahead=-3600)
    scene.machine.ahead = -3600
    watch = scene.begin()
    watch.offer(RIGHT, "Mum")
    scene.end()
    scene.machine.start(off=DAY, behind=3600)
    scene.machine.with_battery(ahead=-3600)
    assert not scene.begin().known


# --------------------------------------------------------------------------------- the loop and the kernel


def test_it_looks_often_while_the_time_is_unknown(scene: Scene) -> None:
    watch = scene.begin()
    assert watch._timers["look"].when - scene.loop.now() <= LOOK
    scene.machine.kept = True
    watch._look_again()
    assert LOOK < watch._timers["look"].when - scene.loop.now() <= CALM_LOOK


def test_an_alarm_is_a_look_at_once(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    watch = scene.begin()
    assert watch._alarm is not None
    scene.machine.kept = True
    watch._alarmed()
    assert not watch.known, "nobody set it"
    monkeypatch.setattr(SetAlarm, "was_set", lambda _: True)
    watch._alarmed()
    assert watch.known


def test_a_kernel_without_the_alarm_is_looked_at_by_and_by(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(_: SetAlarm) -> None:
        msg = "timerfd_create: Function not implemented"
        raise KernelError(msg)

    monkeypatch.setattr(SetAlarm, "__init__", refuse)
    watch = scene.begin()
    assert "not implemented. A jump of the clock is noticed within 15 seconds" in caplog.text
    assert "look" in watch._timers


def test_on_this_machine_it_begins_and_ends(tmp_path: Path) -> None:
    """With the kernel's own clocks, whatever they are."""
    loop, jumps = Loop(), list[Jump]()
    clock = WallClock()
    watch = ClockWatch(loop, clock, tmp_path, tmp_path, jumps.append)
    watch.start()
    loop.run_once(0)
    watch.look()
    assert jumps == []
    assert watch.known or not clocks.is_virtual_machine()
    watch.close()
    loop.close()
    assert (tmp_path / RUN).exists()


# ------------------------------------------------------------------------------------- the virtual home


def test_the_virtual_home_says_itself_what_it_plays(scene: Scene) -> None:
    scene.machine.kept = True
    watch = scene.begin(played=False)
    assert not watch.known
    watch.look()
    assert not watch.known, "the machine's own clock has no say"
    watch.play(known=True)
    assert watch.why == "virtual home"
    watch.play(offset=timedelta(hours=2))
    assert scene.clock.now() == RIGHT + timedelta(hours=2)
    assert scene.sizes == [0, 0], "time passed; no clock was set"
    watch.play(jump=timedelta(hours=-1))
    assert scene.sizes == [0, 0, -3600]
    assert scene.clock.now() == RIGHT + timedelta(hours=1)
    watch.play(known=False)
    assert (scene.jumps[-1].was_known, scene.jumps[-1].known) == (True, False)
    assert watch.offer(RIGHT + timedelta(hours=3), "Mum")
    assert scene.clock.now() == RIGHT + timedelta(hours=3)
    scene.end()
    assert not (scene.state / LAST).exists()
    assert not (scene.runtime / RUN).exists()


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
    assert "The clock jumped back by 0:01:30." in caplog.text
    assert "The clock jumped forward by 1:01:30." in caplog.text


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


# ----------------------------------------------------------------------------------- a guardian's phone


def test_a_guardians_phone_gives_the_time_beside_the_machines(scene: Scene) -> None:
    scene.machine.start(behind=3 * DAY)
    watch = scene.begin()
    assert watch.offer(RIGHT, "Mum")
    assert watch.why == "guardian Mum's phone"
    assert scene.sizes == [3 * DAY]
    assert scene.wrong_by == NOTHING
    assert watch.aside == timedelta(days=3)
    scene.machine.wait(100)
    watch.look()
    assert scene.wrong_by == NOTHING
    assert scene.sizes == [3 * DAY]


def test_a_phone_yields_to_a_time_service(scene: Scene) -> None:
    scene.machine.start(behind=3 * DAY)
    watch = scene.begin()
    watch.offer(RIGHT + timedelta(minutes=9), "Mum")
    assert scene.wrong_by == timedelta(minutes=9)
    scene.machine.ahead, scene.machine.kept = 0, True
    watch.look()
    assert watch.why == "synchronised"
    assert scene.wrong_by == NOTHING
    assert watch.aside == NOTHING
    assert scene.sizes == [3 * DAY + 540, -540]
    assert not watch.offer(RIGHT + timedelta(hours=2), "Mum")
    assert scene.wrong_by == NOTHING


def test_a_phone_yields_to_a_stamp(scene: Scene) -> None:
    watch = scene.begin()
    watch.offer(RIGHT + timedelta(minutes=9), "Mum")
    scene.machine.stamp(scene.runtime)
    watch.look()
    assert watch.why == "hotplug stamp"
    assert scene.sizes == [540, -540]


@pytest.mark.parametrize("running", [True, False])
def test_a_phone_yields_to_who_sets_the_clock(scene: Scene, running: bool) -> None:
    scene.machine.start(behind=3 * DAY)
    watch = scene.begin()
    watch.offer(RIGHT + timedelta(minutes=9), "Mum")
    if not running:
        scene.kill()
    scene.machine.ahead = 0
    if running:
        watch.look()
    else:
        watch = scene.begin()
    assert watch.why == "set by root"
    assert watch.aside == NOTHING
    assert scene.sizes == [3 * DAY + 540, -540]


@pytest.mark.parametrize("ahead", [-400 * DAY, 3700 * DAY])
def test_a_phone_does_not_yield_to_a_time_that_cannot_be(scene: Scene, ahead: float) -> None:
    scene.machine.start(behind=3 * DAY)
    watch = scene.begin()
    watch.offer(RIGHT, "Mum")
    scene.machine.ahead = ahead
    watch.look()
    assert watch.why == "guardian Mum's phone"
    assert scene.wrong_by == NOTHING
    assert scene.sizes == [3 * DAY]


def test_another_phone_corrects_a_wrong_one(scene: Scene) -> None:
    watch = scene.begin()
    watch.offer(RIGHT + timedelta(days=300), "Mum")
    assert not watch.offer(RIGHT + timedelta(days=300, seconds=40), "Dad"), "the same time"
    assert watch.offer(RIGHT, "Dad")
    assert watch.why == "guardian Dad's phone"
    assert scene.wrong_by == NOTHING


def test_a_phone_whose_time_cannot_be_is_refused(scene: Scene) -> None:
    scene.machine.kept = True
    scene.begin()
    scene.end()
    scene.machine.start(off=600, behind=DAY)
    watch = scene.begin()
    assert not watch.is_possible(RIGHT - timedelta(seconds=1))
    assert watch.is_possible(RIGHT)
    assert watch.is_possible(RIGHT + timedelta(days=3600))
    assert not watch.is_possible(RIGHT + timedelta(days=3660))


def test_a_wrong_phone_is_no_lower_bound_for_the_next_one(scene: Scene) -> None:
    watch = scene.begin()
    watch.offer(RIGHT + timedelta(days=3000), "Mum")
    scene.end()
    scene.machine.start(off=60)
    watch = scene.begin()
    assert watch.lower_bound == EARLIEST
    assert watch.is_possible(RIGHT)
