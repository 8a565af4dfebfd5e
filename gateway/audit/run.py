"""One child's audit: the stage, the rules that its device wears, what is known of the home, the trial."""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from gateway.audit import surroundings as scenery
from gateway.audit.catalogue import CHECKS
from gateway.audit.checks import Check, Result, Scene
from gateway.audit.impersonation import Wear
from gateway.audit.namespace import AuditError
from gateway.audit.stage import Stage, words_of
from gateway.audit.trial import Trial, addresses_of
from gateway.control.client import Client
from gateway.policy.config.config import Config
from gateway.policy.config.router_decides import file_to_edit

_ASIDE = "Bedtimes, limits, windows and pauses are set aside: this is about ways around, not about the clock."
_NO_IPV6 = "There is no IPv6 here: the LAN has no such addresses."


@dataclass(frozen=True, slots=True)
class Audit:
    """What came of it."""

    scene: Scene
    results: Sequence[Result]
    remarks: Sequence[str]


def audit(client: Client, config: Config, who: str, chosen: Sequence[Check] = CHECKS) -> Audit:
    """``who`` is a child's profile or the MAC of a filtered device. Raises GatewayError in one line."""
    if not scenery.is_filtered():
        msg = "the kernel has no table inet qalqan, so nothing is filtered; see the daemon's log"
        raise AuditError(msg)
    stage = Stage(_lan(config))
    stranger = stage.stranger.mac if stage.bridged else None
    with ExitStack() as things:
        # From its first packet on the device has these rules.
        wear = Wear(client, who, stage.seat.mac, stage.interface, stranger)
        worn = things.enter_context(wear)
        things.enter_context(stage)
        service = things.enter_context(scenery.Service(stage.gateway_addresses().values()))
        words = _words(client, config, stage, service.port)
        scene = scenery.scene(client, config, worn, words)
        results = Trial(stage, wear, scene, config.marks).all(chosen)
        remarks = [*_remarks(scene), *_of_the_family(client, config, scene)]
    return Audit(scene, results, remarks)


def _lan(config: Config) -> str:
    """The first of the family's interfaces that is here; a bridge before others, since devices join it."""
    here = {name for _, name in socket.if_nameindex()}
    found = sorted((one for one in config.lan if one in here), key=lambda one: not Stage(one).bridged)
    if not found:
        msg = f"there is no interface {config.lan[0]}; mend lan: in {file_to_edit(config.fixed, 'lan')}"
        raise AuditError(msg)
    return found[0]


def _words(client: Client, config: Config, stage: Stage, service: int) -> Mapping[str, Any]:
    """What fills the words of jobs, but the names of sites."""
    words: dict[str, Any] = {**words_of(stage), **scenery.DOH, **scenery.relays(config)}
    words |= {"service": service, "listening": scenery.listening(config, service)}
    words |= {"pages": config.web.port} if scenery.pages_run(config) else {}
    words |= scenery.trusted(config)
    words |= {"offload": "yes"} if scenery.offloads() else {}
    words["help"] = scenery.help_page(client)
    # Where help is: the gateway's own resolver alone is believed. These questions alone may leave the house.
    asked = {"helpat": words["help"], "calling": scenery.EPDG}
    return words | addresses_of(stage, words, {word: name for word, name in asked.items() if name})


def _of_the_family(client: Client, config: Config, scene: Scene) -> list[str]:
    """What holds beside the rules that were tried."""
    status = client.call("status")
    told = []
    if status["mode"] == "off":
        told.append("Filtering is off for everyone just now: this says what holds when it is on again.")
    own = (child["devices"] for child in status["profiles"] if child["id"] == scene.profile)
    for mac in (one["mac"] for devices in own for one in devices):
        names = ", ".join(config.managed.get(mac, ()))
        told += [f"{mac} keeps its tunnel to {names}: what is inside is that filter's."] if names else []
    return told


def _remarks(scene: Scene) -> list[str]:
    return [_ASIDE, *([] if "source6" in scene.words else [_NO_IPV6])]
