"""Runs the filter test of one child, and judges the checks by what arrived."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any

from gateway.control.client import Client, Unreachable
from gateway.control.contract.filter_tests import (
    PROBE_BEGIN,
    PROBE_CLEAR,
    PROBE_END,
    PROBE_PAUSE,
    PROBE_SEEN,
    ProbeDecision,
    ProbeDeviceRules,
)
from gateway.control.contract.status import STATUS
from gateway.filter_test import surroundings, zone
from gateway.filter_test.catalogue import CHECKS, CONTROLS
from gateway.filter_test.checks import CheckOutcome, MethodCheck, Result, Scene
from gateway.filter_test.namespace import BypassTestError
from gateway.filter_test.plan import Task, Unavailable, tasks
from gateway.filter_test.stage import ProbeNetwork, words_of
from gateway.filter_test.verdicts import concluded, judge, lost_controls, reason_of
from gateway.policy.config.config import Config, MarkBits, file_to_edit
from gateway.wire.dns.message import AAAA, A

_ASIDE = "Bedtimes, limits, schedules and pauses are ignored: the test is about bypass methods, not the time."
_NO_IPV6 = "IPv6 is not tested: the LAN has no IPv6 addresses."

_ALL_S = 120.0  # for all checks of one child on a slow router; a fast machine takes ten
_BEGINS_S, _CUT_S = 8.0, 4.0  # until a download runs, and until a pause has ended it
_SILENT_S = 1.0  # a download without a byte for this long is over
_LOOK_S = 0.1
_OFFLOAD = "offload"  # not a probe: read from the kernel's list of connections

Results = Mapping[str, Mapping[str, Any]]
Seen = Sequence[Mapping[str, Any]]
Lost = Mapping[int, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class BypassTest:
    """The outcome of one child's filter test: the rules and environment, each check's result, and remarks.

    A check has one result for IPv4 and one for IPv6.
    """

    scene: Scene
    results: Sequence[Result]
    remarks: Sequence[str]


def bypass_test(
    client: Client, config: Config, who: str, chosen: Sequence[MethodCheck] = CHECKS
) -> BypassTest:
    """Run the filter test for one child, with a simulated device and internet, and return its results.

    ``who``: the id or name of a profile, also ``guest``, or the MAC address of a filtered device. ``chosen``:
    the checks to run. Raises GatewayError if the test cannot run.
    """
    if not surroundings.is_filtered():
        msg = "nothing is filtered: the kernel has no table inet qalqan; see the daemon's log"
        raise BypassTestError(msg)
    stage = ProbeNetwork(_lan(config))
    stranger = stage.stranger.mac if stage.bridged else None
    with ExitStack() as things:
        # First, so that the rules apply to the device's first packet.
        impersonation = Impersonation(client, who, stage.device.mac, stage.interface, stranger)
        rules = things.enter_context(impersonation)
        things.enter_context(stage)
        service = things.enter_context(surroundings.ProbeListener(stage.gateway_addresses().values()))
        words = _words(client, config, stage, service.port)
        scene = surroundings.scene(client, config, rules, words)
        results = Trial(stage, impersonation, scene, config.marks).all(chosen)
        remarks = [*_remarks(scene), *_of_the_family(client, config, scene)]
    return BypassTest(scene, results, remarks)


def _lan(config: Config) -> str:
    """Return the LAN interface for the filter test: the first configured one that exists, bridges first.

    Devices can join a bridge. Raises BypassTestError if none exists.
    """
    here = {name for _, name in socket.if_nameindex()}
    found = sorted(
        (name for name in config.lan if name in here), key=lambda name: not ProbeNetwork(name).bridged
    )
    if not found:
        msg = f"there is no interface {config.lan[0]}; fix lan: in {file_to_edit(config.fixed, 'lan')}"
        raise BypassTestError(msg)
    return found[0]


def _words(client: Client, config: Config, stage: ProbeNetwork, service: int) -> Mapping[str, Any]:
    """Return the values of the placeholders ``@word`` in the filter test's checks, without the sites.

    They are addresses, ports and links. ``service``: the TCP port of the test's own listener on the gateway.
    """
    words: dict[str, Any] = {**words_of(stage), **surroundings.DOH, **surroundings.relays(config)}
    words |= {"service": service, "listening": surroundings.listening(config, service)}
    words |= {"pages": config.web.port} if surroundings.pages_run(config) else {}
    words |= surroundings.trusted(config)
    words |= {"offload": "yes"} if surroundings.offloads() else {}
    words["help"] = surroundings.help_page(client)
    # Help addresses come only from the gateway's own resolver. No other query leaves the network.
    asked = {"helpat": words["help"], "calling": surroundings.EPDG}
    return words | addresses_of(stage, words, {word: name for word, name in asked.items() if name})


def _of_the_family(client: Client, config: Config, scene: Scene) -> list[str]:
    """Return remarks for the filter test's report: filtering is off, or a device has an allowed tunnel."""
    status = client.ask(STATUS)
    remarks = []
    if status.mode == "off":
        remarks.append("Filtering is off for everyone now: the results apply when it is on again.")
    own = (child.devices for child in status.profiles if child.id == scene.profile)
    for device in (device for devices in own for device in devices):
        names = ", ".join(config.managed.get(device.mac, ()))
        if names:
            tunnel = f"{device.mac} keeps its tunnel to {names}"
            remarks.append(f"{tunnel}: that service filters the traffic inside.")
    return remarks


