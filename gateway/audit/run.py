"""Runs the filter test of one child."""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from gateway.audit import surroundings
from gateway.audit.catalogue import CHECKS
from gateway.audit.checks import Check, Result, Scene
from gateway.audit.impersonation import Impersonation
from gateway.audit.namespace import AuditError
from gateway.audit.stage import Stage, words_of
from gateway.audit.trial import Trial, addresses_of
from gateway.control.client import Client
from gateway.policy.config.config import Config, file_to_edit

_ASIDE = "Bedtimes, limits, schedules and pauses are ignored: the test is about bypass methods, not the time."
_NO_IPV6 = "IPv6 is not tested: the LAN has no IPv6 addresses."


@dataclass(frozen=True, slots=True)
class Audit:
    """The result of a test."""

    scene: Scene
    results: Sequence[Result]
    remarks: Sequence[str]


def audit(client: Client, config: Config, who: str, chosen: Sequence[Check] = CHECKS) -> Audit:
    """Run the test. ``who`` is a child's profile or the MAC of a filtered device. Raises GatewayError."""
    if not surroundings.is_filtered():
        msg = "nothing is filtered: the kernel has no table inet qalqan; see the daemon's log"
        raise AuditError(msg)
    stage = Stage(_lan(config))
    stranger = stage.stranger.mac if stage.bridged else None
    with ExitStack() as things:
        # First, so that the rules apply to the device's first packet.
        impersonation = Impersonation(client, who, stage.device.mac, stage.interface, stranger)
        worn = things.enter_context(impersonation)
        things.enter_context(stage)
        service = things.enter_context(surroundings.Service(stage.gateway_addresses().values()))
        words = _words(client, config, stage, service.port)
        scene = surroundings.scene(client, config, worn, words)
        results = Trial(stage, impersonation, scene, config.marks).all(chosen)
        remarks = [*_remarks(scene), *_of_the_family(client, config, scene)]
    return Audit(scene, results, remarks)


def _lan(config: Config) -> str:
    """Return the first configured LAN interface that exists; bridges first, since devices can join them."""
    here = {name for _, name in socket.if_nameindex()}
    found = sorted((name for name in config.lan if name in here), key=lambda name: not Stage(name).bridged)
    if not found:
        msg = f"there is no interface {config.lan[0]}; fix lan: in {file_to_edit(config.fixed, 'lan')}"
        raise AuditError(msg)
    return found[0]


def _words(client: Client, config: Config, stage: Stage, service: int) -> Mapping[str, Any]:
    """Return the values for the words of jobs, without the names of sites."""
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
    """Return remarks about conditions outside of the tested rules."""
    status = client.call("status")
    remarks = []
    if status["mode"] == "off":
        remarks.append("Filtering is off for everyone now: the results apply when it is on again.")
    own = (child["devices"] for child in status["profiles"] if child["id"] == scene.profile)
    for mac in (device["mac"] for devices in own for device in devices):
        names = ", ".join(config.managed.get(mac, ()))
        if names:
            remarks.append(f"{mac} keeps its tunnel to {names}: that service filters the traffic inside.")
    return remarks


def _remarks(scene: Scene) -> list[str]:
    return [_ASIDE, *([] if "source6" in scene.words else [_NO_IPV6])]
