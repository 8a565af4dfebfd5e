"""Three gateways under a real OpenWISP server: a change, its roll-back, and what the server cannot do."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.fleet.conftest import AddGateway
from tests.fleet.gateway_agent import Gateway
from tests.fleet.server import PROVIDER, Server
from tests.fleet.steps import FAMILY, cycle, family, reported
from tests.fleet.uci import UciSection, read_uci

FEED = "https://feed.isp.example/qalqan/"
DAUGHTER = "etc/qalqan/profiles/daughter.yaml"


def qalqan_template(server: Server, name: str, config: object) -> str:
    return server.add_template("pages", name=name, default=False, config=config, default_values={})


def assign(server: Server, gateway: Gateway, templates: Callable[[list[str]], list[str]]) -> None:
    """Change the list of templates in one gateway's configuration."""
    path = server.device_path(gateway.identity)
    now = templates(server.api("GET", path)["config"]["templates"])
    config = {"backend": "netjsonconfig.OpenWrt", "templates": now, "config": {}}
    server.api("PATCH", path, {"config": config})


def add(server: Server, gateway: Gateway, template: str) -> None:
    assign(server, gateway, lambda now: [*now, template])


def withdraw(server: Server, gateway: Gateway, template: str) -> None:
    assign(server, gateway, lambda now: [name for name in now if name != template])


def test_three_gateways_apply_a_change_and_its_roll_back(server: Server, add_gateway: AddGateway) -> None:
    gateways = [add_gateway() for _ in range(3)]
    before = gateways[0].settings()
    assert before["brand"] == "Qalqan"
    rules = before["rules"]
    for gateway in gateways:
        assert cycle(server, gateway) == "applied"
        assert gateway.seen[-1] == {
            "brand": PROVIDER, "colour": "#7a1f5b", "feed": FEED, "provider": "", "port": 8080,
            "token": "", "stop": "", "rules": rules, "problems": [],
        }  # fmt: skip
        assert reported(server, gateway)["status"] == "applied"
        assert gateway.cycle() == ""  # nothing new

    port = server.add_template("pages", default_values={"qalqan_port": "8888"})
    for gateway in gateways:
        add(server, gateway, port)
        assert cycle(server, gateway) == "applied"
        assert gateway.seen[-1]["port"] == 8888
    server.api("PATCH", f"controller/template/{port}/", {"default_values": {"qalqan_port": "9999"}})
    for gateway in gateways:  # one change of the template reaches all of them
        assert cycle(server, gateway) == "applied"
        assert gateway.seen[-1]["port"] == 9999

    for gateway in gateways:
        withdraw(server, gateway, port)
        assert cycle(server, gateway) == "applied"
        assert (gateway.seen[-1]["port"], gateway.seen[-1]["rules"]) == (8080, rules)
        assert family(gateway) == FAMILY


def test_counters_and_the_stop_switch_are_for_chosen_homes(server: Server, add_gateway: AddGateway) -> None:
    gateway = add_gateway()
    assert cycle(server, gateway) == "applied"
    before = gateway.seen[-1]
    counters = server.add_template("counters", default_values={"qalqan_token_sha256": "0" * 64})
    add(server, gateway, counters)
    assert cycle(server, gateway) == "applied"
    assert gateway.seen[-1] == {**before, "token": "0" * 64}
    stop = server.add_template("stop", default_values={"qalqan_stop_until": "2026-12-01T21:00+05:00"})
    add(server, gateway, stop)
    assert cycle(server, gateway) == "applied"
    assert gateway.seen[-1] == {**before, "token": "0" * 64, "stop": "2026-12-01T21:00:00+05:00"}
    assign(server, gateway, lambda now: [name for name in now if name not in (counters, stop)])
    assert cycle(server, gateway) == "applied"
    assert gateway.seen[-1] == before


def test_roll_outs_are_for_chosen_homes(server: Server, add_gateway: AddGateway) -> None:
    """Only the init script reads the switch, which is in UCI."""
    gateway = add_gateway()
    assert cycle(server, gateway) == "applied"
    before = gateway.seen[-1]
    rollout = server.add_template("rollout")
    add(server, gateway, rollout)
    assert cycle(server, gateway) == "applied"
    assert gateway.seen[-1] == {**before, "provider": "alma-net"}
    assert read_uci(gateway.root / "etc/config/qalqan")["provider"].options["rollout"] == "1"
    withdraw(server, gateway, rollout)
    assert cycle(server, gateway) == "applied"
    assert gateway.seen[-1] == before
    assert (
        "rollout" not in read_uci(gateway.root / "etc/config/qalqan").get("provider", UciSection("")).options
    )


