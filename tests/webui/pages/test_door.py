from __future__ import annotations

import re
import subprocess
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from time import monotonic

import pytest
from flask import Flask

from gateway.policy.accounts.people import Account
from tests.control.running import Running
from tests.webui.conftest import Browser, browser_on
from tests.webui.standin.household import Household, at_home
from tests.webui.standin.places import NOW
from tests.webui.standin.refusing import HELP
from webui import Settings, create_app
from webui.accounts.limiter import FIRST_WAIT, LONGEST_WAIT, NEWCOMERS, TRIES
from webui.accounts.tries import FILE
from webui.front import KEY, Trusted


def test_a_child_s_device_is_led_to_its_own_page(tablet: Browser) -> None:
    assert tablet.get("/").headers["Location"] == "/my"


def test_a_guardian_is_led_home_from_any_device(mum: Browser) -> None:
    for ip in ("192.168.1.7", "192.168.1.20"):
        mum.ip = ip
        assert mum.get("/").headers["Location"] == "/parent/"


@pytest.mark.parametrize(
    ("ip", "sentence"),
    [
        ("192.168.1.99", "It does not know this device yet."),
        ("192.168.1.30", "This device is a guest in this home."),
        ("192.168.1.31", "On this device only harmful sites are blocked."),
    ],
)
def test_anybody_else_is_told_what_this_is(app: Flask, daemon: Running, ip: str, sentence: str) -> None:
    page = browser_on(app, ip).get("/").text
    assert sentence in page
    assert "I am a parent" in page
    assert 'href="tel:111"' in page
    assert "Aruzhan" not in page


def test_a_guest_is_told_that_the_internet_is_closed(
    app: Flask, daemon: Running, household: Household
) -> None:
    closed = "It is bedtime: the internet is blocked until 07:00."
    household.devices["192.168.1.30"].update(state="bedtime", sentence=closed)
    assert closed in browser_on(app, "192.168.1.30").get("/").text


def test_numbers_that_nobody_confirmed_are_said_to_be_so(
    stranger: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert stranger.get("/").text.count("Not yet checked with the services") == 1
    known = [{**line, "confirmed": number == 0} for number, line in enumerate(HELP)]
    monkeypatch.setattr("tests.webui.standin.refusing.HELP", known)
    assert stranger.get("/").text.count("Not yet checked with the services") == 1
    monkeypatch.setattr("tests.webui.standin.refusing.HELP", [{**line, "confirmed": True} for line in HELP])
    assert "onfirmed" not in stranger.get("/").text


@pytest.mark.parametrize("ip", ["::ffff:192.168.1.20", "192.168.1.20%br-lan"])
def test_an_address_in_other_clothes_is_the_same_device(app: Flask, daemon: Running, ip: str) -> None:
    assert browser_on(app, ip).get("/").headers["Location"] == "/my"


def test_a_link_shows_a_button_and_only_the_button_uses_the_code(
    stranger: Browser, household: Household
) -> None:
    code = household.guardians.link("Mum")
    for _ in range(2):
        page = stranger.get(f"/signin?code={code}").text
        assert f'value="{code}"' in page
    assert stranger.post("/signin", {"code": code}).headers["Location"] == "/parent/"
    assert stranger.get("/parent/").status_code == 200
    assert stranger.post("/signin", {"code": code}).status_code == 403


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "[::1]:8080", "localhost"])
def test_a_link_to_this_machine_alone_signs_in_at_once(
    stranger: Browser, household: Household, host: str
) -> None:
    link = f"/signin?code={household.guardians.link('Mum')}"
    first = stranger.client.get(link, base_url=f"http://{host}")
    assert (first.status_code, first.headers["Location"]) == (303, "/parent/")
    assert stranger.client.get("/parent/", base_url=f"http://{host}").status_code == 200
    second = stranger.client.get(link, base_url=f"http://{host}")
    assert second.status_code == 403
    assert "used already" in second.text
    assert stranger.client.get("/signin", base_url=f"http://{host}").status_code == 200


def test_the_session_cookie_is_for_this_site_alone(stranger: Browser, household: Household) -> None:
    answer = stranger.post("/signin", {"code": household.guardians.link("Mum")})
    cookies = sorted(answer.headers.getlist("Set-Cookie"))
    assert [one.partition("=")[0] for one in cookies] == ["qalqan-8080", "qalqan-known-8080"]
    for cookie in cookies:
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie


def test_two_gateways_on_two_ports_of_one_host_have_two_sessions(mum: Browser) -> None:
    assert mum.client.get("/parent/", base_url="http://192.168.1.1:8081").status_code == 303
    assert mum.get("/parent/").status_code == 200


