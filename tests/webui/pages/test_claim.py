"""The first guardian of a gateway, and a new password for who forgot the old one."""

from __future__ import annotations

import pytest
from flask import Flask

from gateway.policy.accounts.people import Account
from tests.around import LABEL
from tests.control.running import Running
from tests.webui.accounts.signing import code_of
from tests.webui.conftest import Browser, browser_on
from tests.webui.standin.accounts import MUMS_PASSWORD
from tests.webui.standin.household import Household
from tests.webui.standin.places import NOW
from webui.accounts.limiter import TRIES

PASSWORD = "twelve green owls"
NOTICE = 'id="accounts-lost"'


@pytest.fixture
def phone(app: Flask, daemon: Running, household: Household) -> Browser:
    """A parent's, in a home that nobody has claimed."""
    household.accounts.unclaimed()
    return browser_on(app, "192.168.1.7")


def claim(browser: Browser, **values: str) -> tuple[int, str]:
    answer = browser.post("/claim", {"label": LABEL, "name": "Mum", "password": PASSWORD, **values})
    return answer.status_code, answer.headers.get("Location", answer.text)


# ---------------------------------------------------------------- the claim


def test_after_all_accounts_were_lost_parents_read_it_without_signing_in_and_children_do_not(
    app: Flask, daemon: Running, household: Household
) -> None:
    """Without names: guests read it too. A child could not judge it."""
    lost = {"told": "claim_again", "name": "Zarina", "device": "Old laptop", "at": NOW.replace(hour=8)}
    for announced in ([], [{**lost, "told": "claim"}], [lost]):
        household.extra["announced"] = announced
        for ip in ("192.168.1.99", "192.168.1.30", "192.168.1.31"):
            for path in ("/", "/signin"):
                page = browser_on(app, ip).get(path).text
                assert (NOTICE in page) is (announced == [lost]), (ip, path)
                assert "Zarina" not in page
                assert "Old laptop" not in page
        for path in ("/my", "/signin", "/why"):
            assert NOTICE not in browser_on(app, "192.168.1.20").get(path).text


def test_a_device_with_an_open_question_says_it_too(
    app: Flask, daemon: Running, household: Household
) -> None:
    """A parent's phone may have one, as the owners of devices were lost too."""
    at = NOW.replace(hour=8)
    household.extra["announced"] = [{"told": "claim_again", "name": "Mum", "device": "", "at": at}]
    household.devices["192.168.1.31"].update(asked="again")
    for path in ("/", "/signin"):
        assert NOTICE in browser_on(app, "192.168.1.31").get(path).text


def test_an_unclaimed_gateway_leads_to_the_claim(phone: Browser) -> None:
    assert phone.get("/signin").headers["Location"] == "/claim"
    page = phone.get("/claim").text
    assert "Code on the label" in page
    assert 'autocomplete="new-password"' in page
    assert LABEL not in page
    assert "Until then it blocks malware, phishing and what is blocked for everyone." in page
    assert "Nothing else is filtered or limited. Nothing about" in page


def test_where_a_child_has_a_file_it_is_not_said_that_nothing_is_filtered(
    phone: Browser, household: Household
) -> None:
    household.accounts.scene.unclaimed = False
    page = phone.get("/claim").text
    assert "Code on the label" in page
    assert "Until then only malware" not in page


def test_where_children_have_rules_the_page_asks_for_the_button_and_parents_see_who_came(
    app: Flask, phone: Browser, household: Household
) -> None:
    scene = household.accounts.scene
    assert "Press the button on the gateway, then send this form within two" not in phone.get("/claim").text
    scene.children, scene.unclaimed = True, False
    page = phone.get("/claim").text
    assert "Press the button on the gateway, then send this form within two" in page
    assert "qalqan guardian" not in page
    status, page = claim(phone)
    assert status == 403
    assert "The button was not pressed within two minutes." in page
    household.guardians._signins._pressed = scene.now
    assert claim(phone)[0] == 303
    told = "Mum was added as a parent today with the label and the button, from Galaxy-S23,"
    assert told in phone.get("/parent/").text
    for path in ("/my", "/signin"):
        assert told not in browser_on(app, "192.168.1.20").get(path).text, path


def test_the_claim_ends_at_a_recovery_code_that_is_shown_until_it_is_kept(
    phone: Browser, household: Household
) -> None:
    status, sheet = claim(phone)
    assert status == 303
    page = phone.get(sheet).text
    code = code_of(page)
    assert "data-print" in page
    assert household.stamps.accounts()["Mum"].recovery not in ("", code)
    assert phone.get("/parent/").status_code == 200
    assert phone.post(sheet).headers["Location"] == "/"
    assert phone.get(sheet).status_code == 410
    assert code not in phone.get(sheet).text
    assert PASSWORD not in str(household.asked)


def test_nobody_else_is_shown_the_recovery_code(app: Flask, phone: Browser, household: Household) -> None:
    _, sheet = claim(phone)
    assert browser_on(app, "192.168.1.20").get(sheet).status_code == 303
    household.stamps.put(Account("Dad", secret="a hash"))
    dad = browser_on(app, "192.168.1.8")
    dad.post("/signin", {"code": household.guardians.link("Dad")})
    assert dad.get(sheet).status_code == 410


