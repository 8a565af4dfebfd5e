"""A child's rules go from one home to another: as a file, as a picture, and asked about before they hold."""

from __future__ import annotations

import html
import io
import json
import re
from urllib.parse import urlsplit

import pytest

from gateway.control.proofs import PROOF_LIFE
from gateway.policy.profile import edits
from tests.webui.conftest import GATEWAY, Browser
from tests.webui.standin.accounts import MUMS_PASSWORD
from tests.webui.standin.carried import in_file
from tests.webui.standin.household import Household
from tests.webui.standin.pages import text_of
from tests.webui.standin.ruling import said, write
from webui.rules import carried

CARRY = "/parent/child/daughter/carry/"
PAGE = "/parent/import/"
RULES = {"allow": ["khanacademy.org"], "limits": {"service:youtube": "1h"}, "safe_search": "moderate"}


@pytest.fixture
def ruled(household: Household) -> None:
    write(household, **RULES, dates={"2026-12-31": {"bedtime": "23:00-09:00"}})


def exported(mum: Browser) -> str:
    """The address in the picture."""
    page = mum.get(CARRY).text
    return html.unescape(page.split("<textarea")[1].partition(">")[2].partition("<")[0])


def code_in(page: str) -> str:
    return page.split('name="code" value="')[1].split('"', maxsplit=1)[0]


def upload(mum: Browser, data: bytes) -> tuple[int, str]:
    answer = mum.client.post(
        PAGE,
        base_url=GATEWAY,
        data={"file": (io.BytesIO(data), "rules.json")},
        headers={"Origin": GATEWAY},
        environ_overrides={"REMOTE_ADDR": mum.ip},
    )
    return answer.status_code, answer.text


def writes(household: Household) -> list[str]:
    return [
        do
        for do, values in household.asked
        if do in ("edit", "add_profile", "remove_profile") and not values.get("trial")
    ]


@pytest.mark.usefixtures("daemon", "ruled")
def test_a_child_s_rules_are_a_picture_and_a_file_without_devices_and_dates(mum: Browser) -> None:
    page = mum.get(CARRY)
    assert '<svg class="qr" role="img" aria-label="QR code of the rules of Aruzhan"' in page.text
    assert "It has no devices, dates, requests or extra time" in text_of(page.text)
    assert page.text.count("<h1>") == 1
    file = mum.get(f"{CARRY}file")
    assert file.headers["Content-Disposition"] == 'attachment; filename="daughter.qalqan.json"'
    assert json.loads(file.data) == {
        "qalqan": "rules", "version": 2, "name": "Aruzhan", "band": "10-12", "rules": RULES,
    }  # fmt: skip
    assert carried.read(exported(mum)).rules == RULES


@pytest.mark.usefixtures("daemon")
def test_too_many_for_one_picture_are_a_file_alone(mum: Browser, household: Household) -> None:
    write(household, allow=[f"site-{number * 7919 % 1009}.example" for number in range(150)])
    page = mum.get(CARRY).text
    assert '<svg class="qr"' not in page
    assert "These rules are too many for one picture." in text_of(page)
    write(household, allow=[f"a-rather-long-name-{number}.example.org" for number in range(1500)])
    assert "These rules are too long to go along" in text_of(mum.get(CARRY).text)


@pytest.mark.usefixtures("daemon", "ruled")
def test_what_a_camera_opens_is_told_in_sentences_and_changes_nothing(
    mum: Browser, household: Household
) -> None:
    address = urlsplit(exported(mum))
    page = mum.get(f"{address.path}?{address.query}").text
    told = text_of(page)
    assert "Aruzhan, 10-12 rules Nothing is changed yet." in told
    assert "YouTube: 1 h a day" in told
    assert "khanacademy.org is allowed" in told.replace("Khan Academy", "khanacademy.org")
    assert "Search engines and YouTube are in their moderate safe mode" in told
    assert 'value="Aruzhan 2"' in page  # who is here already keeps the name
    assert writes(household) == []


@pytest.mark.usefixtures("daemon", "ruled")
@pytest.mark.parametrize("way", ["file", "text", "code"])
def test_a_new_child_has_them_and_is_taken_out_again(mum: Browser, household: Household, way: str) -> None:
    data = mum.get(f"{CARRY}file").data
    if way == "file":
        status, page = upload(mum, data)
    else:
        answer = mum.post(PAGE, {"text": data.decode() if way == "text" else exported(mum)})
        status, page = answer.status_code, answer.text
    assert status == 200
    answer = mum.post(f"{PAGE}take", {"code": code_in(page), "to": "new", "name": "Aliya"})
    assert (answer.status_code, answer.location) == (303, "/parent/child/aliya/")
    file = household.editing.folder / "profiles" / "aliya.yaml"
    written = dict(edits.read(file.read_bytes(), "aliya.yaml"))
    assert written == {"name": "Aliya", "band": "10-12", **RULES}
    shown = mum.get(answer.location).text
    assert "Aliya is added with these rules." in text_of(shown)
    [undo] = re.findall(r'action="/parent/import/undo".*?name="was" value="([^"]+)"', shown, re.DOTALL)
    back = mum.get(mum.post(f"{PAGE}undo", {"was": undo}).location)
    assert "These rules are removed again." in text_of(back.text)
    assert not file.exists()