def test_wrong_codes_slow_the_device_that_typed_them_and_nobody_else(
    app: Flask, stranger: Browser, household: Household
) -> None:
    answers = [stranger.post("/signin", {"code": f"WRONG-{number}"}) for number in range(TRIES + 1)]
    assert [answer.status_code for answer in answers] == [403] * TRIES + [429]
    assert int(answers[-1].headers["Retry-After"]) <= 60
    assert "Too many attempts from this device" in answers[-1].text
    code = household.guardians.link("Mum")
    assert stranger.post("/signin", {"code": code}).status_code == 429
    assert browser_on(app, "192.168.1.7").post("/signin", {"code": code}).status_code == 303


def test_a_right_code_does_not_make_the_next_user_wait(
    stranger: Browser, household: Household, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = monotonic()
    monkeypatch.setattr("webui.accounts.tries.time.monotonic", lambda: now)
    for number in range(TRIES):
        assert stranger.post("/signin", {"code": f"WRONG-{number}"}).status_code == 403
    now += FIRST_WAIT
    for _ in range(2):
        code = household.guardians.link("Mum")
        assert stranger.post("/signin", {"code": code}).status_code == 303


def test_a_restart_of_the_pages_gives_no_further_attempts(
    tmp_path: Path, daemon: Running, household: Household
) -> None:
    settings = Settings(tmp_path / "control.sock", state=tmp_path / "web")
    before = browser_on(create_app(settings), "192.168.1.99")
    for number in range(TRIES):
        assert before.post("/signin", {"code": f"WRONG-{number}"}).status_code == 403
    after = browser_on(create_app(settings), "192.168.1.99")
    assert after.post("/signin", {"code": household.guardians.link("Mum")}).status_code == 429
    (tmp_path / "web" / FILE).write_text("[damaged")
    damaged = browser_on(create_app(settings), "192.168.1.99")
    assert damaged.post("/signin", {"code": household.guardians.link("Mum")}).status_code == 303


def test_a_guest_that_guesses_for_hours_keeps_no_other_guest_out(
    app: Flask, daemon: Running, household: Household, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = monotonic()
    monkeypatch.setattr("webui.accounts.tries.time.monotonic", lambda: now)
    guest = browser_on(app, "192.168.1.30")
    for number in range(60):
        now += LONGEST_WAIT
        assert guest.post("/signin", {"code": f"WRONG-{number}"}).status_code == 403
    code = household.guardians.link("Mum")
    assert browser_on(app, "192.168.1.99").post("/signin", {"code": code}).status_code == 303


def test_invented_addresses_give_few_further_attempts(
    app: Flask, daemon: Running, household: Household
) -> None:
    """A device that takes a new address for each attempt; a device that has tried before is not kept out."""
    other = browser_on(app, "192.168.1.99")
    assert other.post("/signin", {"code": "WRONG"}).status_code == 403
    answers = [
        browser_on(app, f"192.168.2.{number}").post("/signin", {"code": "WRONG"}).status_code
        for number in range(40)
    ]
    assert answers == [403] * (NEWCOMERS - 1) + [429] * (41 - NEWCOMERS)
    assert other.post("/signin", {"code": household.guardians.link("Mum")}).status_code == 303


def test_a_restart_of_the_pages_forgets_no_device_that_guessed(
    tmp_path: Path, daemon: Running, household: Household
) -> None:
    settings = Settings(tmp_path / "control.sock", state=tmp_path / "web")

    def answer(app: Flask, ip: str, code: str = "WRONG") -> int:
        return browser_on(app, ip).post("/signin", {"code": code}).status_code

    before = create_app(settings)
    assert answer(before, "192.168.1.99") == 403
    assert [answer(before, "192.168.1.30") for _ in range(TRIES)] == [403] * TRIES
    for number in range(NEWCOMERS):
        answer(before, f"192.168.2.{number}")
    after = create_app(settings)
    assert answer(after, "192.168.1.30") == 429, "the guest that guessed"
    assert answer(after, "192.168.3.1") == 429, "one more invented address"
    assert answer(after, "192.168.1.99", household.guardians.link("Mum")) == 303, "tried before"


@pytest.mark.needs("root")
@pytest.mark.parametrize("fault", ["full", "read-only"])
def test_a_folder_that_cannot_be_written_any_more_keeps_nobody_out(
    tmp_path: Path, daemon: Running, household: Household, fault: str
) -> None:
    folder = tmp_path / "web"
    folder.mkdir()
    settings = Settings(tmp_path / "control.sock", state=folder)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)], check=True)
    try:
        app = create_app(settings)
        if fault == "full":
            with suppress(OSError), (folder / "filler").open("wb", buffering=0) as filler:
                while True:
                    filler.write(bytes(4096))
        else:
            subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
        guest = browser_on(app, "192.168.1.30")
        codes = [guest.post("/signin", {"code": "WRONG"}).status_code for _ in range(TRIES + 1)]
        assert codes == [403] * TRIES + [429], "counted in memory"
        mum = browser_on(app, "192.168.1.99")
        assert mum.post("/signin", {"code": household.guardians.link("Mum")}).status_code == 303
        assert mum.get("/parent/").status_code == 200
        assert not (folder / FILE).exists()
        again = browser_on(create_app(settings), "192.168.1.30")
        assert again.post("/signin", {"code": "WRONG"}).status_code == 403, "a restart begins anew"
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("code", ["", " ", "x" * 5000, "\x00", "<script>"])
def test_nonsense_is_no_code(stranger: Browser, code: str) -> None:
    answer = stranger.post("/signin", {"code": code})
    assert answer.status_code == 403
    assert "typing mistake" in answer.text


