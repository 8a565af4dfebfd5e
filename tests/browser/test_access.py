"""Every page of parent and child for whoever sees, hears or taps less well: on a small phone, both themes."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from selenium.webdriver.common.by import By

from gateway.policy.alerts import Alerts
from tests.browser.chromium import PHONE, Chromium, eventually
from tests.browser.conftest import Site
from tests.webui.serving import free_port, serving
from tests.webui.standin.asking import a_question
from tests.webui.standin.backing import TEXT, TOKEN
from tests.webui.standin.changed import CHANGES
from tests.webui.standin.healthy import FINE, TROUBLE
from tests.webui.standin.household import NOW, TABLET
from tests.webui.standin.household import PHONE as HER_PHONE
from tests.webui.standin.lending import TV
from tests.webui.standin.proving import lines
from tests.webui.standin.teaching import some_names
from tests.webui.standin.things import KITCHEN
from webui.rules.carried import Carried, to_code

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("fresh")]

SMALL = (360, 640)
AUDIT = Path(__file__).with_name("access.js").read_text()

DOUBTED = "at=2026-11-24T17:30:00%2B05:00&device=02:00:00:00:00:0a&service=Roblox"  # a row of the ledger

Prepare = Callable[[Site], None]


def nothing(_site: Site) -> None:
    """As it is."""


def tablet(site: Site) -> dict[str, Any]:
    """The device of a child's pages, at whatever address it is."""
    return next(one for one in site.household.devices.values() if one["mac"] == TABLET)


def asked(site: Site) -> None:
    """One request waits, one was answered."""
    one = {
        "id": 1, "profile": "daughter", "name": "Aruzhan", "topic": "time", "minutes": 30,
        "reason": "One more round", "at": NOW, "expires": NOW + timedelta(hours=4), "state": "pending",
        "thing": None,
    }  # fmt: skip
    other = {
        **one, "id": 2, "topic": "site", "thing": "www.instagram.com", "state": "answered", "answer": "no",
        "because": "Not on a school day", "by": "Mum", "answered": NOW, "minutes": None,
    }  # fmt: skip
    site.household.requests[:] = [one, other]


def near_the_end(site: Site) -> None:
    asked(site)
    site.household.minutes["daughter"]["left"].update(minutes=4, at=NOW + timedelta(minutes=4))


def paused(site: Site) -> None:
    asked(site)
    site.household.paused.update(daughter=NOW + timedelta(minutes=30), son=None)


def troubled(site: Site) -> None:
    """All that a page may have to say of the home."""
    paused(site)
    site.household.extra.update(
        internet="down",
        internet_since=NOW - timedelta(minutes=5),
        clock={"known": False, "sentence": "The time is not known yet."},
        problems=["daughter.yaml:3: band: is no age band; write one of 6-9, 10-12"],
        new_devices=2,
    )


def off(site: Site) -> None:
    site.household.extra.update(mode="off", off_until=NOW + timedelta(hours=1))


def changed(site: Site) -> None:
    site.household.changes[:] = CHANGES


def four(site: Site) -> None:
    """Cards are folded, with something in use."""
    site.household.in_use[:] = [{"target": "service:youtube", "name": "YouTube"}]
    site.household.children = ("daughter", "son", "teen", "daughter")


def small(site: Site) -> None:
    """The tablet is a seven-year-old's."""
    asked(site)
    tablet(site).update(profile="son", state="open", until=None, sentence="Open.")


def sleeping(site: Site) -> None:
    small(site)
    tablet(site).update(state="bedtime", until=NOW + timedelta(hours=11))


def grown(site: Site) -> None:
    """It is a sixteen-year-old's."""
    asked(site)
    tablet(site).update(profile="teen")


def new(site: Site) -> None:
    tablet(site).update(profile="quarantine")


def tickets(site: Site) -> None:
    site.household.tickets["K7QM-3X12"] = {"batch": "1", "minutes": 30, "who": None, "by": "Mum"}


def a_new_device(site: Site) -> None:
    site.household.questions[:] = [a_question("new"), a_question("again", mac=HER_PHONE)]


def a_wrong_entry(site: Site) -> None:
    entry = {"host": "bet.example", "category": "gambling", "by": "Mum", "at": NOW.date().isoformat()}
    site.household.listed.wrong[:] = [entry]
    site.household.listed.update = {"running": False, "ended": NOW, "problems": ["ut1-games: it has moved"]}


def an_update(site: Site) -> None:
    site.household.listed.update = {"running": True, "problems": [], "source": "ut1-games", "done": 400_000}


