"""Upgrades of the firmware by OpenWISP's own upgrader, over a real SSH server on a simulated gateway."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import pytest

from tests.fleet import image
from tests.fleet.conftest import AddGateway
from tests.fleet.gateway_agent import Gateway
from tests.fleet.server import Server
from tests.fleet.ssh import Access, connected
from tests.fleet.steps import FAMILY, cycle, family, wait_until

API = "firmware-upgrader"
TYPE = "x86-64-generic-squashfs-combined.img.gz"  # OpenWISP knows which model it is for
NEW = "OpenWrt 24.10.1"
STATE = "etc/qalqan/state/qalqan.db"
NOTE = "etc/isp-note"  # in no list of files to keep


class Images:
    """The provider's builds of Qalqan's image on the server."""

    def __init__(self, server: Server) -> None:
        self._server = server
        body = {"name": "Qalqan", "organization": server.organization}
        self._category = server.api("POST", f"{API}/category/", body)["id"]
        self._first, _ = self.add("24.10.0", image.SYSTEM, image.packed(image.files()))

    def add(self, version: str, system: str, content: bytes) -> tuple[str, str]:
        """Add a build with one image and return their ids."""
        body = {"category": self._category, "version": version, "os": system}
        build = self._server.api("POST", f"{API}/build/", body)["id"]
        name = f"qalqan-{version}-{TYPE}"
        return build, self._server.upload(f"{API}/build/{build}/image/", {"type": TYPE}, name, content)["id"]

    def wait_for(self, gateway: Gateway) -> None:
        """Wait until the server takes it from the reported system that the gateway has the first image."""
        wait_until(
            lambda: self._server.api("GET", f"{API}/build/{self._first}/upgrade/")["devices"],
            lambda without_image: str(UUID(gateway.identity)) not in without_image,
            "the server does not know the gateway's image",
        )


@pytest.fixture(scope="session")
def images(server: Server) -> Images:
    return Images(server)


@pytest.fixture
def gateway(server: Server, add_gateway: AddGateway) -> Gateway:
    """A gateway with the provider's brand, a family's rules and state, and a file that no list names."""
    added = add_gateway()
    assert cycle(server, added) == "applied"
    added.write(STATE, "minutes and accounts")
    added.write(NOTE, "of the old image")
    return added


def has_everything_of_the_family(gateway: Gateway) -> bool:
    return family(gateway) == FAMILY and (gateway.root / STATE).read_text() == "minutes and accounts"


def upgraded(server: Server, gateway: Gateway, firmware: str) -> Mapping[str, Any]:
    """Order one gateway's upgrade and return the operation once it has ended."""
    path = f"{API}/device/{UUID(gateway.identity)}/firmware/"
    operation = server.api("PUT", path, {"image": firmware})["upgrade_operation"]["id"]
    found: Mapping[str, Any] = wait_until(
        lambda: server.api("GET", f"{API}/upgrade-operation/{operation}/"),
        lambda now: now["status"] != "in-progress",
        "the upgrade does not end",
    )
    return found


def test_a_group_is_upgraded_and_keeps_what_is_the_family_s(
    server: Server, gateway: Gateway, access: Access, images: Images
) -> None:
    before = gateway.settings()
    content = image.packed(image.files(NEW))
    build, _ = images.add("24.10.1", NEW, content)
    plan = f"{API}/build/{build}/upgrade/"
    body = {"name": "1 %", "organization": server.organization, "templates": []}
    group = server.api("POST", "controller/group/", body)["id"]
    server.api("PATCH", server.device_path(gateway.identity), {"group": group})
    with connected(server, gateway, access):
        images.wait_for(gateway)
        assert len(server.api("GET", f"{plan}?group={group}")["device_firmwares"]) == 1
        batch = server.api("POST", plan, {"group": group})["batch"]
        done = wait_until(
            lambda: server.api("GET", f"{API}/batch-upgrade-operation/{batch}/"),
            lambda now: now["status"] not in ("idle", "in-progress"),
            "the upgrade does not end",
        )
    (operation,) = done["upgradeoperations"]
    assert (done["status"], operation["status"]) == ("success", "success"), operation["log"]
    assert "Sysupgrade test passed successfully" in operation["log"]
    checksum = (gateway.root / "etc/openwisp/firmware_checksum").read_text().strip()
    assert checksum == hashlib.sha256(content).hexdigest()
    assert (gateway.root / "tmp/log").read_text().endswith("the service ended\n")  # and wrote its state
    assert has_everything_of_the_family(gateway)
    assert gateway.settings() == before
    assert gateway.cycle() == "applied"  # the upgrader makes the agent ask for the whole configuration
    assert server.device(gateway.identity)["os"] == NEW
    assert gateway.settings() == before
    assert has_everything_of_the_family(gateway)


def test_an_image_for_another_model_is_not_installed(
    server: Server, gateway: Gateway, access: Access, images: Images
) -> None:
    _, wrong = images.add("wrong", "", image.packed(image.files(NEW, model="another")))
    with connected(server, gateway, access):
        images.wait_for(gateway)
        operation = upgraded(server, gateway, wrong)
    assert operation["status"] == "aborted"
    assert "Image check failed" in operation["log"]
    assert gateway.system == image.SYSTEM
    assert has_everything_of_the_family(gateway)


def test_a_gateway_that_does_not_return_is_reported(
    server: Server, gateway: Gateway, access: Access, images: Images
) -> None:
    _, bad = images.add("bad", "", image.packed({**image.files(NEW), image.FAILS: ""}))
    with connected(server, gateway, access):
        images.wait_for(gateway)
        operation = upgraded(server, gateway, bad)
    assert operation["status"] == "failed"
    assert "not reachable anymore after upgrade" in operation["log"]
    assert has_everything_of_the_family(gateway)


@pytest.mark.parametrize(
    ("options", "family_stays", "note_stays"),
    [((), True, False), (("-c",), True, True), (("-n",), False, False)],
    ids=("lists", "changed files", "nothing"),
)
def test_what_each_option_of_the_upgrader_keeps(
    options: tuple[str, ...], family_stays: bool, note_stays: bool, gateway: Gateway
) -> None:
    (gateway.root / "tmp/new.img").write_bytes(image.packed(image.files(NEW)))
    brand = gateway.settings()["brand"]
    gateway.run(["/sbin/sysupgrade", "-v", *options, "/tmp/new.img"], check=True)
    assert gateway.system == NEW
    assert (gateway.root / NOTE).exists() == note_stays
    assert (gateway.root / STATE).exists() == family_stays
    if family_stays:
        assert has_everything_of_the_family(gateway)
        assert gateway.settings()["brand"] == brand
    else:
        assert family(gateway) == {}