def _remarks(scene: Scene) -> list[str]:
    return [_ASIDE, *([] if "source6" in scene.words else [_NO_IPV6])]


class Trial:
    """Runs the checks of a filter test from the test device, and judges their results."""

    def __init__(
        self, stage: ProbeNetwork, impersonation: Impersonation, scene: Scene, marks: MarkBits
    ) -> None:
        self._stage = stage
        self._impersonation = impersonation
        self._scene = scene
        self._marks = marks

    def all(self, chosen: Sequence[MethodCheck]) -> list[Result]:
        """Run the ``chosen`` checks and return two results for each: over IPv4 and over IPv6.

        They are in the order of ``chosen``. One that cannot run has the outcome UNKNOWN or ABSENT.
        """
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
        """Return the result of the check whether the kernel forwards connections past the filter.

        It looks at the household's own connections, because those of the test are never offloaded.
        """
        if isinstance(task.job, Unavailable):
            return judge(task, None, [], self._scene, {})
        found = surroundings.offloaded(task.version, self._marks)
        if found is None:
            why = "this kernel does not show its connections (/proc/net/nf_conntrack)"
            return Result(task.check, task.version, CheckOutcome.UNKNOWN, why)
        return concluded(task.check, task.version, self._scene, worked=found, how="")

    def _judged(
        self, task: Task, results: Results, seen: Seen, lost: Lost, decided: Sequence[ProbeDecision]
    ) -> Result:
        result = judge(task, results.get(task.key), seen, self._scene, lost[task.version])
        if isinstance(task.job, Unavailable):
            return result
        return replace(result, reason=reason_of(task.job, decided))

    def _learn(self, every: Iterable[Task]) -> None:
        """Let the test device resolve the names that the checks connect to, as any device does.

        The filter then knows which addresses belong to these names.
        """
        names = {name for task in every if (name := _called(task)) is not None}
        self._try(
            tasks([_question(name, qtype) for name in sorted(names) for qtype in (A, AAAA)], self._scene)
        )

    def _lost(self, controls: Sequence[Task]) -> dict[int, dict[str, str]]:
        results, seen = self._insisting(controls)
        return lost_controls([(task, results.get(task.key), seen) for task in controls], self._scene)

    def _try(self, some: Sequence[Task]) -> tuple[Results, Seen]:
        results = _run_tasks(self._stage, some)
        return results, self._stage.sink.ask("seen")["seen"]

    def _insisting(self, some: Sequence[Task]) -> tuple[Results, Seen]:
        """Run tasks of the filter test; return the results by task, and what reached the simulated internet.

        A task that must pass and failed runs a second time, without the others: the router may have been
        busy.
        """
        results, seen = self._try(some)
        again = [
            task for task in some if task.check.passes and results.get(task.key, {}).get("how") != "answered"
        ]
        if not again:
            return results, seen
        results_again, seen_again = self._try(again)
        return {**results, **results_again}, [*seen, *seen_again]

    def _in_a_pause(self, some: Sequence[Task], lost: Lost) -> dict[str, Result]:
        """Pause the test device's internet and return the results of the tasks that need this, by task key.

        A running download must end, and help lines must still be reachable. The pause is ended afterwards.
        Tasks that cannot run, or that need a failed control, are left out.
        """
        ready = [
            task
            for task in some
            if not isinstance(task.job, Unavailable) and task.check.needs not in lost[task.version]
        ]
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
            return Result(task.check, task.version, CheckOutcome.UNKNOWN, "the download did not begin")
        how = after["over"] or ("silence" if _is_over(after) else "it runs on")
        return concluded(task.check, task.version, self._scene, worked=not _is_over(after), how=str(how))

    def _watched(self, within: float, enough: Callable[[Iterable[Mapping[str, Any]]], bool]) -> Results:
        until = time.monotonic() + within
        while True:
            now: Results = self._stage.device_process.ask("look")["downloads"]
            if enough(now.values()) or time.monotonic() >= until:
                return now
            time.sleep(_LOOK_S)


