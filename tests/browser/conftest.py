"""Whose pages a browser of this machine opens: a household of plain values, or the sample family at home.

``site`` and ``parent`` are of the household; ``family``, ``mum`` and ``child`` of the virtual home.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from copy import deepcopy
from pathlib import Path

import pytest

from tests.browser import family as homes
from tests.browser.chromium import Chromium, chromium, eventually
from tests.browser.family import Family
from tests.control.running import Running
from tests.lab.filtering import PROFILES, until
from tests.lab.home import Home
from tests.lab.trusted import LONG, Trusted
from tests.webui.serving import free_port, serving
from tests.webui.standin.household import TABLET, Household, at_home
from tests.webui.standin.spending import MINUTES
from tests.webui.standin.things import each


class Site:
    """The household, its daemon, and where its pages are."""

    def __init__(self, household: Household, daemon: Running, port: int) -> None:
        self.household = household
        self.daemon = daemon
        self.url = f"http://127.0.0.1:{port}"

    def link(self) -> str:
        return f"{self.url}/signin?code={self.household.guardians.link('Mum')}"

    def happens(self, change: Callable[[], object]) -> None:
        """Change something, and let the daemon say so."""

        def both() -> None:
            change()
            self.daemon.server.publish("status")

        self.daemon.submit(both)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with at_site(tmp_path_factory.mktemp("run")) as it:
        yield it


@contextmanager
def at_site(folder: Path) -> Iterator[Site]:
    household, port, path = Household(), free_port(), folder / "control.sock"
    household.devices["127.0.0.1"] = household.devices.pop("192.168.1.20")
    with closing(household), at_home(path, household) as daemon, serving(path, port):
        yield Site(household, daemon, port)


@pytest.fixture(scope="module")
def trusted() -> Iterator[Trusted]:
    """A virtual home whose pages have a trusted name and a certificate."""
    with Home(quic=False) as home:
        made = Trusted(home, PROFILES, country="kz")
        with made.daemon:
            assert made.renew(made.authority.issue()).returncode == 0
            assert until(made.met, LONG) is not None
            yield made


@pytest.fixture
def fresh(site: Site) -> None:
    begin_anew(site.household)


def begin_anew(household: Household) -> None:
    """As if nothing had happened since the start."""
    household.paused.clear()
    household.extra.clear()
    household.requests.clear()
    household.questions.clear()
    household.things.found[:] = each()
    household.listed.wrong.clear()
    household.cards.clear()
    household.growing.begin_anew()
    household.choosing.choices.clear()
    household.agreeing.kept.clear()
    household.edited.clear()
    household.testing.clear()
    household.alerting.book.clear()
    household.tickets.clear()
    household.given.clear()
    household.lending.clear()
    household.proven.proofs.clear()
    household.needs_proof.clear()
    household.site_repairs.repairs.clear()
    household.changes.clear()
    household.editing.own.clear()
    household.in_use.clear()
    household.next_bedtime = None
    household.traffic, household.seen_devices, household.watched = [], {}, None
    household.children = ("daughter", "son", "teen")
    household.minutes = deepcopy(MINUTES)
    household.devices["127.0.0.1"].clear()
    household.devices["127.0.0.1"].update(mac=TABLET, profile="daughter", name="Tablet")
    household.accounts.mum_alone()
    household.healthy.clear()
    household.backing.clear()
    household.automating.clear()


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    with chromium(tmp_path_factory.mktemp("chromium")) as it:
        yield it


@pytest.fixture
def parent(browser: Chromium, site: Site) -> Iterator[Chromium]:
    """Signed in by the link."""
    browser.driver.get(site.link())
    eventually(lambda: "Aruzhan" in browser.text())
    yield browser
    browser.sign_out()


@pytest.fixture(scope="module")
def family() -> Iterator[Family]:
    """The sample family. A module may override it to add what its tests need."""
    with homes.at_home() as it:
        yield it


@pytest.fixture(scope="module")
def empty_home() -> Iterator[Family]:
    with homes.at_an_empty_home() as it:
        yield it


@pytest.fixture(scope="module")
def mum(family: Family, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    """Signed in as Mum by a one-time link. At another device's address it gets that device's pages."""
    with chromium(tmp_path_factory.mktemp("mum")) as it:
        it.driver.get(family.link())
        eventually(lambda: "Open until bedtime" in it.text(".child-card"))
        yield it


@pytest.fixture(scope="module")
def child(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    with chromium(tmp_path_factory.mktemp("child")) as it:
        yield it
