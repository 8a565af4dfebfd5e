"""Runs the checks of one child from the test device, and judges them by what arrived."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from gateway.audit import surroundings, zone
from gateway.audit.catalogue import CONTROLS
from gateway.audit.checks import Check, Outcome, Result, Scene
from gateway.audit.impersonation import Decision, Impersonation
from gateway.audit.plan import Task, Unavailable, tasks
from gateway.audit.stage import Stage
from gateway.audit.verdicts import concluded, judge, lost_controls, reason_of
from gateway.policy.config.config import Marks
from gateway.wire.dns.message import AAAA, A

_ALL_S = 120.0  # for all checks of one child on a slow router; a fast machine takes ten
_BEGINS_S, _CUT_S = 8.0, 4.0  # until a download runs, and until a pause has ended it
_SILENT_S = 1.0  # a download without a byte for this long is over
_LOOK_S = 0.1
_OFFLOAD = "offload"  # not a probe: read from the kernel's list of connections

Results = Mapping[str, Mapping[str, Any]]
Seen = Sequence[Mapping[str, Any]]
Lost = Mapping[int, Mapping[str, str]]


class Trial:
    """One run of all checks."""

    def __init__(self, stage: Stage, impersonation: Impersonation, scene: Scene, marks: Marks) -> None:
        self._stage = stage
        self._impersonation = impersonation
        self._scene = scene
        self._marks = marks

    def all(self, chosen: Sequence[Check]) -> list[Result]:
        """Run the checks and return a result for each over each IP version."""
        every, controls = tasks(chosen, self._scene), tasks(CONTROLS, self._scene)
        self._impersonation.clear()
        self._learn([*every, *controls])
        lost = self._lost(controls)
        ready = [
            task for task in every if "when" not in task.check.job and task.check.job["probe"] != _OFFLOAD
        ]
        results, seen = self._insisting(ready)
        for version, kinds in self._lost(controls).items():  # what broke meanwhile
            lost[version] |= kinds
        decided = self._impersonation.seen()
        separate = self._in_a_pause([task for task in every if "when" in task.check.job], lost)
        separate |= {task.key: self._offload(task) for task in every if task.check.job["probe"] == _OFFLOAD}
        return [separate.get(task.key) or self._judged(task, results, seen, lost, decided) for task in every]

    def _offload(self, task: Task) -> Result:
        """Check the household's connections: those of the test are never offloaded."""
        if isinstance(task.job, Unavailable):
            return judge(task, None, [], self._scene, {})
        found = surroundings.offloaded(task.version, self._marks)
        if found is None:
            why = "this kernel does not show its connections (/proc/net/nf_conntrack)"
            return Result(task.check, task.version, Outcome.UNKNOWN, why)
        return concluded(task.check, task.version, self._scene, worked=found, how="")

    def _judged(
        self, task: Task, results: Results, seen: Seen, lost: Lost, decided: Sequence[Decision]
    ) -> Result:
        result = judge(task, results.get(task.key), seen, self._scene, lost[task.version])
        if isinstance(task.job, Unavailable):
            return result
        return replace(result, reason=reason_of(task.job, decided))

    def _learn(self, every: Iterable[Task]) -> None:
        """Resolve the names whose addresses the checks connect to, as any device does."""
        names = {name for task in every if (name := _called(task)) is not None}
        self._try(
            tasks([_question(name, qtype) for name in sorted(names) for qtype in (A, AAAA)], self._scene)
        )

    def _lost(self, controls: Sequence[Task]) -> dict[int, dict[str, str]]:
        results, seen = self._insisting(controls)
        return lost_controls([(task, results.get(task.key), seen) for task in controls], self._scene)

    def _try(self, some: Sequence[Task]) -> tuple[Results, Seen]:
        results = _run(self._stage, some)
        return results, self._stage.sink.ask("seen")["seen"]

    def _insisting(self, some: Sequence[Task]) -> tuple[Results, Seen]:
        """Run tasks. Retry those that must pass and failed, alone: a busy router is not a refusal."""
        results, seen = self._try(some)
        again = [
            task for task in some if task.check.passes and results.get(task.key, {}).get("how") != "answered"
        ]
        if not again:
            return results, seen
        results_again, seen_again = self._try(again)
        return {**results, **results_again}, [*seen, *seen_again]

    def _in_a_pause(self, some: Sequence[Task], lost: Lost) -> dict[str, Result]:
        """Check what a pause must end, and what must pass during a pause."""
        ready = [task for task in some if not isinstance(task.job, Unavailable) and not lost[task.version]]
        if not ready:
            return {}
        films = [task for task in ready if task.check.job["probe"] == "download"]
        rest = [task for task in ready if task not in films]
        self._stage.device_process.ask("download", jobs=[task.job for task in films])
        before = self._watched(
            _BEGINS_S, lambda downloads: all(download["received"] for download in downloads)
        )
        self._impersonation.pause(paused=True)
        try:
            after = self._watched(_CUT_S, lambda downloads: all(map(_is_over, downloads)))
            results, seen = self._insisting(rest)
        finally:
            self._impersonation.pause(paused=False)
        judged = {
            task.key: judge(task, results.get(task.key), seen, self._scene, lost[task.version])
            for task in rest
        }
        return judged | {task.key: self._ended(task, before[task.key], after[task.key]) for task in films}

    def _ended(self, task: Task, before: Mapping[str, Any], after: Mapping[str, Any]) -> Result:
        if not before["received"] or before["over"]:
            return Result(task.check, task.version, Outcome.UNKNOWN, "the download did not begin")
        how = after["over"] or ("silence" if _is_over(after) else "it runs on")
        return concluded(task.check, task.version, self._scene, worked=not _is_over(after), how=str(how))

    def _watched(self, within: float, enough: Callable[[Iterable[Mapping[str, Any]]], bool]) -> Results:
        until = time.monotonic() + within
        while True:
            now: Results = self._stage.device_process.ask("look")["downloads"]
            if enough(now.values()) or time.monotonic() >= until:
                return now
            time.sleep(_LOOK_S)


