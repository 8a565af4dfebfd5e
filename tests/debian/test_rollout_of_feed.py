"""A release from the publisher to the gateway: the feed, its check, the script, and the real daemon.

The packages are empty but for the script. Their program is this checkout's, on a gateway of the virtual home:
`qalqan status` asks its daemon, and `qalqan check` examines it.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.feed.client import GATEWAY_ID
from gateway.feed.provider_files import RELEASE
from gateway.feed.target import takes_candidate
from tests.debian.overlay import Overlay
from tests.debian.test_rollout import NEW, OLD, build, held, install, run, version
from tests.feed.gateway_home import Home as Customer
from tests.feed.publisher import FIRST, Publisher, serving
from tests.feed.test_providers import Provider
from tests.lab.daemon import Daemon
from tests.lab.filtering import PROFILES, fresh
from tests.lab.home import ROOT, Home
from tests.lab.test_check import FIREWALL

pytestmark = [pytest.mark.needs("root"), pytest.mark.needs("dpkg-deb"), pytest.mark.needs("apt-get")]

DEAD, WRONG = (
    "0.3.0-1",
    "0.4.0-1",
)  # versions whose daemon ends, and after which a file of the family is wrong
FIRST_PERCENT = 1


class Fleet:
    """A provider, and a gateway that is among the first percent for each of its releases."""

    def __init__(self, folder: Path, machine: Overlay) -> None:
        self._machine = machine
        self._publisher = Publisher(folder / "publisher")
        self._publisher.publish(FIRST)
        self._alma = Provider(self._publisher, "alma", folder)
        self._gateway = Customer(folder / "gateway", self._publisher, "alma")
        state = str(machine.root / "var/lib/qalqan")
        machine.run("mkdir", "-p", "/var/lib/qalqan")
        subprocess.run(machine.beside(["mount", "--bind", str(self._gateway.state), state]), check=True)

    def publish(self, package: str, rollout: int | None = FIRST_PERCENT) -> None:
        text = f"apt {package}\n".encode()
        self._alma.publish({RELEASE: text}, rollout)
        identity = self._gateway.state / "feed" / GATEWAY_ID
        identity.parent.mkdir(exist_ok=True)
        digest = hashlib.sha256(text).hexdigest()
        ids = (number.to_bytes(16, "big") for number in range(10_000))
        identity.write_bytes(
            next(gateway_id for gateway_id in ids if takes_candidate(gateway_id, digest, FIRST_PERCENT))
        )

    def withdraw(self) -> None:
        self._publisher.repository.stage_withdrawal("alma", [RELEASE])
        self._publisher.publish_staged(self._alma.key)

    def check_and_roll_out(self) -> str:
        """Do what a gateway does each hour, and return the lines of the log."""
        with serving(self._publisher.public) as site:
            self._gateway.url = site.address
            self._gateway.update()
        return run(self._machine).stderr


@pytest.fixture(scope="module")
def daemon(namespaces: None) -> Iterator[Daemon]:
    with Home(quic=False) as home:
        home.gateway.run(["nft", "-f", "-"], stdin=FIREWALL, check=True)
        running = fresh(home, PROFILES)
        yield running
        running.stop()


@pytest.fixture
def machine(daemon: Daemon, tmp_path: Path) -> Iterator[Overlay]:
    # The package's files are in the overlay; the program and the daemon are outside.
    outside = shlex.join(["nsenter", "--target", str(os.getpid()), "--mount", "--root", f"--wd={ROOT}"])
    program = [sys.executable, "-m", "gateway", "--config", str(daemon.config)]
    command = f'exec {outside} {shlex.join(daemon.home.gateway.command(program))} "$@"'
    wrong = daemon.profiles / "wrong.yaml"
    daemon.start()
    effects = {
        OLD: f"{outside} rm -f {wrong}",
        NEW: f"{outside} rm -f {wrong}",
        DEAD: f"kill -9 {daemon.pid}",
        WRONG: f"{outside} sh -c 'echo band: 99 > {wrong}'",
    }
    packages = {name: build(tmp_path, name, command, effect) for name, effect in effects.items()}
    (tmp_path / "machine").mkdir()
    with Overlay(tmp_path / "machine") as overlay:
        install(overlay, packages)
        yield overlay
    daemon.stop()


@pytest.fixture
def fleet(machine: Overlay, tmp_path: Path) -> Fleet:
    return Fleet(tmp_path, machine)


def test_a_healthy_version_of_the_feed_is_installed_and_withdrawn(machine: Overlay, fleet: Fleet) -> None:
    fleet.publish(OLD, rollout=None)
    assert fleet.check_and_roll_out() == f"qalqan-rollout: release installed: {OLD}. The filter is healthy\n"
    fleet.publish(NEW)
    assert fleet.check_and_roll_out() == f"qalqan-rollout: release installed: {NEW}. The filter is healthy\n"
    assert version(machine) == f"{NEW} installed"
    fleet.withdraw()
    assert f"release installed: {OLD}. The filter is healthy" in fleet.check_and_roll_out()
    assert version(machine) == f"{OLD} installed"


@pytest.mark.parametrize("bad", [DEAD, WRONG])
def test_a_version_that_harms_the_filter_gives_way(
    machine: Overlay, fleet: Fleet, daemon: Daemon, bad: str
) -> None:
    """The daemon ends, which `qalqan status` sees, or a file cannot be used, which `qalqan check` sees."""
    fleet.publish(OLD, rollout=None)
    fleet.check_and_roll_out()
    fleet.publish(bad)
    lines = fleet.check_and_roll_out().splitlines()
    assert lines == [
        f"qalqan-rollout: the filter is not healthy with {bad}. Going back to {OLD}",
        f"qalqan-rollout: back at {OLD} and its settings. This release is not tried again",
    ]
    assert version(machine) == f"{OLD} installed"
    assert held(machine) == {"failed", "taken"}
    assert fleet.check_and_roll_out() == "", "it is not tried again"
