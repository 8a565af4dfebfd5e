"""From what the device saw and what arrived to closed, open, or cannot be told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from gateway.audit.checks import Check, Found, Result, Scene, Want
from gateway.audit.plan import Lack, Task
from gateway.wire.dns.svcb import DOHPATH, ECH

_TRANSPORTS = {"datagram": "udp", "quic": "udp", "packet": "ip", "dns": "udp"}
_NAMED = ("hello", "quic", "https")  # probes whose name the pretended internet reads
_OK = 200
_NOWHERE = ("0.0.0.0", "::")  # what a refused name is answered with where the family chose it
_WHY_NOT = {
    "dns": "an allowed name was not answered either",
    "tls": "a page of an allowed site did not come either; does another firewall refuse what the LAN sends?",
}


def judge(
    task: Task, told: Mapping[str, Any] | None, arrived: Iterable[Mapping[str, Any]], scene: Scene,
    lost: Mapping[str, str],
) -> Result:  # fmt: skip
    """``lost``: by the controls that failed over this family, why."""
    check, version = task.check, task.version
    if isinstance(task.job, Lack):
        return Result(check, version, Found.ABSENT if task.job.absent else Found.UNKNOWN, task.job.why)
    if told is None:
        return Result(check, version, Found.UNKNOWN, "it was not tried")
    if check.needs in lost:
        return Result(check, version, Found.UNKNOWN, lost[check.needs], how=str(told.get("how", "")))
    worked = through(check, task.job, told, arrived)
    return concluded(check, version, scene, worked=worked, how=str(told.get("how", "")), job=task.job)


def concluded(
    check: Check, version: int, scene: Scene, *, worked: bool, how: str, job: Mapping[str, Any] | None = None
) -> Result:
    """What a way that works, or does not, says about these rules."""
    found = Found.OPEN if worked else Found.CLOSED
    if check.passes:
        return Result(check, version, found, meant=worked, how=how)
    closed = scene.closes(check)
    if check.rule == "door" and job is not None and job["port"] in tuple(scene.gateway_ports):
        closed = False
    # What is open by the rules may be closed all the same: by a stricter one of them.
    return Result(check, version, found, meant=not worked or closed is False, how=how)


def lost_controls(
    tried: Iterable[tuple[Task, Mapping[str, Any] | None, Iterable[Mapping[str, Any]]]], scene: Scene
) -> dict[int, dict[str, str]]:
    """By family, the controls that did not pass, and why nothing that needs them can be told."""
    lost: dict[int, dict[str, str]] = {4: {}, 6: {}}
    for task, told, arrived in tried:
        kind = task.check.id.removeprefix("control-")
        if isinstance(task.job, Lack):
            lost[task.version][kind] = task.job.why
        elif told is None or not through(task.check, task.job, told, arrived):
            lost[task.version].setdefault(kind, _WHY_NOT[kind])
    for kinds in lost.values():
        if "dns" in kinds and scene.strict:
            kinds.setdefault("tls", kinds["dns"])
    return lost


def through(
    check: Check, job: Mapping[str, Any], told: Mapping[str, Any], arrived: Iterable[Mapping[str, Any]]
) -> bool:
    """Whether the way worked from its beginning to its end."""
    if told.get("how") != "answered":
        return False
    match check.want:
        case Want.TAKEN | Want.ANSWERED:
            return True
        case Want.SHOWN:
            return told.get("status") == _OK
        case Want.RECORDS:
            return told.get("rcode") == 0 and told.get("records", 0) > 0
        case Want.ADDRESS:
            return any(one not in _NOWHERE for one in told.get("addresses", ()))
        case Want.OURS:
            return job["ours"] in told.get("addresses", ())
        case Want.UNSAFE:
            return bool(told.get("marker")) and not told.get("alias")
        case Want.ECH:
            return ECH in told.get("keys", ())
        case Want.WAYS:
            return DOHPATH in told.get("keys", ()) or told.get("dns_alpn", False)
        case Want.REACHED:
            return any(_is_of(one, job) for one in arrived)


def _is_of(one: Mapping[str, Any], job: Mapping[str, Any]) -> bool:
    """Whether this arrived by that job: each has an address of its own, or a port and a name."""
    if (one["to"], one["port"]) != (job["to"], job["port"]):
        return False
    if one["transport"] != _TRANSPORTS.get(job["probe"], "tcp"):
        return False
    name = job.get("name")
    if job["probe"] == "request":
        return str(name).encode() in bytes.fromhex(one["head"]).lower()
    if job["probe"] in _NAMED and name is not None and "version" not in job:
        # An impossible name is none to a server.
        return bool(one.get("name") == name or "." not in name)
    if job["probe"] == "datagram":
        return bool(one["head"] == job["send"][:1024])
    return True


def reason_of(job: Mapping[str, Any], decided: Iterable[Mapping[str, Any]]) -> str:
    """The daemon's latest word about this job: of a question by its name, else by address and port."""
    port = 0 if job["probe"] == "packet" else job["port"]
    found = ""
    for one in decided:
        if one["dst"] != job["to"] or (one["dport"] or 0) != port:
            continue
        if job["probe"] != "dns" or one["host"] == str(job["name"]).lower():
            found = str(one["reason"])
    return found