def test_the_command_of_the_document_clears_the_cache(server: Server, add_gateway: AddGateway) -> None:
    gateway = add_gateway()
    assert cycle(server, gateway) == "applied"
    assert server.cached() > 0
    server.manage("clear_cache")
    assert server.cached() == 0
    assert gateway.cycle() == "", "the same configuration as before"


def test_a_group_gets_a_change_first(server: Server, add_gateway: AddGateway) -> None:
    first, other = add_gateway(), add_gateway()
    assert (cycle(server, first), cycle(server, other)) == ("applied", "applied")
    port = server.add_template("pages", name="Step 1", default_values={"qalqan_port": "8181"})
    body = {"name": "First", "organization": server.organization, "templates": [port]}
    group = server.api("POST", "controller/group/", body)["id"]
    server.api("PATCH", server.device_path(first.identity), {"group": group})
    assert cycle(server, first) == "applied"
    assert (first.seen[-1]["port"], other.cycle()) == (8181, "")
    server.api("PATCH", f"controller/group/{group}/", {"templates": []})
    assert cycle(server, first) == "applied"
    assert first.seen[-1]["port"] == 8080


def test_a_gateway_keeps_its_identity_after_a_reset(server: Server, add_gateway: AddGateway) -> None:
    gateway = add_gateway()
    before = gateway.identity
    gateway.register()
    assert gateway.identity == before


def section(name: str, **options: str) -> object:
    return {"qalqan": [{"config_name": name, "config_value": name, **options}]}


@pytest.mark.parametrize(
    ("config", "line"),
    [
        (section("brand", colour="purple"), "brand.colour"),
        (section("brand", nam="Alma"), "is no option of ours"),
        (section("rules", bedtime="off"), "is no section of ours"),
        (section("paths", profiles="/tmp/isp"), "qalqan.paths.profiles: belongs to the family"),
        (section("main", enabled="0"), "qalqan.main.enabled: belongs to the family"),
        ({"files": [{"path": f"/{DAUGHTER}", "mode": "0644", "contents": "name: Daughter\nband: adult\n"}]},
         f"/{DAUGHTER}: belongs to the family"),
        ({"files": [{"path": "/etc/qalqan/profiles/new.yaml", "mode": "0644", "contents": "band: adult\n"}]},
         "/etc/qalqan/profiles/new.yaml: belongs to the family"),
        ({"files": [{"path": f"/{DAUGHTER}", "mode": "0644", "contents": "name: Daughter\nband: adult\n"}],
          "qalqan": [{"config_name": "feed", "config_value": "feed", "root": f"/{DAUGHTER}"}]},
         f"/{DAUGHTER}: belongs to the family"),
        ({"fstab": [{"config_name": "mount", "config_value": "rules", "target": "/etc/qalqan/profiles"}]},
         "fstab.rules.target: names qalqan"),
    ],
    ids=("value", "option", "section", "profiles", "switch", "rules", "another child", "root keys", "mount"),
)  # fmt: skip
def test_a_template_that_tries_more_is_rolled_back(
    config: object, line: str, server: Server, add_gateway: AddGateway, request: pytest.FixtureRequest
) -> None:
    gateway = add_gateway()
    assert cycle(server, gateway) == "applied"
    before = gateway.seen[-1]
    bad = qalqan_template(server, request.node.name, config)
    add(server, gateway, bad)
    assert cycle(server, gateway) == "error"
    found = reported(server, gateway)
    assert (found["status"], found["error_reason"].count("Refused: ")) == ("error", 1)
    assert line in found["error_reason"]
    # The services never read it, not even between the change and the test.
    assert gateway.seen[-2:] == [before, before]
    assert family(gateway) == FAMILY

    # A parent changes a rule. Taking the template back must not bring the older file back.
    newer = FAMILY["profiles/daughter.yaml"] + "homework: [example.org]\n"
    (gateway.root / DAUGHTER).write_text(newer)
    withdraw(server, gateway, bad)
    assert cycle(server, gateway) == "applied"
    assert reported(server, gateway)["status"] == "applied"
    assert family(gateway) == {**FAMILY, "profiles/daughter.yaml": newer}
    assert gateway.seen[-1]["brand"] == PROVIDER