@pytest.mark.usefixtures("daemon", "ruled")
def test_the_undo_of_a_new_child_asks_for_the_password_and_then_removes_it(
    mum: Browser, household: Household
) -> None:
    code = code_in(mum.post(PAGE, {"text": in_file()}).text)
    mum.post(f"{PAGE}take", {"code": code, "to": "new", "name": "Aliya"})
    file = household.editing.folder / "profiles" / "aliya.yaml"
    household.needs_proof.add("remove_profile")
    household.accounts.scene.now += PROOF_LIFE
    page = mum.post(f"{PAGE}undo", {"was": "aliya"})
    assert page.status_code == 403
    assert f'action="{PAGE}undo"' in page.text
    assert file.exists()
    back = mum.post(f"{PAGE}undo", {"was": "aliya", "proof": MUMS_PASSWORD})
    assert "These rules are removed again." in text_of(mum.get(back.location).text)
    assert not file.exists()


@pytest.mark.usefixtures("daemon", "ruled")
def test_a_child_who_is_here_has_them_in_the_place_of_her_own_and_keeps_devices_and_dates(
    mum: Browser, household: Household
) -> None:
    write(
        household, **RULES, devices=["02:00:00:00:00:0a"], block=["bet.example"], dates={"2026-12-31": "free"}
    )
    before = said(household)
    other = in_file(band="13-15", rules={"allow": ["chess.com"], "safe_search": "moderate"})
    code = code_in(mum.post(PAGE, {"text": other}).text)
    answer = mum.post(f"{PAGE}take", {"code": code, "to": "daughter", "name": ""})
    assert (answer.status_code, answer.location) == (303, "/parent/child/daughter/")
    assert said(household) == {
        "name": "Aruzhan", "band": "13-15", "devices": ["02:00:00:00:00:0a"], "allow": ["chess.com"],
        "safe_search": "moderate", "dates": {"2026-12-31": "free"},
    }  # fmt: skip
    page = mum.get(answer.location).text
    assert "Aruzhan has these rules now. Devices stay as they were." in text_of(page)
    notice = page.split('class="notice"')[1].split('name="revision" value="')[1].split('"', maxsplit=1)[0]
    mum.post("/parent/child/daughter/undo", {"revision": notice})
    assert said(household) == before
    mum.post(f"{PAGE}take", {"code": code, "to": "daughter", "name": ""})
    again = mum.post(f"{PAGE}take", {"code": code, "to": "daughter", "name": ""})
    assert "Aruzhan has these rules already." in text_of(mum.get(again.location).text)


@pytest.mark.usefixtures("daemon", "ruled")
def test_an_import_that_makes_a_child_an_adult_asks_for_the_password(
    mum: Browser, household: Household
) -> None:
    code = code_in(mum.post(PAGE, {"text": in_file(band="adult")}).text)
    form = {"code": code, "to": "daughter", "name": ""}
    household.needs_proof.add("edit")
    household.accounts.scene.now += PROOF_LIFE
    page = mum.post(f"{PAGE}take", form)
    assert page.status_code == 403
    assert f'action="{PAGE}take"' in page.text
    assert said(household)["band"] == "10-12"
    taken = mum.post(f"{PAGE}take", {**form, "proof": MUMS_PASSWORD})
    assert taken.status_code == 303
    assert said(household)["band"] == "adult"
    assert "Aruzhan has these rules now." in text_of(mum.get(taken.location).text)
    assert mum.post(f"{PAGE}take", form).location == "/parent/", "tapped twice"


@pytest.mark.usefixtures("daemon")
def test_a_new_person_with_the_rules_of_an_adult_is_announced_on_home(mum: Browser) -> None:
    code = code_in(mum.post(PAGE, {"text": in_file(band="adult")}).text)
    taken = mum.post(f"{PAGE}take", {"code": code, "to": "new", "name": "Aliya"})
    assert "Aliya is added with these rules." in text_of(mum.get(taken.location).text)