def test_parents_alone_are_told_who_set_the_gateway_up(
    app: Flask, phone: Browser, household: Household
) -> None:
    claim(phone)
    told = "Mum set up this gateway today from Galaxy-S23."
    pages = [browser_on(app, ip).get("/my").text for ip in ("192.168.1.20", "192.168.1.22")]
    pages += [browser_on(app, "192.168.1.30").get("/").text, phone.get("/parent/").text]
    assert [told in page for page in pages] == [False, False, False, True]


def test_it_is_claimed_once(app: Flask, phone: Browser, household: Household) -> None:
    claim(phone)
    child = browser_on(app, "192.168.1.20")
    assert child.get("/claim").headers["Location"] == "/signin"
    assert claim(child, name="Child")[0] == 403
    assert list(household.stamps.accounts()) == ["Mum"]


def test_a_visitor_from_elsewhere_is_told_to_join_the_wifi(
    app: Flask, phone: Browser, household: Household
) -> None:
    elsewhere = browser_on(app, "203.0.113.7")
    assert "Join its Wi-Fi first" in elsewhere.get("/claim").text
    status, page = claim(elsewhere)
    assert (status, "Join its Wi-Fi first" in page) == (403, True)
    assert not household.stamps.claimed


def test_the_label_s_code_is_not_to_be_guessed(phone: Browser, household: Household) -> None:
    codes = [claim(phone, label=f"ABCD-{number:04}")[0] for number in range(200)]
    assert codes == [403] * TRIES + [429] * (200 - TRIES)
    assert claim(phone)[0] == 429
    assert not household.stamps.claimed


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"password": "password1"}, "tried first everywhere"),
        ({"password": "short"}, "at least 8"),
        ({"name": " "}, "Enter your name."),
        ({"name": "a\u202eb"}, "Enter your name."),
        ({"name": "console"}, "is taken"),
        ({"name": "Router"}, "is taken"),
        ({"label": ""}, "not the code on the gateway"),
        ({"label": "\x00"}, "This code has letters that codes never have."),
    ],
)
def test_what_is_wrong_is_said_and_can_be_mended(
    phone: Browser, household: Household, values: dict[str, str], told: str
) -> None:
    status, page = claim(phone, **values)
    assert (status, told in page) == (403, True)
    assert PASSWORD not in page
    assert not household.stamps.claimed
    assert claim(phone)[0] == 303


# ---------------------------------------------------------------- forgotten


def forgot(browser: Browser, **values: str) -> tuple[int, str]:
    answer = browser.post("/forgot", {"name": "Mum", "way": "code", "password": PASSWORD, **values})
    return answer.status_code, answer.headers.get("Location", answer.text)


def test_a_recovery_code_sets_a_new_password_and_ends_sessions(
    app: Flask, phone: Browser, household: Household
) -> None:
    _, sheet = claim(phone, password=MUMS_PASSWORD)
    code = code_of(phone.get(sheet).text)
    other = browser_on(app, "192.168.1.99")
    assert "Forgot password?" in other.get("/signin").text
    assert forgot(other, code="ABCD-EFGH-JKMN-PQRS")[0] == 403
    status, fresh = forgot(other, code=code.lower())
    assert status == 303
    assert code_of(other.get(fresh).text) != code
    assert phone.get("/parent/").headers["Location"] == "/signin"
    assert other.get("/parent/").status_code == 200
    news = "Mum set a new password today with a recovery code"
    assert news in other.get("/parent/").text
    assert news not in browser_on(app, "192.168.1.20").get("/my").text, "for parents alone"
    other.post("/signout")
    assert other.post("/signin/password", {"name": "Mum", "password": MUMS_PASSWORD}).status_code == 403
    assert other.post("/signin/password", {"name": "Mum", "password": PASSWORD}).status_code == 303


def test_the_label_needs_a_press_of_the_button(stranger: Browser, household: Household) -> None:
    status, page = forgot(stranger, way="label", code=LABEL)
    assert (status, "The button was not pressed within two minutes." in page) == (403, True)
    household.guardians._signins._pressed = household.accounts.scene.now
    assert forgot(stranger, way="label", code="ABCD-EFGH")[0] == 403
    assert forgot(stranger, way="label", code=LABEL)[0] == 303
    assert stranger.get("/parent/").status_code == 200
    assert "with the label and the button" in stranger.get("/parent/").text


def test_recovery_codes_are_not_to_be_guessed(tablet: Browser) -> None:
    codes = [forgot(tablet, code=f"ABCD-EFGH-JKMN-{number:04}")[0] for number in range(20)]
    assert codes == [403] * TRIES + [429] * (20 - TRIES)


@pytest.mark.parametrize("way", ["", "code", "label", "<script>"])
def test_nonsense_recovers_nothing(stranger: Browser, household: Household, way: str) -> None:
    for values in ({"code": ""}, {"code": "\u202e"}, {"name": "<script>alert(1)</script>", "code": "x"}):
        status, page = forgot(stranger, way=way, **values)
        assert status == 403
        assert "<script>a" not in page
    assert stranger.get("/parent/").status_code == 303
