"""The QR codes of the pages, as Chromium draws them, read by ZXing."""

from __future__ import annotations

import pytest
from selenium.webdriver.common.by import By

from tests.browser.chromium import DESKTOP, Chromium
from tests.browser.conftest import Site
from tests.webui.charts.codes import read_screenshot

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("fresh")]

ADDRESS = "http://qalqan.home.arpa"


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/parent/card", f"{ADDRESS}/why"),
        ("/parent/guide/leaflet", f"{ADDRESS}/"),
        ("/parent/child/daughter/carry/", f"{ADDRESS}/parent/import/?r="),
        ("/mean", "tel:"),
    ],
)
def test_a_camera_reads_each_code(parent: Chromium, site: Site, path: str, text: str, theme: str) -> None:
    parent.resize(DESKTOP)
    parent.theme(theme)
    parent.driver.get(f"{site.url}{path}")
    codes = parent.driver.find_elements(By.CSS_SELECTOR, "svg.qr")
    assert codes
    for code in codes:
        (read,) = read_screenshot(code.screenshot_as_png)
        assert read.startswith(text)
        assert code.accessible_name.startswith("QR code of ")
        assert code.aria_role in ("img", "image")
