"""The clock over the control socket."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.control.protocol import Request, Role
from gateway.core.errors import ControlError
from gateway.features.status import clock as clockverbs
from tests.household.clocks import RIGHT, Scene

AT = RIGHT.isoformat()


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    made = Scene(tmp_path)
    yield made
    made.close()


class Audit(list[tuple[str, str, str]]):
    def __call__(self, what: str, detail: str, by: str) -> None:
        self.append((what, detail, by))


def asked(do: str, role: Role = Role.WEB, **values: object) -> Request:
    return Request(do, role, 0, values)


def test_a_guardians_phone_is_audited(scene: Scene) -> None:
    watch, audit = scene.begin(), Audit()
    answer = clockverbs.offer(asked("time", at=AT, by="Mum"), watch, {"Mum"}, audit)
    assert answer["taken"] is True
    assert answer["why"] == "guardian Mum's phone"
    assert audit == [("time", AT, "Mum")]
    answer = clockverbs.offer(asked("time", at=AT, by="Mum"), watch, {"Mum"}, audit)
    assert answer["taken"] is False
    assert len(audit) == 1


def test_root_may_say_it_as_well(scene: Scene) -> None:
    watch, audit = scene.begin(), Audit()
    clockverbs.offer(asked("time", Role.OWNER, at=AT), watch, (), audit)
    assert watch.why == "set by root"
    assert audit == [("time", AT, "console")]


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"at": AT}, '"by" is missing'),
        ({"at": AT, "by": "Son"}, "names no guardian: Son"),
        ({"at": AT, "by": "console"}, "names no guardian"),
        ({"by": "Mum"}, '"at" is missing'),
        ({"at": "noon", "by": "Mum"}, "must be a time such as"),
        ({"at": "2026-11-25T20:00:00", "by": "Mum"}, "needs an offset"),
        ({"at": "1970-01-01T00:00:00Z", "by": "Mum"}, "which has passed"),
        ({"at": "9999-12-31T23:59:59-12:00", "by": "Mum"}, "ten years"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(scene: Scene, values: dict[str, str], told: str) -> None:
    watch, audit = scene.begin(), Audit()
    with pytest.raises(ControlError, match=told) as refused:
        clockverbs.offer(Request("time", Role.WEB, 0, values), watch, {"Mum"}, audit)
    assert "\n" not in str(refused.value)
    assert not watch.known
    assert audit == []


def test_the_status_has_one_sentence_while_it_is_unknown(scene: Scene) -> None:
    watch = scene.begin()
    told = clockverbs.describe(watch)
    assert told["known"] is False
    assert "not known yet" in str(told["sentence"])
    watch.offer(RIGHT + timedelta(hours=1), "Mum")
    told = clockverbs.describe(watch)
    assert (told["known"], told["sentence"], told["aside"]) == (True, None, 3600)


@pytest.mark.parametrize(("value", "played"), [("1", True), ("unset", False), ("", None), ("yes", None)])
def test_the_virtual_home_names_itself(
    monkeypatch: pytest.MonkeyPatch, value: str, played: bool | None
) -> None:
    monkeypatch.setenv(clockverbs.PLAY, value)
    assert clockverbs.played() is played


def test_only_the_virtual_home_plays(scene: Scene) -> None:
    watch = scene.begin()
    with pytest.raises(ControlError, match="not movable here"):
        clockverbs.play(asked("clock", Role.OWNER, offset=5), watch)
    scene.kill()
    watch = scene.begin(played=True)
    with pytest.raises(ControlError, match="only root"):
        clockverbs.play(asked("clock", offset=5), watch)
    clockverbs.play(asked("clock", Role.OWNER, offset=5), watch)
    assert scene.clock.offset == timedelta(seconds=5)
    clockverbs.play(asked("clock", Role.OWNER, jump=-60, known=0), watch)
    assert scene.clock.offset == timedelta(seconds=-55)
    assert not watch.known
    assert scene.sizes == [0, -60]
