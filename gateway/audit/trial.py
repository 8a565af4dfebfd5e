"""The checks of one child, tried from the device of the stage and judged by what arrived."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from gateway.audit import surroundings as scenery
from gateway.audit import zone
from gateway.audit.catalogue import CONTROLS
from gateway.audit.checks import Check, Found, Result, Scene
from gateway.audit.impersonation import Decision, Wear
from gateway.audit.plan import Lack, Task, tasks
from gateway.audit.stage import Stage
from gateway.audit.verdicts import concluded, judge, lost_controls, reason_of
from gateway.policy.config.config import Marks
from gateway.wire.dns.message import AAAA, A

_ALL_S = 120.0  # for every check of one child on a slow router; a fast machine takes ten
_BEGINS_S, _CUT_S = 8.0, 4.0  # until a download runs, and until a pause has ended it
_SILENT_S = 1.0  # a download without a byte for so long is over
_LOOK_S = 0.1
_OFFLOAD = "offload"  # no probe: the kernel's list of connections is read

Told = Mapping[str, Mapping[str, Any]]
Seen = Sequence[Mapping[str, Any]]
Lost = Mapping[int, Mapping[str, str]]


class Trial:
    def __init__(self, stage: Stage, wear: Wear, scene: Scene, marks: Marks) -> None:
        self._stage = stage
        self._wear = wear
        self._scene = scene
        self._marks = marks

    def all(self, chosen: Sequence[Check]) -> list[Result]:
        every, controls = tasks(chosen, self._scene), tasks(CONTROLS, self._scene)
        self._wear.clear()
        self._learn([*every, *controls])
        lost = self._lost(controls)
        ready = [one for one in every if "when" not in one.check.job and one.check.job["probe"] != _OFFLOAD]
        told, seen = self._insisting(ready)
        for version, kinds in self._lost(controls).items():  # whatever broke meanwhile
            lost[version] |= kinds
        decided = self._wear.seen()
        paused = self._in_a_pause([one for one in every if "when" in one.check.job], lost)
        apart = paused | {one.key: self._offload(one) for one in every if one.check.job["probe"] == _OFFLOAD}
        return [apart.get(one.key) or self._judged(one, told, seen, lost, decided) for one in every]

    def _offload(self, one: Task) -> Result:
        """The audit's own links take no part in it, so what runs in the home is looked at."""
        if isinstance(one.job, Lack):
            return judge(one, None, [], self._scene, {})
        found = scenery.offloaded(one.version, self._marks)
        if found is None:
            why = "this kernel does not show its connections (/proc/net/nf_conntrack)"
            return Result(one.check, one.version, Found.UNKNOWN, why)
        return concluded(one.check, one.version, self._scene, worked=found, how="")

    def _judged(self, one: Task, told: Told, seen: Seen, lost: Lost, decided: Sequence[Decision]) -> Result:
        result = judge(one, told.get(one.key), seen, self._scene, lost[one.version])
        return result if isinstance(one.job, Lack) else replace(result, reason=reason_of(one.job, decided))

    def _learn(self, every: Iterable[Task]) -> None:
        """The device asks for the names whose addresses it is going to call, as any device does."""
        names = {name for one in every if (name := _called(one)) is not None}
        self._try(
            tasks([_question(name, qtype) for name in sorted(names) for qtype in (A, AAAA)], self._scene)
        )

    def _lost(self, controls: Sequence[Task]) -> dict[int, dict[str, str]]:
        told, seen = self._insisting(controls)
        return lost_controls([(one, told.get(one.key), seen) for one in controls], self._scene)

    def _try(self, some: Sequence[Task]) -> tuple[Told, Seen]:
        told = _run(self._stage, some)
        return told, self._stage.sink.ask("seen")["seen"]

    def _insisting(self, some: Sequence[Task]) -> tuple[Told, Seen]:
        """The same; what has to pass and was not answered is tried once more, alone: a busy router is no
        refusal.
        """
        told, seen = self._try(some)
        again = [one for one in some if one.check.passes and told.get(one.key, {}).get("how") != "answered"]
        if not again:
            return told, seen
        told_again, seen_again = self._try(again)
        return {**told, **told_again}, [*seen, *seen_again]

    def _in_a_pause(self, some: Sequence[Task], lost: Lost) -> dict[str, Result]:
        """What runs when a pause begins and must not run on, and what passes all the same."""
        ready = [one for one in some if not isinstance(one.job, Lack) and not lost[one.version]]
        if not ready:
            return {}
        films = [one for one in ready if one.check.job["probe"] == "download"]
        rest = [one for one in ready if one not in films]
        self._stage.device.ask("download", jobs=[one.job for one in films])
        before = self._watched(_BEGINS_S, lambda all_of: all(one["received"] for one in all_of))
        self._wear.pause(paused=True)
        try:
            after = self._watched(_CUT_S, lambda all_of: all(_is_over(one) for one in all_of))
            told, seen = self._insisting(rest)
        finally:
            self._wear.pause(paused=False)
        results = {
            one.key: judge(one, told.get(one.key), seen, self._scene, lost[one.version]) for one in rest
        }
        return results | {one.key: self._ended(one, before[one.key], after[one.key]) for one in films}

    def _ended(self, one: Task, before: Mapping[str, Any], after: Mapping[str, Any]) -> Result:
        if not before["received"] or before["over"]:
            return Result(one.check, one.version, Found.UNKNOWN, "the download did not begin")
        how = after["over"] or ("silence" if _is_over(after) else "it runs on")
        return concluded(one.check, one.version, self._scene, worked=not _is_over(after), how=str(how))

    def _watched(self, within: float, enough: Callable[[Iterable[Mapping[str, Any]]], bool]) -> Told:
        until = time.monotonic() + within
        while True:
            now: Told = self._stage.device.ask("look")["downloads"]
            if enough(now.values()) or time.monotonic() >= until:
                return now
            time.sleep(_LOOK_S)


def addresses_of(stage: Stage, words: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, str]:
    """Where names are by the gateway's own resolver: word and family → address, of those that it tells."""
    bare = Scene("", "", "", strict=False, refusals=frozenset(), words=words)
    asked = tasks([_question(name, "@type", word, "@gateway") for word, name in names.items()], bare)
    told = _run(stage, asked)
    found = {f"{one.check.id}{one.version}": told.get(one.key, {}).get("addresses") for one in asked}
    return {word: str(addresses[0]) for word, addresses in found.items() if addresses}


def _run(stage: Stage, some: Sequence[Task]) -> Told:
    jobs = [one.job for one in some if not isinstance(one.job, Lack)]
    told: Told = stage.device.ask("run", jobs=jobs, within=_ALL_S)["told"]
    return told


def _question(name: str, qtype: int | str, ident: str = "", to: str = "@resolver") -> Check:
    job = {"probe": "dns", "to": to, "port": 53, "name": name, "qtype": qtype}
    return Check(ident or f"{name} {qtype}", "", "", job, "")


def _called(one: Task) -> str | None:
    """The name whose address a job calls, where the pretended internet gave it, and the name is to pass. One
    that is refused teaches the filter what its service's ports are, which is another check's.
    """
    if isinstance(one.job, Lack) or not (one.check.passes or one.check.job["to"] == "@at:allowed"):
        return None
    to = str(one.check.job["to"])
    word = to.removeprefix("@at:")
    if to.startswith("@at:") and "." in word:
        return word
    name = str(one.job.get("name", ""))
    return name if one.job["to"] == zone.address_of(name, one.version) else None


def _is_over(one: Mapping[str, Any]) -> bool:
    return bool(one["over"]) or one["silent"] >= _SILENT_S
