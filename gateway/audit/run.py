"""One child's audit, from the empty stage to its results."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

from gateway.audit import scenery, zone
from gateway.audit.apart import AuditError
from gateway.audit.catalogue import CHECKS, CONTROLS
from gateway.audit.checks import Check, Found, Result, Scene
from gateway.audit.plan import Lack, Task, tasks
from gateway.audit.stage import Stage, words_of
from gateway.audit.verdicts import concluded, judge, lost_controls
from gateway.audit.wear import Wear
from gateway.control.client import Client
from gateway.policy.config import Config

_ALL_S = 120.0  # seconds for every check of one child on a slow router; a fast one takes ten
_BEGINS_S, _CUT_S = 4.0, 4.0  # until a download runs, and until a pause has ended it
_SILENT_S = 1.0  # a download without a byte for so long is over
_LOOK_S = 0.1
Seen = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Audit:
    scene: Scene
    results: Sequence[Result]
    remarks: Sequence[str]
    seconds: float


def audit(client: Client, config: Config, who: str, chosen: Sequence[Check] = CHECKS) -> Audit:
    began = time.monotonic()
    lan = next((one for one in config.lan if _is_there(one)), None)
    if lan is None:
        msg = f"there is no interface {config.lan[0]}; mend lan: in qalqan.yaml"
        raise AuditError(msg)
    with ExitStack() as open_things:
        stage = Stage(lan)
        # From its first packet on the device has these rules.
        stranger = stage.stranger.mac if stage.bridged else None
        wear = Wear(client, who, stage.seat.mac, stage.interface, stranger)
        worn = open_things.enter_context(wear)
        open_things.enter_context(stage)
        words = words_of(stage)
        words["help"] = scenery.help_page(client)
        words |= _known(stage, words, {"helpat": words["help"], "calling": scenery.EPDG})
        service = open_things.enter_context(scenery.Service(stage.gateway_addresses().values()))
        words |= {"service": service.port, "listening": scenery.listening(config, service.port)}
        if scenery.pages_run(config):
            words["pages"] = config.web.port
        scene = scenery.scene(client, config, worn, words)
        results = _Run(stage, wear, scene).all(chosen)
        return Audit(scene, results, _remarks(scene, worn), time.monotonic() - began)


def _is_there(link: str) -> bool:
    return link in {name for _, name in scenery.socket.if_nameindex()}


def _known(stage: Stage, words: Mapping[str, Any], names: Mapping[str, str | None]) -> dict[str, Any]:
    """Where help is, by the gateway's own resolver: no other address counts. These questions alone may leave
    the house, as any device's would.
    """
    bare = Scene("", "", "", strict=False, refusals=frozenset(), words=words)
    found: dict[str, Any] = {}
    for word, name in names.items():
        job = {"probe": "dns", "to": "@gateway", "port": 53, "name": name or "", "qtype": "@type"}
        asked = tasks([Check(word, "", "", job, "")] if name else [], bare)
        jobs = [one.job for one in asked if not isinstance(one.job, Lack)]
        told = stage.device.ask("run", jobs=jobs, within=_ALL_S)["told"]
        for one in asked:
            addresses = told.get(one.key, {}).get("addresses", ())
            found |= {f"{word}{one.version}": addresses[0]} if addresses else {}
    return found


def _remarks(scene: Scene, worn: Mapping[str, Any]) -> list[str]:
    remarks = ["Bedtimes, limits, windows and pauses are set aside for the audit's device."]
    if "source6" not in scene.words:
        remarks.append("No IPv6 here: the LAN has no IPv6 addresses.")
    return remarks


class _Run:
    def __init__(self, stage: Stage, wear: Wear, scene: Scene) -> None:
        self._stage = stage
        self._wear = wear
        self._scene = scene

    def all(self, chosen: Sequence[Check]) -> list[Result]:
        every = tasks(chosen, self._scene)
        controls = tasks(CONTROLS, self._scene)
        self._wear.clear()
        self._learn([*every, *controls])
        lost = self._controls(controls)
        told, seen = self._try([one for one in every if "when" not in one.check.job])
        for version, kinds in self._controls(controls).items():  # whatever broke meanwhile
            lost[version] |= kinds
        cut = self._in_a_pause([one for one in every if "when" in one.check.job], lost)
        return [
            cut.get(one.key) or judge(one, told.get(one.key), seen, self._scene, lost[one.version])
            for one in every
        ]

    def _learn(self, every: Iterable[Task]) -> None:
        """The device asks for the names whose addresses it is going to call, as any device does."""
        names = {
            str(one.job["name"])
            for one in every
            if not isinstance(one.job, Lack)
            and "name" in one.job
            and one.job["to"] == zone.address_of(str(one.job["name"]), one.version)
        }
        names |= {host for one in every if (host := _asked_for(one)) is not None}
        ask = [
            Check(
                f"learn-{name}-{number}",
                "",
                "",
                {"probe": "dns", "to": "@resolver", "port": 53, "name": name, "qtype": qtype},
                "",
            )
            for number, (name, qtype) in enumerate(
                (name, qtype) for name in sorted(names) for qtype in (1, 28)
            )
        ]
        self._try(tasks(ask, self._scene))

    def _controls(self, controls: Sequence[Task]) -> dict[int, dict[str, str]]:
        told, seen = self._try(controls)
        return lost_controls([(one, told.get(one.key), seen) for one in controls], self._scene)

    def _try(self, some: Sequence[Task]) -> tuple[Mapping[str, Mapping[str, Any]], Seen]:
        jobs = [one.job for one in some if not isinstance(one.job, Lack)]
        told = self._stage.device.ask("run", jobs=jobs, within=_ALL_S)["told"]
        return told, self._stage.sink.ask("seen")["seen"]

    def _in_a_pause(self, some: Sequence[Task], lost: Mapping[int, Mapping[str, str]]) -> dict[str, Result]:
        """What runs when a pause begins and must not run on, and what passes all the same."""
        ready = [one for one in some if not isinstance(one.job, Lack) and not lost[one.version]]
        films = [one for one in ready if one.check.job["probe"] == "download"]
        if not ready:
            return {}
        self._stage.device.ask("download", jobs=[one.job for one in films])
        before = self._watched(_BEGINS_S, lambda all_of: all(one["received"] for one in all_of))
        self._wear.pause(paused=True)
        try:
            after = self._watched(_CUT_S, lambda all_of: all(_over(one) for one in all_of))
            rest = [one for one in ready if one not in films]
            told, seen = self._try(rest)
        finally:
            self._wear.pause(paused=False)
        results = {
            one.key: judge(one, told.get(one.key), seen, self._scene, lost[one.version]) for one in rest
        }
        return results | {one.key: self._ended(one, before[one.key], after[one.key]) for one in films}

    def _ended(self, one: Task, before: Mapping[str, Any], after: Mapping[str, Any]) -> Result:
        if not before["received"] or before["over"]:
            return Result(one.check, one.version, Found.UNKNOWN, "the download did not begin")
        how = after["over"] or ("silence" if _over(after) else "it runs on")
        return concluded(one.check, one.version, self._scene, worked=not _over(after), how=str(how))

    def _watched(self, within: float, enough: Any) -> Mapping[str, Mapping[str, Any]]:
        until = time.monotonic() + within
        while True:
            now: Mapping[str, Mapping[str, Any]] = self._stage.device.ask("look")["downloads"]
            if enough(now.values()) or time.monotonic() >= until:
                return now
            time.sleep(_LOOK_S)


def _over(one: Mapping[str, Any]) -> bool:
    return bool(one["over"]) or one["silent"] >= _SILENT_S


def _asked_for(one: Task) -> str | None:
    """The name of ``@at:NAME`` where it is no word of the scene's."""
    to = str(one.check.job.get("to", ""))
    name = to.removeprefix("@at:")
    return name if to.startswith("@at:") and "." in name else None


__all__ = ["Audit", "audit", "replace"]