def addresses_of(stage: ProbeNetwork, words: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, str]:
    """Resolve names with the gateway's resolver, from the filter test's device.

    ``names``: a host name for each word. Return the first address for each word with the IP version, such as
    ``calling4``; names without an address are left out.
    """
    bare = Scene("", "", "", strict=False, refusals=frozenset(), words=words)
    asked = tasks([_question(name, "@type", word, "@gateway") for word, name in names.items()], bare)
    results = _run_tasks(stage, asked)
    found = {f"{task.check.id}{task.version}": results.get(task.key, {}).get("addresses") for task in asked}
    return {word: str(addresses[0]) for word, addresses in found.items() if addresses}


def _run_tasks(stage: ProbeNetwork, some: Sequence[Task]) -> Results:
    jobs = [task.job for task in some if not isinstance(task.job, Unavailable)]
    results: Results = stage.device_process.ask("run", jobs=jobs, within=_ALL_S)["results"]
    return results


def _question(name: str, qtype: int | str, ident: str = "", to: str = "@resolver") -> MethodCheck:
    job = {"probe": "dns", "to": to, "port": 53, "name": name, "qtype": qtype}
    return MethodCheck(ident or f"{name} {qtype}", job, "")


def _called(task: Task) -> str | None:
    """Return the host name to which a task of the filter test connects, if its address is a simulated one.

    None otherwise, and for names that must be blocked: resolving these would let the filter learn the ports
    of their service, which is another check's subject.
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


class Impersonation:
    """A context manager: meanwhile the daemon applies a child's rules to the filter test's device.

    ``with Impersonation(…) as rules`` returns these rules. ``who``: a profile, or the MAC address
    of a filtered device. ``mac``: the test device's. ``interface``: an interface of the test that
    counts as LAN; None: none. ``stranger``: the MAC address of an unknown device, about which the
    daemon then sends no notification. Entering raises ControlError if the daemon refuses.
    """

    def __init__(
        self, client: Client, who: str, mac: str, interface: str | None, stranger: str | None
    ) -> None:
        self._client = client
        self._asked = {"who": who, "mac": mac, "interface": interface, "stranger": stranger}
        self._line: socket.socket | None = None

    def __enter__(self) -> ProbeDeviceRules:
        rules, self._line = self._client.hold(PROBE_BEGIN, **self._asked)
        return rules

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._client.ask(PROBE_END)
        except Unreachable:
            pass  # it ended together with the daemon
        finally:
            if self._line is not None:
                self._line.close()

    def seen(self) -> Sequence[ProbeDecision]:
        """Return the daemon's decisions about the test device's traffic, the oldest first."""
        return self._client.ask(PROBE_SEEN).seen

    def pause(self, *, paused: bool) -> None:
        self._client.ask(PROBE_PAUSE, paused=paused)

    def clear(self) -> None:
        """Make the daemon forget the flows, learned names and packet counts of the test device."""
        self._client.ask(PROBE_CLEAR)