def ailing(site: Site) -> None:
    healthy = site.household.healthy
    healthy.findings, healthy.running, healthy.problem = (
        (*FINE, *TROUBLE),
        True,
        "it did not end within 2 min",
    )
    healthy.figures["clock"] = False


def a_backup(site: Site) -> None:
    site.household.backing.came = TEXT
    site.household.backing.look["problems"] = ["son.yaml:2: band: is no age band; write one of 6-9, 10-12"]


def restored(site: Site) -> None:
    site.household.backing.last = {"by": "Mum", "at": NOW, "made": NOW - timedelta(days=4), "undo": True}


def shared(site: Site) -> None:
    """The daughter's tablet is her brother's too, and there is a television."""
    lending = site.household.lending
    lending.people = {TABLET: ("son", "daughter"), TV: ("son", "daughter")}
    lending.needs_pins, lending.pins["daughter"] = True, ("4821", "Mum")


def used(site: Site) -> None:
    shared(site)
    site.household.lending.uses[TABLET] = ("daughter", "use", "")
    site.household.lending.uses[TV] = ("daughter", "claim", "")


def handed(site: Site) -> None:
    site.household.lending.uses[TABLET] = ("daughter", "handed", "Mum")


def taught(site: Site) -> None:
    """The tablet is in a lesson, with names of every kind."""
    site.household.teaching.begin("daughter", "kundelik.kz", device=TABLET)["names"] = some_names()


def taught_before(site: Site) -> None:
    taught(site)
    site.household.teaching.lessons["daughter"]["state"] = "over"


def pins(site: Site) -> None:
    site.household.lending.needs_pins, site.household.lending.pins["daughter"] = True, ("4821", "")


def no_pin(site: Site) -> None:
    site.household.lending.needs_pins = True


def proving(site: Site) -> None:
    """It waits for the tablet."""
    site.household.proving.lines, site.household.proving.running = lines(), True


def proved(site: Site) -> None:
    """One line is well, one came through, one was not seen."""
    proving(site)
    first, second, third, *_ = site.household.proving.lines
    first.reached = third.reached = False
    first.blocked = second.blocked = True
    second.reached = True


def unclaimed(site: Site) -> None:
    site.household.accounts.unclaimed()


def a_family(site: Site) -> None:
    """Everybody that there may be, and all that may be said of them."""
    site.household.accounts.family()


def several_networks(site: Site) -> None:
    editing = site.household.editing
    editing.rules.reload()
    file = editing.folder / "qalqan.yaml"
    file.write_text(json.dumps(yaml.safe_load(file.read_text()) | {"lan": ["lo", "br-guest"]}))
    editing.rules.reload()


def told(site: Site) -> None:
    topic = Alerts("https://ntfy.sh/a-topic", frozenset({"request", "way"}), frozenset({"way"}))
    site.household.alerting.book["Mum"] = topic