def test_the_code_in_a_link_is_shown_as_text(stranger: Browser) -> None:
    assert "<script>" not in stranger.get("/signin?code=%22%3E%3Cscript%3E").text


@pytest.mark.parametrize("path", ["/", "/my", "/why", "/refused?host=x.kz"])
def test_a_stopped_daemon_is_said_and_help_stays(
    app: Flask, household: Household, tmp_path: Path, path: str
) -> None:
    tablet = browser_on(app, "192.168.1.20")
    with at_home(tmp_path / "control.sock", household):
        tablet.get("/my")
    answer = tablet.get(path)
    assert answer.status_code == 503
    assert "The filter is stopped" in answer.text
    assert 'href="tel:111"' in answer.text
    with at_home(tmp_path / "control.sock", household):
        assert tablet.get(path).status_code < 400, "it is back"


def offered(household: Household) -> list[dict[str, object]]:
    return [values for do, values in household.asked if do == "time"]


def test_a_phone_offers_its_time_when_a_parent_signs_in(stranger: Browser, household: Household) -> None:
    values = {"code": household.guardians.link("Mum"), "at": "2026-11-24T14:40:00.000Z"}
    assert stranger.post("/signin", values).headers["Location"] == "/parent/"
    assert offered(household) == [{"at": "2026-11-24T14:40:00.000Z", "by": "Mum"}]


@pytest.mark.parametrize("at", ["", "now", "2026-11-24T14:40:00", "9" * 500, "<script>"])
def test_without_a_time_that_is_one_nothing_is_offered(
    stranger: Browser, household: Household, at: str
) -> None:
    values = {"code": household.guardians.link("Mum"), "at": at}
    assert stranger.post("/signin", values).headers["Location"] == "/parent/"
    assert offered(household) == []


def test_a_time_that_the_daemon_refuses_keeps_nobody_out(stranger: Browser, household: Household) -> None:
    household.stamps.put(Account("Dad", secret="a hash"))
    code = household.guardians.link("Dad")
    household.refuses_time = True
    answer = stranger.post("/signin", {"code": code, "at": "2031-01-01T00:00:00Z"})
    assert answer.headers["Location"] == "/parent/"
    assert stranger.get("/parent/").status_code == 200


def test_who_does_not_sign_in_offers_no_time(stranger: Browser, household: Household) -> None:
    assert stranger.post("/signin", {"code": "wrong", "at": "2026-11-24T14:40:00Z"}).status_code == 403
    assert offered(household) == []


# What opens without a session: this device's own page, and the way in.
OPEN = {
    "/", "/calendar", "/claim", "/forgot", "/language", "/my", "/my/ask", "/my/ask/site", "/my/asked",
    "/my/code", "/my/landing", "/my/now", "/my/sharing", "/my/time", "/my/use", "/my/use/<who>", "/my/leave",
    "/my/screens", "/my/pin", "/my/pin/set", "/my/adult", "/my/wrong", "/my/step", "/refused", "/status",
    "/refused/opened", "/my.webmanifest", "/parent.webmanifest", "/sw.js", "/offline",
    "/my/push", "/push/look", "/push/off",  # whoever has a browser's secret address may end its messages
    "/signin", "/signin/code", "/signin/passkey", "/signin/passkey/ask", "/signin/password", "/signout",
    "/static/<path:filename>", "/why", "/proof",
    "/proof/again", "/learn/", "/learn/<key>", "/mean", "/rights", "/my/time/delete", "/my/adult/unlock",
    "/my/adult/lock", "/my/adult/wallet", "/my/adult/wallet/ask", "/my/adult/wallet/answer",
    "/my/times/", "/my/times/bedtime", "/my/times/limit", "/my/agreement", "/brand/style.css",
    "/brand/dark.css", "/brand/logo", "/theme", "/captive", "/my/activity/", "/my/activity/week",
    "/my/activity/month",
}  # fmt: skip


