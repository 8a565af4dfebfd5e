"""What a bypass test finds out: relays in fetched lists, ports in /proc, sites by the daemon's judge."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from gateway.control.client import Client
from gateway.control.contract.filter_tests import ProbeDeviceRules
from gateway.control.contract.profile import PROFILE
from gateway.control.contract.rules import WHY
from gateway.control.contract.status import STATUS
from gateway.control.verbs import Verb
from gateway.core.errors import ControlError
from gateway.filter_test import surroundings as scenery
from gateway.filter_test.stage import random_mac
from gateway.policy.config.config import Config
from gateway.policy.config.web import Listen
from gateway.policy.profile.bypass_methods import MethodSetting
from gateway.policy.profile.rules import Mode

AT = "2026-11-24T20:40:00+05:00"
STAGE = {"sourcemac": "02:00:00:00:00:50", "strangermac": "02:00:00:00:00:51", "lan": "br-lan"}
RULES = ProbeDeviceRules(
    profile="kid", name="Kid", band="10-12", strict=False, mode=Mode.BLOCK_LIST,
    ways={"vpn": MethodSetting.BLOCK, "ssh": MethodSetting.ALLOW}, seconds=300,
)  # fmt: skip


class Daemon:
    """Answers as one does whose child may not go to tiktok and to what the profile names."""

    def __init__(self, refused: set[str], shown: Mapping[str, Any]) -> None:
        self.refused = refused
        self.shown = shown
        self.whom: list[str] = []
        self.unclaimed = False

    def ask(self, verb: Verb[Any, Any], **values: Any) -> Any:
        return verb.decode_response(self.answer(verb, values))

    def answer(self, verb: Verb[Any, Any], values: Mapping[str, Any]) -> dict[str, Any]:
        if verb is PROFILE:
            return {"profile": self.shown}
        if verb.name == STATUS.name:
            return {"unclaimed": self.unclaimed}
        assert verb is WHY
        self.whom.append(values.get("device") or values["profile"])
        if values["host"] == "broken.example":
            msg = "no host"
            raise ControlError(msg)
        return {"verdict": "block" if values["host"] in self.refused else "allow", "at": AT}


def scene_of(daemon: Daemon, **config: Any) -> Any:
    return scenery.scene(cast("Client", daemon), replace(Config(), **config), RULES, STAGE)


SHOWN = {
    "refused": [{"target": "service:x"}, {"target": "own.example"}, {"target": "safe_search"}],
    "allowed": [{"target": "homework.example"}],
}


def test_a_familys_own_sites_go_first() -> None:
    scene = scene_of(Daemon({"own.example", "www.tiktok.com"}, SHOWN))
    assert (scene.words["refused"], scene.words["odd"]) == ("own.example", "oWn.eXaMpLe")
    assert scene.words["allowed"] == "homework.example"
    assert scene.refusals == {"ways:vpn", "safe_search"}
    assert scene.names == {"dns.google": False, "nordvpn.com": False}


def test_a_site_is_one_that_the_rules_really_refuse() -> None:
    shown = {"refused": [{"target": "broken.example"}], "allowed": []}
    scene = scene_of(Daemon({"www.instagram.com"}, shown))
    assert scene.words["refused"] == "www.instagram.com"
    assert scene.words["allowed"] == "www.wikipedia.org"
    nothing = scene_of(Daemon(set(), shown))
    assert nothing.words["refused"] is None


@pytest.mark.parametrize(
    ("config", "asked"),
    [({}, "guest"), ({"unknown_devices": "home"}, "home"), ({"interfaces": {"br-lan": "kid"}}, "kid")],
)
def test_a_stranger_is_what_its_network_says(config: Mapping[str, Any], asked: str) -> None:
    daemon = Daemon({"own.example"}, SHOWN)
    assert scene_of(daemon, **config).strangers_refused
    assert asked in daemon.whom


def test_before_the_claim_no_stranger_is_filtered() -> None:
    daemon = Daemon({"own.example"}, SHOWN)
    daemon.unclaimed = True
    assert not scene_of(daemon, unknown_devices="quarantine").strangers_refused


def test_in_quarantine_nobody_is_asked() -> None:
    daemon = Daemon({"own.example"}, SHOWN)
    assert scene_of(daemon, unknown_devices="quarantine").strangers_refused
    assert set(daemon.whom) == {STAGE["sourcemac"]}


def test_relays_are_those_of_the_fetched_lists(tmp_path: Path) -> None:
    config = Config(state=str(tmp_path))
    assert scenery.relays(config) == {}
    (tmp_path / "lists").mkdir()
    lines = "# relays\nname,192.0.2.7\n198.51.100.0/24\n203.0.113.9\n2001:470:1::9\n"
    (tmp_path / "lists" / "tor-nodes.list").write_text(lines)
    found = scenery.relays(config)
    assert found == {"tor4": "192.0.2.7", "tor6": "2001:470:1::9"}


def test_ports_are_those_that_others_can_reach() -> None:
    with socket.create_server(("0.0.0.0", 0)) as wide, socket.create_server(("127.0.0.1", 0)) as narrow:
        open_port, closed_port = wide.getsockname()[1], narrow.getsockname()[1]
        found = scenery.listening(Config(), 1)
        assert open_port in found
        assert closed_port not in found
        assert open_port not in scenery.listening(Config(gateway_ports=(open_port,)), 1)
        assert open_port not in scenery.listening(Config(), open_port), "the bypass test's own"
        assert scenery.pages_run(Config(web=Listen(port=open_port)))
    assert not scenery.pages_run(Config(web=Listen(port=open_port)))


def test_a_service_of_the_gateways_own_has_one_port_on_each_address() -> None:
    with scenery.ProbeListener(["127.0.0.1", "::1"]) as service:
        for address in ("127.0.0.1", "::1"):
            socket.create_connection((address, service.port), 2).close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", service.port), 2)


def test_addresses_are_made_up_as_phones_do() -> None:
    made = {random_mac() for _ in range(50)}
    assert len(made) == 50
    assert {int(mac[:2], 16) & 3 for mac in made} == {2}


@pytest.mark.parametrize(
    ("line", "open_to"),
    [
        ("ipv4     2 tcp      6 src=192.168.1.20 dst=192.0.2.7 [OFFLOAD] mark=65541 use=3", {4}),
        ("ipv6     10 tcp      6 src=fd00::1 dst=2001:db8::7 [HW_OFFLOAD] mark=65541 use=3", {6}),
        ("ipv4     2 tcp      6 431999 ESTABLISHED src=192.168.1.20 [ASSURED] mark=65541 use=2", set()),
        ("ipv4     2 tcp      6 src=192.168.1.9 dst=192.0.2.7 [OFFLOAD] mark=0 use=3", set()),
        ("ipv4     2 tcp      6 src=192.168.1.9 dst=192.0.2.7 [OFFLOAD] mark=12582913 use=3", set()),
    ],
    ids=["a child's", "by hardware", "not offloaded", "nobody's", "an adult's"],
)
def test_an_offloaded_connection_of_a_filtered_device_is_a_hole(line: str, open_to: set[int]) -> None:
    slot = Config().marks.slot
    assert {version for version in (4, 6) if scenery.any_offloaded(line, version, slot)} == open_to
