"""The clock over the control socket."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from gateway.control.protocol import ControlRequest, Role
from gateway.control.router import Router
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from gateway.features.status import clock as clockverbs
from gateway.household.clock_watch import ClockWatch
from tests.household.clocks import RIGHT, Scene
from tests.sentences import sentence

AT = RIGHT.isoformat()


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    made = Scene(tmp_path)
    yield made
    made.close()


class Audit(list[tuple[str, str, str]]):
    def __call__(self, what: str, detail: str, *, by: str, at: datetime, origin: str = "") -> None:
        self.append((what, detail, by))


def ask(
    watch: ClockWatch, do: str, role: Role = Role.WEB, audit: Audit | None = None, /, **values: object
) -> Mapping[str, Any]:
    """Send a verb to a daemon with one guardian, Mum."""
    audit = Audit() if audit is None else audit
    router = Router()
    home = SimpleNamespace(now=lambda: RIGHT, local_now=lambda: RIGHT)
    people = SimpleNamespace(accounts=lambda: {"Mum": SimpleNamespace(name="Mum", guards=True)})
    clockverbs.ClockVerbs(cast("Any", home), watch, cast("Any", people), audit).register(router)
    answer = router.verbs[do](ControlRequest(do, role, 0, values))
    assert isinstance(answer, Mapping)
    return answer


def test_a_guardians_phone_is_audited(scene: Scene) -> None:
    watch, audit = scene.begin(), Audit()
    answer = ask(watch, "time", Role.WEB, audit, at=AT, by="Mum")
    assert answer["taken"] is True
    assert answer["why"] == "guardian Mum's phone"
    assert audit == [("time", AT, "Mum")]
    answer = ask(watch, "time", Role.WEB, audit, at=AT, by="Mum")
    assert answer["taken"] is False
    assert len(audit) == 1


def test_root_may_say_it_as_well(scene: Scene) -> None:
    watch, audit = scene.begin(), Audit()
    ask(watch, "time", Role.OWNER, audit, at=AT)
    assert watch.why == "set by root"
    assert audit == [("time", AT, "console")]


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"at": AT}, '"by" is missing'),
        ({"at": AT, "by": "Son"}, sentence(Code.NO_GUARDIAN)),
        ({"at": AT, "by": "console"}, sentence(Code.NO_GUARDIAN)),
        ({"by": "Mum"}, '"at" is missing'),
        ({"at": "noon", "by": "Mum"}, "must be a time such as"),
        ({"at": "2026-11-25T20:00:00", "by": "Mum"}, "with its offset"),
        ({"at": "1970-01-01T00:00:00Z", "by": "Mum"}, sentence(Code.CLOCK_WRONG)),
        ({"at": "8999-12-31T23:59:59-12:00", "by": "Mum"}, sentence(Code.CLOCK_WRONG)),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(scene: Scene, values: dict[str, str], told: str) -> None:
    watch, audit = scene.begin(), Audit()
    with pytest.raises(ControlError, match=told) as refused:
        ask(watch, "time", Role.WEB, audit, **values)
    assert "\n" not in str(refused.value)
    assert not watch.known
    assert audit == []


def test_the_status_has_one_sentence_while_it_is_unknown(scene: Scene) -> None:
    watch = scene.begin()
    told = clockverbs.clock_state(watch)
    assert told.known is False
    assert "not known yet" in str(told.sentence)
    watch.offer(RIGHT + timedelta(hours=1), "Mum")
    told = clockverbs.clock_state(watch)
    assert (told.known, told.sentence, told.aside) == (True, None, 3600)


@pytest.mark.parametrize(("value", "played"), [("1", True), ("unset", False), ("", None), ("yes", None)])
def test_the_virtual_home_names_itself(
    monkeypatch: pytest.MonkeyPatch, value: str, played: bool | None
) -> None:
    monkeypatch.setenv(clockverbs.PLAY, value)
    assert clockverbs.played() is played


def test_only_the_virtual_home_plays(scene: Scene) -> None:
    watch = scene.begin()
    with pytest.raises(ControlError, match="not movable here"):
        ask(watch, "clock", Role.OWNER, offset=5)
    scene.kill()
    watch = scene.begin(played=True)
    with pytest.raises(ControlError, match="only root"):
        ask(watch, "clock", offset=5)
    ask(watch, "clock", Role.OWNER, offset=5)
    assert scene.clock.offset == timedelta(seconds=5)
    ask(watch, "clock", Role.OWNER, jump=-60, known=0)
    assert scene.clock.offset == timedelta(seconds=-55)
    assert not watch.known
    assert scene.sizes == [0, -60]
