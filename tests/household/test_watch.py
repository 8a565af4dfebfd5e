"""When the time is known, what a jump tells, and what a start remembers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.core.clock import WallClock
from gateway.core.errors import KernelError
from gateway.core.loop import Loop
from gateway.household.clock_watch import CALM_LOOK, EARLIEST, LAST, LOOK, RUN, STAMP, ClockWatch, Source
from gateway.kernel import hypervisor
from gateway.kernel.timex import SetAlarm
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
    assert watch.source is Source.SERVICE
    assert scene.jumps == []
    assert watch.lower_bound == RIGHT


def test_a_time_service_sets_a_wrong_clock(scene: Scene) -> None:
    scene.machine.start(behind=3 * DAY)
    watch = scene.begin()
    scene.machine.wait(20)
    scene.machine.ahead = 0
    watch.look()
    assert watch.source is Source.NOBODY, "a step alone says nothing"
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
    assert scene.begin().source is Source.HOST


def test_a_battery_clock_that_agreed_before_makes_it_known(scene: Scene) -> None:
    agreed(scene)
    for _ in range(3):
        scene.machine.start(off=DAY)
        scene.machine.with_battery(ahead=4)
        scene.machine.ahead = 4
        watch = scene.begin()
        assert watch.source is Source.RTC
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
    assert scene.begin().source is Source.RTC
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
    assert watch.known or not hypervisor.present()
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
