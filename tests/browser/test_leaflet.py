"""The leaflet as a printer gets it: one sheet of A5 in each language, with the square on it."""

from __future__ import annotations

import re
from base64 import b64decode

import pytest
from selenium.webdriver.common.by import By

from gateway.control.contract.rules import help_line_entry
from gateway.control.schema import values_of
from gateway.household.loading import load_countries
from gateway.policy.names.countries import lines_for
from tests.browser.chromium import Chromium
from tests.browser.conftest import Site

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("fresh")]

A5 = (420, 595)  # points
ON_PAPER = """
const shown = one => one.getClientRects().length > 0;
return [...document.querySelectorAll(arguments[0])].some(shown);
"""


@pytest.mark.parametrize("country", ["kz", "gb"])
@pytest.mark.parametrize("code", ["en", "kk", "ru"])
def test_it_is_one_sheet_of_a5(
    parent: Chromium, site: Site, monkeypatch: pytest.MonkeyPatch, code: str, country: str
) -> None:
    """With the numbers of a country, none of which is confirmed: the sheet says so once."""
    lines = [values_of(help_line_entry(line)) for line in lines_for(load_countries(), country)]
    monkeypatch.setattr("tests.webui.standin.refusing.HELP", lines)
    parent.driver.get(f"{site.url}/parent/guide/leaflet")
    parent.tap(f".languages [lang={code}]")
    parent.driver.get(f"{site.url}/parent/guide/leaflet")
    page = parent.driver.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True})
    data = b64decode(page["data"])
    sizes = re.findall(rb"/MediaBox ?\[0 0 ([\d.]+) ([\d.]+)\]", data)
    assert [tuple(round(float(side)) for side in one) for one in sizes] == [A5]
    assert len(parent.driver.find_elements(By.CSS_SELECTOR, ".leaflet > .meta")) == 1


def test_the_pages_own_controls_are_not_printed(parent: Chromium, site: Site) -> None:
    parent.driver.get(f"{site.url}/parent/guide/leaflet")
    parent.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        for selector in (".tabs", ".no-print", ".top", ".languages"):
            assert not parent.driver.execute_script(ON_PAPER, selector), selector
        for selector in (".leaflet .qr", ".leaflet .address", ".leaflet h2"):
            assert parent.driver.execute_script(ON_PAPER, selector), selector
    finally:
        parent.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
