"""A provider's brand in a browser: a long name, a logo, and an accent that is as light as may be."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict

import pytest

from gateway.cli.commands.web import settings_dict
from gateway.policy.config.brand import GROUNDS, MAX_NAME, MIN_CONTRAST, Brand, contrast
from gateway.policy.config.config import Config, ProviderProposal
from tests.browser.audit import faults
from tests.browser.chromium import PHONE, Chromium, eventually
from tests.browser.conftest import Site
from tests.web.branding.logos import SVG
from tests.webui.serving import command, free_port, serving
from tests.webui.standin.household import Household, at_home

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("fresh")]

NAME = "Қазақтелеком Отбасылық Шлюзі Алматы Қалас"[:MAX_NAME]
LIGHTEST = "#0a6bcb"
OF_CHILD = ("/my", "/signin", "/refused?host=www.tiktok.com")
OF_PARENT = (
    "/parent/",
    "/parent/more",
    "/parent/health/",
    "/parent/child/daughter/",
    "/parent/setup/summary",
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """As of tests/browser/conftest.py, with a brand."""
    household, port = Household(), free_port()
    folder = tmp_path_factory.mktemp("run")
    logo = folder / "logo.svg"
    logo.write_bytes(SVG)
    household.devices["127.0.0.1"] = household.devices.pop("192.168.1.20")
    brand = Brand(NAME, LIGHTEST, str(logo), "https://isp.example/help-for-your-gateway")
    values = settings_dict(
        Config(brand=brand, propose=ProviderProposal(("gambling", "hostsvn-gambling"), ("6-9",)))
    )
    *start, plain, log = command(folder / "control.sock", port)
    look = {key: values[key] for key in ("brand", "propose")}
    argv = [*start, json.dumps(json.loads(plain) | look), log]
    at = folder / "control.sock"
    with closing(household), at_home(at, household) as daemon, serving(at, port, argv):
        yield Site(household, daemon, port)


def test_the_accent_is_as_light_as_may_be() -> None:
    assert min(contrast(LIGHTEST, ground) for ground in GROUNDS) - MIN_CONTRAST < 0.1
    assert asdict(Brand(colour=LIGHTEST))["problems"] == ()


def test_pages_of_a_child_are_for_everybody_to_read(browser: Chromium, site: Site) -> None:
    for path in OF_CHILD:
        browser.driver.get(site.url + path)
        assert faults(browser) == [], path
        assert narrow(browser), path


def test_pages_of_a_parent_are_for_everybody_to_read(parent: Chromium, site: Site) -> None:
    for path in OF_PARENT:
        parent.driver.get(site.url + path)
        assert faults(parent) == [], path
        assert narrow(parent), path


def narrow(browser: Chromium) -> bool:
    """Nothing sticks out of a phone, and the logo is there where it is to be."""
    browser.resize(PHONE)
    fits = browser.measure("return document.documentElement.scrollWidth <= window.innerWidth")
    logo = browser.measure("return document.querySelector('img.logo')?.naturalWidth ?? -1")
    return bool(fits) and logo != 0


def test_the_accent_is_that_of_the_theme(parent: Chromium, site: Site) -> None:
    parent.driver.get(f"{site.url}/parent/more")
    shade = "return getComputedStyle(document.querySelector('.brand')).color"
    parent.theme("light")
    assert parent.measure(shade) == "rgb(10, 107, 203)"
    parent.theme("dark")
    eventually(lambda: parent.measure(shade) != "rgb(10, 107, 203)")
    parent.theme("light")
    assert parent.measure("return document.querySelector('img.logo').naturalWidth") == 96


def test_a_logo_that_is_opened_on_its_own_has_no_script(parent: Chromium, site: Site) -> None:
    parent.driver.get(f"{site.url}/parent/more")
    address = parent.measure("return document.querySelector('img.logo').src")
    parent.driver.get(address)
    assert parent.measure("return document.documentElement.tagName") == "svg"
    assert parent.measure("return self.origin") == "null"
