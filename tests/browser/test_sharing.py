"""Two devices on the real pages: a shared one changes hands, and a parent's phone is handed over."""

from __future__ import annotations

import pytest
from selenium.webdriver.common.by import By

from tests.browser.chromium import Chromium, eventually
from tests.browser.family import PIN, Family
from tests.lab import clients
from tests.lab.filtering import until
from tests.lab.names import NEW, PARENT, PHONE, TABLET
from tests.lab.test_filter_accounts import Phone

pytestmark = [pytest.mark.browser, pytest.mark.lab]

PASSWORD = "a warm loaf of bread"
REFUSED = "https://www.tiktok.com/"  # by the daughter's file; her brother's band asks for it


@pytest.fixture(scope="module")
def family(family: Family) -> Family:
    """The fourth device is the daughter's and the son's."""
    family.home.join(NEW.key)
    family.daemon.write_profile(
        "son",
        {
            "name": "Son",
            "band": "13-15",
            "devices": [PHONE.mac],
            "categories": {"social_networks": "allow"},
        },
    )
    family.share(NEW.mac)
    family.daemon.client.call("pin", action="set", who="son", pin=PIN)
    return family


def opens(family: Family, seat: str) -> bool:
    return clients.curl(family.home.devices[seat], REFUSED).reached


def test_who_taps_his_name_has_his_rules_until_he_is_done(family: Family, mum: Chromium) -> None:
    assert not opens(family, NEW.key)
    mum.driver.get(family.url(NEW.key, "/my"))
    assert "Until someone says who it is, Daughter's rules apply." in mum.text()
    mum.driver.get(family.url(NEW.key, "/my/use"))
    mum.tap(".people a[href$='/son']")
    eventually(lambda: "Are you Son?" in mum.text("h1"))
    mum.driver.find_element(By.ID, "pin").send_keys("9999")
    mum.tap(".signin button")
    eventually(lambda: "This is not Son's PIN." in mum.text())
    assert not opens(family, NEW.key)
    mum.driver.find_element(By.ID, "pin").send_keys(PIN)
    mum.tap(".signin button")
    eventually(lambda: "Son is using this device" in mum.text())
    assert opens(family, NEW.key)
    mum.tap("form[action$='/my/leave'] button")
    eventually(lambda: "Who is using this device?" in mum.text())
    assert not opens(family, NEW.key)


def test_a_phone_that_is_handed_over_is_the_child_s_until_a_parent_signs_in(
    family: Family, mum: Chromium
) -> None:
    assert opens(family, PARENT.key)
    mum.driver.get(family.link())
    eventually(lambda: "Open until bedtime" in mum.text(".child-card"))
    mum.driver.get(family.url(PARENT.key, "/parent/sharing/"))
    mum.tap("button[name='who'][value='daughter']")
    eventually(lambda: "This device is handed over" in mum.text())
    assert not opens(family, PARENT.key)
    mum.driver.get(family.url(PARENT.key, "/parent/"))
    eventually(lambda: mum.driver.current_url.partition("?")[0].endswith("/signin"))
    family.daemon.kill()
    family.daemon.start()
    assert not opens(family, PARENT.key)
    mum.driver.get(family.url(PARENT.key, "/parent/requests"))
    eventually(lambda: mum.driver.current_url.partition("?")[0].endswith("/signin"))
    mum.driver.get(family.link())
    eventually(lambda: "Open until bedtime" in mum.text(".child-card"))
    assert opens(family, PARENT.key)


def test_a_child_takes_the_television_on_its_own_phone_until_it_is_done(
    family: Family, mum: Chromium
) -> None:
    """The fourth device as a screen, which has no page to ask on."""
    sons, stranger = Phone(family.home, PHONE.key), Phone(family.home, PARENT.key)
    assert "on the TV" in sons.get("/my").body
    assert "No one has said who uses it, so Daughter" in sons.get("/my/screens").body
    assert stranger.post("/my/screens", screen=NEW.mac).status != 200
    assert not opens(family, NEW.key), "whose phone is no child's claims nothing"
    assert sons.post("/my/screens", screen=NEW.mac).status == 303
    assert until(lambda: opens(family, NEW.key), 2.0) is not None
    mum.driver.get(family.url(TABLET.key, "/my/screens"))
    assert "Son is on it until" in mum.text()
    hers = Phone(family.home, TABLET.key)
    hers.post("/my/screens", screen=NEW.mac)
    assert opens(family, NEW.key), "who was there first has it"
    assert sons.post("/my/leave", screen=NEW.mac).status == 303
    assert until(lambda: not opens(family, NEW.key), 2.0) is not None


def test_a_parent_s_password_takes_the_phone_back_and_a_child_s_guess_does_not(family: Family) -> None:
    mums = Phone(family.home, PARENT.key)
    assert mums.post("/signin", code=family.link().partition("code=")[2]).status == 303
    assert mums.post("/account/password", password=PASSWORD).status == 303
    assert mums.post("/parent/sharing/hand-over", who="daughter").status == 303
    assert until(lambda: not opens(family, PARENT.key), 2.0) is not None
    assert mums.get("/parent/").status == 303, "this browser too is signed out"
    assert mums.post("/signin/password", name="Mum", password=f"not {PASSWORD}").status == 403
    assert not opens(family, PARENT.key)
    assert mums.post("/signin/password", name="Mum", password=PASSWORD).status == 303
    assert until(lambda: opens(family, PARENT.key), 2.0) is not None
    assert mums.get("/parent/").status == 200