CARRIED = to_code(
    Carried("Әйгерім", "10-12", {"block": ["service:of-later", "service:tiktok"], "safe_search": "off"})
)
CHILDS = {
    "own": ("/my", nothing),
    "own, the end is near": ("/my", near_the_end),
    "own, paused": ("/my", paused),
    "own, in trouble": ("/my", troubled),
    "own, all is off": ("/my", off),
    "own, of a small child": ("/my", small),
    "own, of a small child at bedtime": ("/my", sleeping),
    "own, of a teenager": ("/my", grown),
    "all that was asked for": ("/my/asked", asked),
    "doubted minutes": (f"/my/wrong?{DOUBTED}", nothing),
    "where the quick exit leads": ("/calendar", nothing),
    "refused, of a small child": ("/refused?host=www.tiktok.com", small),
    "refused, of a new device": ("/refused?host=captive.apple.com", new),
    "why, of a small child": ("/why", small),
    "why": ("/why", nothing),
    "no proof": ("/proof", nothing),
    "proof": ("/proof", proved),
    "refused": ("/refused?host=www.tiktok.com&reason=family_block", nothing),
    "refused by time": ("/refused?host=www.example.org&reason=bedtime", nothing),
    "ask": ("/my/ask", nothing),
    "ask, one waits": ("/my/ask", asked),
    "code": ("/my/code", nothing),
    "minutes": ("/my/time", nothing),
    "minutes of another day": ("/my/time?day=2026-11-20", nothing),
    "own, shared": ("/my", shared),
    "own, in use": ("/my", used),
    "own, handed over": ("/my", handed),
    "own, in a lesson": ("/my", taught),
    "who is using it": ("/my/use", shared),
    "her PIN on it": ("/my/use/daughter", shared),
    "screens": ("/my/screens", shared),
    "screens, on one": ("/my/screens", used),
    "PIN": ("/my/pin", pins),
    "PIN, none yet": ("/my/pin", no_pin),
    "sign in": ("/signin", nothing),
    "forgot password": ("/forgot", nothing),
    "set up": ("/claim", unclaimed),
    "told who set up": ("/my", a_family),
    "a page that is not there": ("/no-such-page", nothing),
}
PARENTS = {
    "home": ("/parent/", asked),
    "home, paused": ("/parent/", paused),
    "home, in trouble": ("/parent/", troubled),
    "home, all is off": ("/parent/", off),
    "requests": ("/parent/requests", asked),
    "no requests": ("/parent/requests", nothing),
    "codes": ("/parent/codes/", tickets),
    "no codes": ("/parent/codes/", nothing),
    "a sheet that is gone": ("/parent/codes/sheet/none", nothing),
    "minutes": ("/parent/time/daughter", nothing),
    "home, four children": ("/parent/", four),
    "activity": ("/parent/activity/", changed),
    "activity of a day": ("/parent/activity/daughter", nothing),
    "activity of a week": ("/parent/activity/daughter/week", nothing),
    "activity without a log": ("/parent/activity/teen", nothing),
    "activity, to be deleted": ("/parent/activity/daughter/delete", nothing),
    "more": ("/parent/more", nothing),
    **{
        f"rules: {path}": (f"/parent/child/daughter/{path}", nothing)
        for path in (
            "",
            "services/",
            "services/?group=video",
            "services/?q=zzzz",
            "services/youtube",
            "kinds/",
            "sites/",
            "week/",
            "week/bedtime",
            "week/service:roblox",
            "limits/",
            "limits/play",
            "basics/",
            "band/?to=13-15",
            "preview/?host=www.youtube.com",
        )
    },
    "teach a site": ("/parent/child/daughter/teach/", nothing),
    "a lesson": ("/parent/child/daughter/teach/", taught),
    "a lesson that is over": ("/parent/child/daughter/teach/", taught_before),
    "home, in a lesson": ("/parent/", taught),
    "devices": ("/parent/devices/", a_new_device),
    "settings": ("/parent/settings/", several_networks),
    "settings, all is off": ("/parent/settings/", off),
    "time zone": ("/parent/settings/zone", nothing),
    "messages": ("/parent/alerts/", nothing),
    "messages, one is kept": ("/parent/alerts/", told),
    "rules for another home": ("/parent/child/daughter/carry/", nothing),
    "rules from another home": ("/parent/import/", nothing),
    "rules from another home, told": (f"/parent/import/?r={CARRIED}", nothing),
    "lists": ("/parent/lists/", a_wrong_entry),
    "health": ("/parent/health/", nothing),
    "health, in trouble": ("/parent/health/", ailing),
    "update": ("/parent/health/update/", nothing),
    "backup": ("/parent/backup/", nothing),
    "backup, one was put in place": ("/parent/backup/", restored),
    "backup, a look": (f"/parent/backup/look/{TOKEN}", a_backup),
    "lists, a look-up": ("/parent/lists/?host=www.bet.example", an_update),
    "a device": (f"/parent/device/{TABLET}", nothing),
    "a shared device": (f"/parent/device/{KITCHEN}", nothing),
    "nothing is shared": ("/parent/sharing/", nothing),
    "shared": ("/parent/sharing/", used),
    "family card": ("/parent/card", nothing),
    "set up, language": ("/parent/setup/", nothing),
    "set up, family": ("/parent/setup/people", nothing),
    "set up, devices": ("/parent/setup/devices", nothing),
    "set up, what holds": ("/parent/setup/summary", nothing),
    "no proof": ("/parent/child/daughter/proof/", nothing),
    "proof that waits": ("/parent/child/daughter/proof/", proving),
    "proof": ("/parent/child/daughter/proof/", proved),
    "account": ("/account/", a_family),
    "password": ("/account/password", nothing),
    "a recovery code that is gone": ("/account/recovery/none", nothing),
    "a token that is gone": ("/account/tokens/none", nothing),
    "people": ("/parent/people/", a_family),
    "a link that is gone": ("/parent/people/link/none", nothing),
    "audit log": ("/parent/log/", a_family),
    "nothing in the audit log": ("/parent/log/", nothing),
    "health, for support": ("/support/", nothing),
    "health, for support, in trouble": ("/support/", ailing),
}


