"""A guardian's phone gives the time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.household.clock_watch import EARLIEST
from tests.household.clocks import DAY, NOTHING, RIGHT, Scene, a_scene


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    yield from a_scene(tmp_path)


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


def test_a_phone_whose_time_cannot_be_is_told_why(scene: Scene) -> None:
    scene.machine.kept = True
    scene.begin()
    scene.end()
    scene.machine.start(off=600, behind=DAY)
    watch = scene.begin()
    before = watch.objection(RIGHT - timedelta(seconds=1))
    assert before is not None
    assert "2026-11-25 20:00 UTC, which has passed" in before
    far = watch.objection(RIGHT + timedelta(days=3660))
    assert far is not None
    assert "ten years" in far
    assert watch.objection(RIGHT) is None
    assert watch.objection(RIGHT + timedelta(days=3600)) is None


def test_a_wrong_phone_is_no_lower_bound_for_the_next_one(scene: Scene) -> None:
    watch = scene.begin()
    watch.offer(RIGHT + timedelta(days=3000), "Mum")
    scene.end()
    scene.machine.start(off=60)
    watch = scene.begin()
    assert watch.lower_bound == EARLIEST
    assert watch.objection(RIGHT) is None
