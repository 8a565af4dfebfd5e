"""Live traffic and a child's own activity in a real browser, with the real daemon and real devices."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select

from gateway.core.errors import ControlError
from tests.browser.chromium import PHONE, Chromium, eventually
from tests.browser.family import Family, at_home, mums_browser
from tests.lab import clients
from tests.lab.names import NEW, PARENT, TABLET

pytestmark = [pytest.mark.browser, pytest.mark.lab]

TINY = "tiny"
PAGE = "/parent/traffic/"


@pytest.fixture(scope="module")
def family() -> Iterator[Family]:
    with at_home() as built:
        built.home.join(NEW.key)
        call = built.daemon.client.call
        call("add_profile", name="Tiny", band="6-9", devices=[NEW.mac], by="Mum")
        yield built


@pytest.fixture(scope="module")
def parent(family: Family, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    with mums_browser(family, tmp_path_factory.mktemp("chromium")) as browser:
        browser.resize(PHONE)
        yield browser


def visit(family: Family, seat: str, host: str) -> None:
    clients.curl(family.home.devices[seat], f"https://{host}/")


def test_a_parent_sees_the_phone_in_hand_as_it_happens_and_no_older_child(
    family: Family, parent: Chromium
) -> None:
    parent.driver.get(family.url(PARENT.key, PAGE))
    visit(family, TABLET.key, "www.tiktok.com")
    visit(family, PARENT.key, "kk.wikipedia.org")
    eventually(lambda: "kk.wikipedia.org" in parent.text("[aria-labelledby=lines]"))
    assert "tiktok" not in parent.text("[aria-labelledby=lines]")
    assert parent.overflow() == 0
    children = parent.text("[aria-labelledby=children]")
    assert "Tiny" in children
    assert "Daughter" not in children


def test_the_api_and_the_socket_refuse_the_devices_of_others(family: Family, parent: Chromium) -> None:
    ask = family.daemon.client.call
    with pytest.raises(ControlError) as refused:
        ask("traffic_watch", mac=TABLET.mac, by="Mum", origin=PARENT.ipv4)
    assert refused.value.code == "traffic_private"
    visit(family, TABLET.key, "kk.wikipedia.org")
    told = ask("traffic", by="Mum", origin=PARENT.ipv4)
    assert TABLET.mac not in {line["mac"] for line in told["lines"]}
    assert TABLET.mac not in {device["mac"] for device in told["devices"]}
    script = """
        const [mac, done] = arguments;
        fetch(`/api/v1/devices/${mac}/traffic`, {method: "POST"}).then(answer => answer.json()).then(done);
    """
    parent.driver.get(family.url(PARENT.key, PAGE))
    found: dict[str, Any] = parent.driver.execute_async_script(script, TABLET.mac)
    assert found["code"] == "traffic_private"
    read = "const done = arguments[0]; fetch('/api/v1/home/traffic').then(one => one.json()).then(done);"
    lines = parent.driver.execute_async_script(read)["lines"]
    assert TABLET.mac not in {line["mac"] for line in lines}


def test_a_young_child_s_tablet_shows_who_looks_while_a_parent_does(family: Family, parent: Chromium) -> None:
    parent.driver.get(family.url(NEW.key, "/my"))
    assert parent.text("#watched") == ""
    parent.driver.get(family.url(PARENT.key, PAGE))
    parent.tap("[aria-labelledby=children] [value=start]")
    eventually(lambda: "You see this device until" in parent.text(".notice"))
    visit(family, NEW.key, "en.wikipedia.org")
    eventually(lambda: "en.wikipedia.org" in parent.text("[aria-labelledby=lines]"))
    parent.driver.get(family.url(NEW.key, "/my"))
    eventually(lambda: "Mum looks at what" in parent.text("[aria-labelledby=watched]"))
    assert parent.overflow() == 0
    parent.driver.get(family.url(PARENT.key, PAGE))
    parent.tap("[aria-labelledby=children] [value=end]")
    eventually(lambda: "It has ended." in parent.text(".notice"))
    assert "en.wikipedia.org" not in parent.text("[aria-labelledby=lines]")
    parent.driver.get(family.url(NEW.key, "/my"))
    eventually(lambda: "Mum looked at what" in parent.text("[aria-labelledby=changed]"))
    assert parent.text("#watched") == ""


def test_a_filter_a_pause_and_the_table(family: Family, parent: Chromium) -> None:
    parent.driver.get(family.url(PARENT.key, PAGE))
    for host in ("kk.wikipedia.org", "www.khanacademy.org"):
        visit(family, PARENT.key, host)
    eventually(lambda: "khanacademy" in parent.text("[aria-labelledby=lines]"))
    parent.tap("#filter summary")
    parent.driver.find_element(By.ID, "text").send_keys("khan")
    Select(parent.driver.find_element(By.ID, "verdict")).select_by_value("allow")
    parent.tap("#filter form button")
    eventually(lambda: "text=khan" in parent.driver.current_url)
    assert "wikipedia" not in parent.text("[aria-labelledby=lines]")
    parent.tap("[aria-labelledby=lines] .row a")
    eventually(lambda: "paused=" in parent.driver.current_url)
    shown = parent.text("[aria-labelledby=lines] ol")
    visit(family, PARENT.key, "www.khanacademy.org")
    assert parent.text("[aria-labelledby=lines] ol") == shown
    href = parent.driver.find_elements(By.CSS_SELECTOR, "[aria-labelledby=lines] .row a")[1]
    read = "const [url, done] = arguments; fetch(url).then(answer => answer.text()).then(done);"
    table = parent.driver.execute_async_script(read, href.get_attribute("href"))
    assert "www.khanacademy.org" in table
    assert "wikipedia" not in table


def test_a_child_sees_its_own_day_week_and_month(family: Family, parent: Chromium) -> None:
    family.unlock(parent)
    for path, what in (("", "Your time"), ("week", "Minutes by day"), ("month", "Minutes by day")):
        parent.driver.get(family.url(TABLET.key, f"/my/activity/{path}"))
        assert "My activity" in parent.text("h1")
        assert what in parent.driver.page_source
        assert parent.overflow() == 0
