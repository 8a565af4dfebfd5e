"""The sample family in the virtual home, with its real daemon and pages, for a browser of this machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import yaml
from selenium.webdriver.common.by import By

from tests.browser.chromium import Chromium, eventually
from tests.lab import clients, sample
from tests.lab.clients import Outcome
from tests.lab.daemon import Daemon
from tests.lab.doors import SEATS, free_ports, open_doors, start_relays
from tests.lab.home import Home
from tests.lab.names import NEW, ipv4_of

CHILD = "daughter"
PIN = "7035"


@dataclass(frozen=True, slots=True)
class Family:
    home: Home
    daemon: Daemon
    first_port: int

    def url(self, seat: str, path: str = "/") -> str:
        """A page as the device ``seat`` gets it: the parent's phone, the tablet, the new phone."""
        keys = [one.key for one in SEATS]
        return f"http://127.0.0.1:{self.first_port + keys.index(seat)}{path}"

    def link(self, guardian: str = "Mum") -> str:
        """A fresh one-time link for a browser on the parent's phone."""
        known = self.daemon.client.call("guardian", action="list")["guardians"]
        action = "link" if guardian in known else "add"
        token = self.daemon.client.call("guardian", action=action, name=guardian)["token"]
        return self.url("parent", f"/signin?code={token}")

    def http(self, seat: str, host: str) -> Outcome:
        """Plain HTTP from a device that has known the site's address for a while."""
        known = ["--resolve", f"{host}:80:{ipv4_of(host)}"]
        return clients.curl(self.home.devices[seat], f"http://{host}/", extra=known)

    def unlock(self, browser: Chromium) -> None:
        """The daughter's PIN on her own tablet, so that this browser sees where her time went."""
        self.daemon.client.call("pin", action="set", who=CHILD, pin=PIN)
        browser.driver.get(self.url("tablet", "/my/pin"))
        browser.driver.find_element(By.ID, "pin").send_keys(PIN)
        browser.tap(".signin button")
        eventually(lambda: "Where my time went" in browser.text("h1"))

    def share(self, mac: str) -> None:
        """From now on a device is her brother's as well as hers."""
        settings = yaml.safe_load(self.daemon.config.read_text())
        shared = {mac: {"people": [CHILD, "son"]}}
        self.daemon.config.write_text(yaml.safe_dump(settings | {"shared": shared}))
        self.daemon.client.call("reload")

    def share_nothing(self) -> None:
        settings = yaml.safe_load(self.daemon.config.read_text())
        self.daemon.config.write_text(yaml.safe_dump(settings | {"shared": {}}))
        self.daemon.client.call("reload")

    def child(self) -> dict[str, Any]:
        """The daughter's part of the daemon's status."""
        profiles = self.daemon.client.call("status")["profiles"]
        return next(dict(one) for one in profiles if one["id"] == CHILD)


@contextmanager
def at_an_empty_home() -> Iterator[Family]:
    """Nobody has rules, and nobody looks after the gateway yet. All devices are on the Wi-Fi."""
    with ExitStack() as stack:
        first = free_ports()
        doors = open_doors(first, stack)
        home = stack.enter_context(Home(quic=False))
        daemon = stack.enter_context(sample.move_in_alone(home))
        start_relays(home, doors, stack)
        yield Family(home, daemon, first)


@contextmanager
def at_home(*, quic: bool = False) -> Iterator[Family]:
    """The new phone is not on the Wi-Fi until ``home.join``."""
    with ExitStack() as stack:
        first = free_ports()
        doors = open_doors(first, stack)
        home = stack.enter_context(Home(absent=[NEW.key], quic=quic))
        daemon, _ = sample.move_in(home)
        stack.enter_context(daemon)
        start_relays(home, doors, stack)
        yield Family(home, daemon, first)