def open_page(browser: Chromium, site: Site, path: str) -> None:
    browser.driver.get(site.url + path)
    assert browser.driver.current_url == site.url + path, "and not another one"


def faults(browser: Chromium) -> list[str]:
    """With all that can be opened open, in the light and in the dark."""
    browser.resize(SMALL)
    browser.driver.execute_script("document.querySelectorAll('details').forEach(one => one.open = true)")
    found: list[str] = []
    for theme in ("light", "dark"):
        browser.theme(theme)
        found += [f"{theme}: {fault}" for fault in browser.measure(AUDIT)]
    browser.theme("light")
    browser.resize(PHONE)
    return found


@pytest.mark.parametrize("name", CHILDS)
def test_a_child_s_page(browser: Chromium, site: Site, name: str) -> None:
    path, prepare = CHILDS[name]
    site.happens(lambda: prepare(site))
    open_page(browser, site, path)
    assert faults(browser) == []


@pytest.mark.parametrize("kind", ["guest", "quarantine", "home", "adult", "unknown"])
def test_a_page_of_nobody_s_device(browser: Chromium, site: Site, kind: str) -> None:
    devices = site.household.devices
    before = devices["127.0.0.1"]
    changed = {**before, "profile": kind, "mac": "02:00:00:00:00:55"}
    if kind == "unknown":
        devices.pop("127.0.0.1")
    else:
        devices["127.0.0.1"] = changed
    try:
        for path in ("/", "/why"):
            browser.driver.get(site.url + path)
            assert faults(browser) == [], path
    finally:
        devices["127.0.0.1"] = before


@pytest.mark.parametrize("name", PARENTS)
def test_a_parent_s_page(parent: Chromium, site: Site, name: str) -> None:
    path, prepare = PARENTS[name]
    site.happens(lambda: prepare(site))
    open_page(parent, site, path)
    assert faults(parent) == []


def test_what_a_tap_leads_to(parent: Chromium, site: Site) -> None:
    """A notice with its undo, a sheet of codes, and a form with what was wrong in it."""
    parent.tap(".extras button[value='15']")
    eventually(lambda: "more minutes" in parent.text(".notice"))
    assert faults(parent) == []
    parent.driver.get(f"{site.url}/parent/codes/")
    parent.tap(".fields button")
    eventually(lambda: "K7QM" in parent.text(".strips"))
    assert faults(parent) == []
    parent.driver.get(f"{site.url}/my/code")
    parent.driver.find_element(By.ID, "code").send_keys("2222 2222")
    parent.tap(".signin button")
    eventually(lambda: "Look at the paper again." in parent.text())
    assert faults(parent) == []


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ("<input>", "light: a field without a label: <input>"),
        ("<label for=a>Name</label><input id=b>", 'light: for names nothing: <label for="a">'),
        ("<button></button>", "light: nothing to call it by: <button>"),
        ("<button><span aria-hidden=true>x</span></button>", "light: nothing to call it by: <button>"),
        ("<button style='height:30px;width:90px'>Go</button>", "light: 90 x 30 to tap: Go"),
        ("<h1>Two</h1>", "light: 2 first headings: One, Two"),
        ("<h3>Three</h3>", "light: heading 3 behind 1: Three"),
        ("<p style='color:#888'>Grey</p>", "light: contrast 3.54: Grey"),
        ("<p style='opacity:.4'>Thin</p>", "light: contrast 2.85: Thin"),
        ("<p style='width:400px'>Wide</p>", "px wider than the window"),
        ("<svg></svg>", "light: a picture without words: <svg>"),
    ],
)
def test_the_audit_sees_it(browser: Chromium, body: str, fault: str) -> None:
    style = "body { margin: 0; color: #000; background: #fff }"
    head = f"<title>x</title><meta name=viewport content='width=device-width'><style>{style}</style>"
    html = f"<!doctype html><html lang=en>{head}<main><h1>One</h1>{body}</main>"
    browser.driver.get("about:blank")
    browser.driver.execute_script("document.open(); document.write(arguments[0]); document.close()", html)
    assert any(fault in one for one in faults(browser))


def test_the_page_while_the_filter_is_stopped(browser: Chromium, tmp_path: Path) -> None:
    port = free_port()
    with serving(tmp_path / "control.sock", port):
        browser.driver.get(f"http://127.0.0.1:{port}/my")
        assert "The filter is stopped" in browser.text()
        assert faults(browser) == []
        browser.driver.get("about:blank")
