"""Live traffic and a child's own activity in a real browser, with the real daemon and real devices."""

from __future__ import annotations

from typing import Any

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select

from gateway.core.errors import ControlError
from tests.browser.chromium import Chromium, eventually
from tests.browser.family import Family
from tests.lab import clients
from tests.lab.names import NEW, PARENT, TABLET

pytestmark = [pytest.mark.browser, pytest.mark.lab]

TINY = "tiny"
PAGE = "/parent/traffic/"


@pytest.fixture(scope="module")
def family(family: Family) -> Family:
    family.home.join(NEW.key)
    call = family.daemon.client.call
    call("add_profile", name="Tiny", band="6-9", devices=[NEW.mac], by="Mum")
    return family


def visit(family: Family, seat: str, host: str) -> None:
    clients.curl(family.home.devices[seat], f"https://{host}/")


def test_a_parent_sees_the_phone_in_hand_as_it_happens_and_no_older_child(
    family: Family, mum: Chromium
) -> None:
    mum.driver.get(family.url(PARENT.key, PAGE))
    visit(family, TABLET.key, "www.tiktok.com")
    visit(family, PARENT.key, "kk.wikipedia.org")
    eventually(lambda: "kk.wikipedia.org" in mum.text("[aria-labelledby=lines]"))
    assert "tiktok" not in mum.text("[aria-labelledby=lines]")
    assert mum.overflow() == 0
    children = mum.text("[aria-labelledby=children]")
    assert "Tiny" in children
    assert "Daughter" not in children


def test_the_api_and_the_socket_refuse_the_devices_of_others(family: Family, mum: Chromium) -> None:
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
    mum.driver.get(family.url(PARENT.key, PAGE))
    found: dict[str, Any] = mum.driver.execute_async_script(script, TABLET.mac)
    assert found["code"] == "traffic_private"
    read = "const done = arguments[0]; fetch('/api/v1/home/traffic').then(one => one.json()).then(done);"
    lines = mum.driver.execute_async_script(read)["lines"]
    assert TABLET.mac not in {line["mac"] for line in lines}


def test_a_young_child_s_tablet_shows_who_looks_while_a_parent_does(family: Family, mum: Chromium) -> None:
    mum.driver.get(family.url(NEW.key, "/my"))
    assert mum.text("#watched") == ""
    mum.driver.get(family.url(PARENT.key, PAGE))
    mum.tap("[aria-labelledby=children] [value=start]")
    eventually(lambda: "You see this device until" in mum.text(".notice"))
    visit(family, NEW.key, "en.wikipedia.org")
    eventually(lambda: "en.wikipedia.org" in mum.text("[aria-labelledby=lines]"))
    mum.driver.get(family.url(NEW.key, "/my"))
    eventually(lambda: "Mum looks at what" in mum.text("[aria-labelledby=watched]"))
    assert mum.overflow() == 0
    mum.driver.get(family.url(PARENT.key, PAGE))
    mum.tap("[aria-labelledby=children] [value=end]")
    eventually(lambda: "It has ended." in mum.text(".notice"))
    assert "en.wikipedia.org" not in mum.text("[aria-labelledby=lines]")
    mum.driver.get(family.url(NEW.key, "/my"))
    eventually(lambda: "Mum looked at what" in mum.text("[aria-labelledby=changed]"))
    assert mum.text("#watched") == ""


def test_a_filter_a_pause_and_the_table(family: Family, mum: Chromium) -> None:
    mum.driver.get(family.url(PARENT.key, PAGE))
    for host in ("kk.wikipedia.org", "www.khanacademy.org"):
        visit(family, PARENT.key, host)
    eventually(lambda: "khanacademy" in mum.text("[aria-labelledby=lines]"))
    mum.tap("#filter summary")
    mum.driver.find_element(By.ID, "text").send_keys("khan")
    Select(mum.driver.find_element(By.ID, "verdict")).select_by_value("allow")
    mum.tap("#filter form button")
    eventually(lambda: "text=khan" in mum.driver.current_url)
    assert "wikipedia" not in mum.text("[aria-labelledby=lines]")
    mum.tap("[aria-labelledby=lines] .row a")
    eventually(lambda: "paused=" in mum.driver.current_url)
    shown = mum.text("[aria-labelledby=lines] ol")
    visit(family, PARENT.key, "www.khanacademy.org")
    assert mum.text("[aria-labelledby=lines] ol") == shown
    href = mum.driver.find_elements(By.CSS_SELECTOR, "[aria-labelledby=lines] .row a")[1]
    read = "const [url, done] = arguments; fetch(url).then(answer => answer.text()).then(done);"
    table = mum.driver.execute_async_script(read, href.get_attribute("href"))
    assert "www.khanacademy.org" in table
    assert "wikipedia" not in table


def test_a_child_sees_its_own_day_week_and_month(family: Family, mum: Chromium) -> None:
    family.unlock(mum)
    for path, what in (("", "Your time"), ("week", "Minutes by day"), ("month", "Minutes by day")):
        mum.driver.get(family.url(TABLET.key, f"/my/activity/{path}"))
        assert "My activity" in mum.text("h1")
        assert what in mum.driver.page_source
        assert mum.overflow() == 0