@pytest.mark.parametrize("ip", ["192.168.1.20", "192.168.1.30", "192.168.1.99"])
def test_nothing_of_the_parents_is_there_without_a_session(
    app: Flask, daemon: Running, household: Household, ip: str
) -> None:
    """Every page and every form that there is: for a child, a guest and a stranger."""
    browser = browser_on(app, ip)
    # What is for programs answers with problems, not with the way in: api/test_who.py, test_metrics.py.
    programs = ("api.", "metrics.")
    rules = [rule for rule in app.url_map.iter_rules() if not rule.endpoint.startswith(programs)]
    others = [rule for rule in rules if rule.rule not in OPEN]
    assert {one.rule.split("/")[1] for one in others} == {"parent", "account", "helper", "support"}
    assert len(others) > 15
    for rule in others:
        path = re.sub(r"<[^>]+>", "daughter", rule.rule)
        for method, answer in (("GET", browser.get), ("POST", browser.post)):
            if method in (rule.methods or ()):
                found = answer(path)
                if path == "/parent/stream":
                    assert (found.status_code, found.text) == (204, "")  # an event source ends with it
                    continue
                assert found.status_code == 303, (method, path)
                assert found.headers["Location"].startswith("/signin"), (method, path)
                assert "Aruzhan" not in found.text
    assert household.paused == {}
    assert household.asked == []


# ---------------------------------------------------------------- HTTPS

HTML = "text/html,application/xhtml+xml"
NAMED = "gw.qalqan.test"


def plain(browser: Browser, path: str, host: str = "qalqan.home.arpa", accept: str = HTML) -> str:
    """Where a page is redirected to, by plain HTTP."""
    answer = browser.client.get(
        path,
        base_url=f"http://{host}",
        headers={"Accept": accept},
        environ_overrides={"REMOTE_ADDR": browser.ip},
    )
    return answer.location or ""


@pytest.mark.parametrize(
    "path", ["/signin?code=ABCD-EFGH-JKMN", "/forgot", "/claim", "/parent/", "/account/?a=b", "/support/"]
)
def test_pages_that_need_a_password_are_redirected_to_the_trusted_name(
    app: Flask, stranger: Browser, path: str
) -> None:
    before = plain(stranger, path)
    assert not before.startswith("https:")
    app.extensions[KEY].now = Trusted(NAMED, problem="the certificate expired on 2026-11-20; renew it")
    assert plain(stranger, path) == before
    app.extensions[KEY].now = Trusted(NAMED, good=True)
    assert plain(stranger, path) == f"https://{NAMED}{path}"


def test_pages_of_devices_and_pages_by_an_address_stay(
    app: Flask, tablet: Browser, stranger: Browser
) -> None:
    app.extensions[KEY].now = Trusted(NAMED, good=True)
    for path in ("/my", "/", "/refused?host=www.tiktok.com", "/calendar", "/status"):
        assert not plain(tablet, path).startswith("https:"), path
    for host in ("192.0.0.8", "192.168.1.1:8080", "[fd71:616c:7161:6e00::80]", "localhost:8080"):
        assert plain(stranger, "/parent/", host) == "/signin"
    assert plain(stranger, "/parent/", accept="*/*") == "/signin", "what a script requests"
    assert "Strict-Transport-Security" not in stranger.get("/signin").headers


# ---------------------------------------------------------------- a guest's page


def test_a_guest_has_one_door_and_reads_what_is_blocked(app: Flask, daemon: Running) -> None:
    page = browser_on(app, "192.168.1.30").get("/").text
    door = page.partition('id="residents"')[2].partition("</details>")[0]
    assert all(part in door for part in ('href="/signin"', 'action="/my/adult"'))
    assert 'href="/signin"' not in page.replace(door, ""), "one door"
    blocked = page.partition('aria-labelledby="filtered"')[2].partition("</section>")[0]
    assert "<li>Adult sites</li>" in blocked
    assert "Malware" not in blocked, "blocked for everyone"


def test_an_adult_guest_reads_until_when(app: Flask, daemon: Running, household: Household) -> None:
    ends = NOW.replace(hour=6, minute=0) + timedelta(days=1)
    household.devices["192.168.1.30"].update(visit_ends=ends)
    assert "until 06:00 tomorrow" in browser_on(app, "192.168.1.30").get("/").text


def test_an_adult_s_own_device_has_the_way_in_without_a_door(app: Flask, daemon: Running) -> None:
    page = browser_on(app, "192.168.1.31").get("/").text
    assert 'id="residents"' not in page
    assert 'class="button primary" href="/signin"' in page