def addresses_of(stage: Stage, words: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, str]:
    """Resolve names with the gateway's resolver; return word and IP version → address."""
    bare = Scene("", "", "", strict=False, refusals=frozenset(), words=words)
    asked = tasks([_question(name, "@type", word, "@gateway") for word, name in names.items()], bare)
    results = _run(stage, asked)
    found = {f"{task.check.id}{task.version}": results.get(task.key, {}).get("addresses") for task in asked}
    return {word: str(addresses[0]) for word, addresses in found.items() if addresses}


def _run(stage: Stage, some: Sequence[Task]) -> Results:
    jobs = [task.job for task in some if not isinstance(task.job, Unavailable)]
    results: Results = stage.device_process.ask("run", jobs=jobs, within=_ALL_S)["results"]
    return results


def _question(name: str, qtype: int | str, ident: str = "", to: str = "@resolver") -> Check:
    job = {"probe": "dns", "to": to, "port": 53, "name": name, "qtype": qtype}
    return Check(ident or f"{name} {qtype}", "", "", job, "")


def _called(task: Task) -> str | None:
    """Return the name whose address a job connects to, if the simulated internet assigned it.

    Names that must be blocked are left out: they would teach the filter the ports of their service, which is
    another check's subject.
    """
    job = task.check.job
    if isinstance(task.job, Unavailable) or not (task.check.passes or job["to"] == "@at:allowed"):
        return None
    to = str(job["to"])
    word = to.removeprefix("@at:")
    if to.startswith("@at:") and "." in word:
        return word
    name = str(task.job.get("name", ""))
    return name if task.job["to"] == zone.address_of(name, task.version) else None


def _is_over(download: Mapping[str, Any]) -> bool:
    return bool(download["over"]) or download["silent"] >= _SILENT_S
