"""Steps into the next band behind the pages' tests: the daemon's own, on the family's files of the folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast
from unittest.mock import MagicMock

from gateway.control.protocol import ControlRequest
from gateway.control.router import Router
from gateway.features.growing.transitions import AgeTransitions
from gateway.features.growing.verbs import GrowingVerbs
from gateway.household.editing import Author
from gateway.policy.profile.age_transitions import LastTransition
from tests.webui.standin.handlers import Handler, in_one_step

if TYPE_CHECKING:
    from tests.webui.standin.household import Household

VERBS = ("step", "take_step", "postpone_step")


class Steps:
    """In memory: the daemon's store belongs to one thread."""

    def __init__(self) -> None:
        self._steps: dict[str, LastTransition] = {}

    def all(self) -> Mapping[str, LastTransition]:
        return self._steps

    def of(self, profile: str) -> LastTransition | None:
        return self._steps.get(profile)

    def put(self, step: LastTransition, what: str = "", **_: object) -> None:
        self._steps[step.profile] = step

    def drop(self, profile: str) -> None:
        self._steps.pop(profile, None)

    def change(self, change: Callable[[LastTransition], LastTransition]) -> None:
        self._steps = {key: change(one) for key, one in self._steps.items()}


class Growing:
    """Nothing is proposed before ``propose``."""

    def __init__(self, household: Household, now: datetime) -> None:
        self._household = household
        self._began = self.now = now
        self._before: dict[Path, bytes] = {}
        self._steps = Steps()

    def propose(self, who: str) -> None:
        """Its month is the month of now."""
        editing = self.engine.editing
        path = editing.file(who)
        self._before.setdefault(path, path.read_bytes())
        editing.edit(who, {"next_step": f"{self.now:%Y-%m}"}, Author("Mum", self.now))
        self.engine.look()

    def begin_anew(self) -> None:
        """As if nothing had ever been proposed."""
        self.now = self._began
        if not self._before:
            return
        for path, data in self._before.items():
            path.write_bytes(data)
        self._before.clear()
        for who in list(self._steps.all()):
            self._steps.drop(who)
        self._household.editing.rules.reload()
        self._household.editing._in_force(frozenset())
        self._household.edited.clear()

    def pass_days(self, days: int) -> None:
        self.now += timedelta(days=days)
        self.engine.look()

    def verbs(self) -> dict[str, Handler]:
        def late(name: str) -> Handler:
            return lambda request: self._table[name](request)

        return {name: late(name) for name in VERBS}

    def told(self) -> dict[str, object]:
        return {"steps": self.engine.describe_all() if "engine" in self.__dict__ else ()}

    def of_device(self, device: Mapping[str, Any]) -> dict[str, object]:
        return self.engine.of_device(device["mac"]) if "engine" in self.__dict__ and device["mac"] else {}

    def refuse_later(self, profile_id: str, changes: Mapping[str, object]) -> None:
        if "engine" in self.__dict__:
            self.engine.refuse_later(profile_id, changes)

    def refuse_file(self, profile_id: str, source: bytes) -> None:
        if "engine" in self.__dict__:
            self.engine.refuse_file(profile_id, source)

    def guardian(self, request: ControlRequest) -> str:
        return self._household.guardian_of(request)

    @cached_property
    def engine(self) -> AgeTransitions:
        editing = self._household.editing
        nothing = MagicMock()  # of it, what else is kept of a child and goes at 18
        effects: Any = SimpleNamespace(regroup=lambda: editing._in_force(frozenset()))
        family: Any = SimpleNamespace(slots_of=lambda _: frozenset())
        steps, pauses = cast("Any", self._steps), cast("Any", SimpleNamespace(switch=lambda *_: None))
        return AgeTransitions(
            self._home, effects, steps, pauses, nothing, nothing, nothing, family, nothing, nothing, nothing
        )

    @cached_property
    def _table(self) -> Mapping[str, Handler]:
        router, whom = Router(), cast("Any", self)
        GrowingVerbs(self._home, self.engine, cast("Any", self._steps), dict, whom).register(router)
        return in_one_step(router.verbs)

    @cached_property
    def _home(self) -> Any:
        return SimpleNamespace(
            rules=self._household.editing.rules,
            clock_trusted=True,
            local_now=lambda: self.now,
            loop=SimpleNamespace(call_later=lambda *_: SimpleNamespace(cancel=lambda: None)),
            publish=lambda *_, **__: None,
        )