@pytest.mark.usefixtures("daemon")
def test_a_confirmation_after_the_password_does_not_contain_the_password(
    mum: Browser, household: Household
) -> None:
    write(household, categories={"gambling": "block"})
    code = code_in(mum.post(PAGE, {"text": in_file(rules={"categories": {"gambling": "allow"}})}).text)
    form = {"code": code, "to": "daughter", "name": ""}
    household.needs_proof.add("edit")
    household.accounts.scene.now += PROOF_LIFE
    page = mum.post(f"{PAGE}take", {**form, "proof": MUMS_PASSWORD}).text
    assert "Stop blocking Gambling for Aruzhan?" in text_of(page)
    assert MUMS_PASSWORD not in page
    assert mum.post(f"{PAGE}take", {**form, "confirmed": "yes"}).status_code == 303
    assert said(household)["categories"] == {"gambling": "allow"}


@pytest.mark.usefixtures("daemon")
def test_what_this_home_does_not_know_is_named_and_left_out(mum: Browser) -> None:
    rules = {"block": ["service:of-later", "service:tiktok"], "future": "x", "limits": {"group:none": "1h"}}
    page = mum.post(PAGE, {"text": in_file(rules=rules)}).text
    left = page.split("What this gateway does not know")[1].split("</ul>")[0]
    assert re.findall(r"<li>([^<]+)</li>", left) == ["service:of-later", "future", "group:none"]
    assert "TikTok is blocked" in text_of(page)


@pytest.mark.usefixtures("daemon")
@pytest.mark.parametrize(("rules", "told"), [
    ({"mode": "anything"}, "This cannot be set:"),
    ({"bedtime": "25:99"}, "This cannot be set:"),
    ({"allow": ["<script>alert(1)</script>"]}, "This cannot be set:"),
    ({"allow": ["com"]}, "This cannot be set:"),
    ({"log_level": 3}, "This cannot be set:"),
    ({"limits": {"play": "-1h"}}, "This cannot be set:"),
])  # fmt: skip
def test_what_the_family_s_own_parser_refuses_is_refused_here(
    mum: Browser, household: Household, rules: dict[str, object], told: str
) -> None:
    answer = mum.post(PAGE, {"text": in_file(rules=rules)})
    assert answer.status_code == 422
    assert told in text_of(answer.text)
    assert "<script>alert" not in answer.text
    assert 'name="code"' not in answer.text
    assert writes(household) == []


@pytest.mark.usefixtures("daemon")
@pytest.mark.parametrize("data", [b"\x00\xff\xfe" * 99, b"", b"hello", b"{" * 60_000, b"[" * 65_000])
def test_a_file_that_is_none_of_ours_is_refused_in_one_line(
    mum: Browser, household: Household, data: bytes
) -> None:
    status, page = upload(mum, data)
    assert status == 422
    assert page.count('role="alert"') == 1
    assert household.asked == [one for one in household.asked if one[0] != "add_profile"]


@pytest.mark.usefixtures("daemon")
def test_a_file_is_read_up_to_64_kilobytes(mum: Browser) -> None:
    blanks = b" " * (carried.FILE_LIMIT - len(in_file()))
    assert upload(mum, in_file().encode() + blanks)[0] == 200
    assert upload(mum, in_file().encode() + blanks + b" ")[0] == 422
    assert upload(mum, b" " * 200_000)[0] == 413


@pytest.mark.usefixtures("daemon")
def test_a_name_that_is_taken_is_told_with_the_rules_still_there(mum: Browser, household: Household) -> None:
    code = code_in(mum.post(PAGE, {"text": in_file()}).text)
    for name in ("Aruzhan", "  "):
        answer = mum.post(f"{PAGE}take", {"code": code, "to": "new", "name": name})
        assert answer.status_code == 422
        assert code_in(answer.text) == code
    assert not (household.editing.folder / "profiles" / "aruzhan.yaml").exists()


@pytest.mark.usefixtures("daemon")
@pytest.mark.parametrize(("code", "to"), [("hello", "new"), ("", "new"), (None, "nobody"), (None, "")])
def test_a_form_that_is_none_of_ours_changes_nothing(
    mum: Browser, household: Household, code: str | None, to: str
) -> None:
    right = code_in(mum.post(PAGE, {"text": in_file()}).text)
    answer = mum.post(f"{PAGE}take", {"code": right if code is None else code, "to": to, "name": "A"})
    assert answer.status_code == 400
    assert writes(household) == []


def test_a_child_s_device_sees_nothing_of_it(tablet: Browser, household: Household) -> None:
    for path in (CARRY, f"{CARRY}file", PAGE):
        assert tablet.get(path).location == "/signin"
    assert tablet.post(f"{PAGE}take", {"code": "1", "to": "new"}).location == "/signin"
    assert writes(household) == []
