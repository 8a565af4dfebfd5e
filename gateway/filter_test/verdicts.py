"""Judges a check by what the device observed and what arrived."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from gateway.control.contract.filter_tests import ProbeDecision
from gateway.filter_test.checks import CheckOutcome, MethodCheck, Result, Scene, Want
from gateway.filter_test.plan import Task, Unavailable
from gateway.policy.config.web import PAGES
from gateway.wire.dns.svcb import DOHPATH, ECH

_TRANSPORTS = {"datagram": "udp", "quic": "udp", "packet": "ip", "dns": "udp"}
_NAMED = ("hello", "quic", "https")  # probes from which the simulated internet reads a name
_OK = 200
# The answers for a blocked name: the page that says why, or no address, as the family chose.
_BLOCKED = (PAGES[0], "0.0.0.0", "::")
_WHY_NOT = {
    "dns": "an allowed name was not answered either",
    "tls": "a page of an allowed site did not come either; does another firewall refuse what the LAN sends?",
}


def judge(
    task: Task, result: Mapping[str, Any] | None, arrived: Iterable[Mapping[str, Any]], scene: Scene,
    lost: Mapping[str, str],
) -> Result:  # fmt: skip
    """Return a check's result: open (it worked), closed (it did not), unknown or absent.

    The result also says whether the rules intend that. ``result``: what the device observed; None
    if the task did not run. ``arrived``: what reached the simulated internet. ``lost``: the control
    connections of this IP version that failed, and why; the result of a check that needs one of
    them is unknown.
    """
    check, version = task.check, task.version
    if isinstance(task.job, Unavailable):
        return Result(
            check, version, CheckOutcome.ABSENT if task.job.absent else CheckOutcome.UNKNOWN, task.job.why
        )
    if check.needs in lost:
        how = "" if result is None else str(result.get("how", ""))
        return Result(check, version, CheckOutcome.UNKNOWN, lost[check.needs], how=how)
    if result is None:
        return Result(check, version, CheckOutcome.UNKNOWN, "it was not tried")
    worked = through(check, task.job, result, arrived)
    return concluded(check, version, scene, worked=worked, how=str(result.get("how", "")), job=task.job)


def concluded(
    check: MethodCheck,
    version: int,
    scene: Scene,
    *,
    worked: bool,
    how: str,
    job: Mapping[str, Any] | None = None,
) -> Result:
    """Return a check's result: open if the method ``worked``, else closed.

    The result also says whether the rules intend that; a bypass method may be blocked under any
    rules. ``how``: what the device observed. ``job``: what was sent where.
    """
    found = CheckOutcome.OPEN if worked else CheckOutcome.CLOSED
    if check.passes:
        return Result(check, version, found, meant=worked, how=how)
    closed = scene.closes(check)
    if check.rule == "door" and job is not None and job["port"] in tuple(scene.gateway_ports):
        closed = False
    # A method that one rule allows may still be blocked by a stricter one.
    return Result(check, version, found, meant=not worked or closed is False, how=how)


def lost_controls(
    tried: Iterable[tuple[Task, Mapping[str, Any] | None, Iterable[Mapping[str, Any]]]], scene: Scene
) -> dict[int, dict[str, str]]:
    """Return the control connections that failed, by IP version: ``dns`` or ``tls`` with the reason.

    A control connection must work; without it, the result of checks that need it is unknown. In
    strict mode a failed ``dns`` also fails ``tls``.
    """
    lost: dict[int, dict[str, str]] = {4: {}, 6: {}}
    for task, result, arrived in tried:
        kind = task.check.id.removeprefix("control-")
        if isinstance(task.job, Unavailable):
            lost[task.version][kind] = task.job.why
        elif result is None or not through(task.check, task.job, result, arrived):
            lost[task.version].setdefault(kind, _WHY_NOT[kind])
    for kinds in lost.values():
        if "dns" in kinds and scene.strict:
            kinds.setdefault("tls", kinds["dns"])
    return lost


def through(
    check: MethodCheck,
    job: Mapping[str, Any],
    result: Mapping[str, Any],
    arrived: Iterable[Mapping[str, Any]],
) -> bool:
    """Return whether a check's connection worked: a response came that fulfils the check's condition.

    For the condition `Want.REACHED`, the bytes must also have arrived at the simulated internet
    (``arrived``).
    """
    if result.get("how") != "answered":
        return False
    match check.want:
        case Want.TAKEN | Want.ANSWERED:
            return True
        case Want.SHOWN:
            return result.get("status") == _OK
        case Want.RECORDS:
            return result.get("rcode") == 0 and result.get("records", 0) > 0
        case Want.ADDRESS:
            return any(address not in _BLOCKED for address in result.get("addresses", ()))
        case Want.OURS:
            return job["ours"] in result.get("addresses", ())
        case Want.UNSAFE:
            return bool(result.get("marker")) and not result.get("alias")
        case Want.ECH:
            return ECH in result.get("keys", ())
        case Want.WAYS:
            return DOHPATH in result.get("keys", ()) or result.get("dns_alpn", False)
        case Want.REACHED:
            return any(_is_of(arrival, job) for arrival in arrived)


def _is_of(arrival: Mapping[str, Any], job: Mapping[str, Any]) -> bool:
    """Return whether a recorded arrival at the simulated internet is what ``job`` sent.

    Address, port and transport must match, and the requested name or the sent bytes where they are known.
    """
    if (arrival["to"], arrival["port"]) != (job["to"], job["port"]):
        return False
    if arrival["transport"] != _TRANSPORTS.get(job["probe"], "tcp"):
        return False
    name = job.get("name")
    if job["probe"] == "request":
        return str(name).encode() in bytes.fromhex(arrival["head"]).lower()
    if job["probe"] in _NAMED and name is not None and "version" not in job:
        # A server ignores an impossible name.
        return bool(arrival.get("name") == name or "." not in name)
    if job["probe"] == "datagram":
        return bool(arrival["head"] == job["send"][:1024])
    return True


def reason_of(job: Mapping[str, Any], decided: Iterable[ProbeDecision]) -> str:
    """Return the reason of the daemon's last decision about what a check sent; empty without one.

    ``job``: what was sent where. DNS queries match by address, port and name, others by address and port.
    """
    port = 0 if job["probe"] == "packet" else job["port"]
    found = ""
    for decision in decided:
        if decision.dst != job["to"] or decision.dport != port:
            continue
        if job["probe"] != "dns" or decision.host == str(job["name"]).lower():
            found = str(decision.reason)
    return found
