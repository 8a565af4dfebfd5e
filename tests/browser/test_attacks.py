"""What somebody on the Wi-Fi, or a page of the internet, tries against the pages: by real DNS and DHCP."""

from __future__ import annotations

import json
import time

import pytest

from tests.browser.chromium import Chromium, eventually
from tests.browser.family import CHILD, Family
from tests.lab import chromium as device_browser
from tests.lab import clients
from tests.lab.daemon import WEB_PORT
from tests.lab.dhcpserver import dhcp_server
from tests.lab.filtering import module, python
from tests.lab.names import GATEWAY_IPV4, NEW, PARENT, PHONE, TABLET
from tests.lab.test_filter_accounts import PAGES, Phone
from tests.pace import longest
from webui.accounts.limiter import TRIES

pytestmark = [pytest.mark.browser, pytest.mark.lab]

PASSWORD = "a warm loaf of bread"
SCRIPT = "<script>alert(1)</script>"
IMAGE = '"><img src=x onerror=alert(1)>'
TURNED = (
    "Mum\u202e\u2066gnp.eohp\u200b\U0001f47e" + "x" * 180
)  # bidi, invisible, emoji, as long as DHCP lets it
SAID = {TABLET.key: TURNED, PHONE.key: IMAGE, NEW.key: SCRIPT}
TURNING = "\u202e\u2066\u200b"
NO_UPGRADE = "--disable-features=UseDnsHttpsSvcb"  # whoever rebinds a name has no HTTPS record for it
GUESSES = 200
GUESS = """
import json, sys, urllib.request, urllib.error, urllib.parse
url, told = sys.argv[1], {}
for number in range(int(sys.argv[2])):
    form = urllib.parse.urlencode({"name": "Mum", "password": f"wrong {number} and long"}).encode()
    asked = urllib.request.Request(url + "/signin/password", form, {"Origin": url})
    try:
        status = urllib.request.urlopen(asked, timeout=30).status
    except urllib.error.HTTPError as error:
        status = error.code
    told[status] = told.get(status, 0) + 1
print(json.dumps(told))
"""
# What a name would have become, had it been taken for markup.
BECAME = """
return [...document.querySelectorAll("script:not([src]), img[src=x], [onerror]")].map(one => one.outerHTML);
"""


@pytest.fixture(scope="module")
def family(family: Family, tmp_path_factory: pytest.TempPathFactory) -> Family:
    """All devices have told the network their names; dnsmasq's hook and the daemon's own ears heard them."""
    family.home.join(NEW.key)
    folder = tmp_path_factory.mktemp("dhcp")
    with dhcp_server(family.home, folder, tells=family.daemon.socket):
        for key, name in SAID.items():
            module(family.home.devices[key], "dhcpclient", "eth0", "--keep", "--name", name)
    call = family.daemon.client.call
    call("edit", id="son", set={"categories/social_networks": "ask"}, confirmed=True, by="Mum")
    return family


def test_a_phone_that_calls_itself_a_script_executes_on_no_page(family: Family, mum: Chromium) -> None:
    call, driver = family.daemon.client.call, mum.driver
    heard = {one["mac"]: str(one["name"]) for one in call("devices")["devices"]}
    assert SCRIPT in heard[NEW.mac], "it is there as it was said"
    # What leaves traces with its name: it asks, it is given to somebody, a parent names another one so.
    call("assign", mac=NEW.mac, profile="son", by="Mum", origin=NEW.ipv4)
    call("request", device=NEW.mac, minutes=15, reason=SCRIPT)
    call("name_device", mac=TABLET.mac, name=IMAGE[:40], by="Mum", origin=PHONE.ipv4)
    pages = [
        *(
            (PARENT.key, f"/parent/{one}")
            for one in ("", "cards", "requests", "devices/", "log/", "sharing/", "more")
        ),
        *((PARENT.key, f"/parent/device/{mac}") for mac in (TABLET.mac, PHONE.mac, NEW.mac)),
        *((PARENT.key, f"/parent/activity/{one}") for one in ("", CHILD, "son", f"{CHILD}/week")),
        *((PARENT.key, f"/parent/child/{who}/{one}") for who in (CHILD, "son") for one in ("", "tests/")),
        *((PARENT.key, f"/parent/setup/{one}") for one in ("", "people", "devices", "summary")),
        *((PARENT.key, f"/parent/{one}") for one in ("health/", "settings/", "people/", "codes/")),
        *(
            (seat, path)
            for seat in (TABLET.key, NEW.key)
            for path in ("/", "/my", "/why", "/my/ask", "/my/asked")
        ),
    ]
    shown = ""
    for seat, path in pages:
        driver.get(family.url(seat, path))
        assert mum.measure(BECAME) == [], path
        text = mum.text()
        shown += text
        assert not set(TURNING) & set(text), f"{path}: something turns or hides the text"
        mum.resize((320, 568))
        assert mum.overflow() == 0, path
    mum.resize((390, 844))
    assert SCRIPT in shown, "as letters"
    assert not [one for one in mum.complaints() if "Content Security" in one]
    driver.get(family.url(PARENT.key, "/parent/"))
    for who in (CHILD, "son"):
        table = mum.measure(
            "const asked = new XMLHttpRequest();"
            f"asked.open('GET', '/parent/activity/{who}/week.csv', false);"
            "asked.send(); return asked.responseText"
        )
        assert "," in table
        assert not [line for line in table.splitlines() if line.startswith(("=", "+", "@", "<"))]
        assert not set(TURNING) & set(table)


def test_a_name_of_the_internet_that_leads_to_the_gateway_shows_nothing(family: Family) -> None:
    """DNS rebinding: a page that a phone has open asks its own name for our pages."""
    zone = {"rebound.example": {"places": [GATEWAY_IPV4], "families": [1]}}
    (family.home.folder / "zone.json").write_text(json.dumps(zone))
    for seat in (PARENT.key, PHONE.key):
        device = family.home.devices[seat]
        if seat == PARENT.key:
            assert clients.dig(device, "rebound.example").records == (GATEWAY_IPV4,)
        for path in ("/my", "/parent/", "/api/v1/openapi.json"):
            url = f"http://rebound.example:{WEB_PORT}{path}"
            shown = device_browser.visit(family.home, seat, url, more=[NO_UPGRADE]).body
            assert "Daughter" not in shown
            assert "Son" not in shown
            there = ["--resolve", f"rebound.example:{WEB_PORT}:{GATEWAY_IPV4}"]
            assert clients.curl(device, url, extra=there).status == 421
    url = f"http://rebound.example:{WEB_PORT}/my"
    seen = device_browser.visit(family.home, PARENT.key, url, more=[NO_UPGRADE]).body
    assert "This address is not one of ours" in seen


def test_a_page_of_another_origin_changes_nothing(family: Family, mum: Chromium) -> None:
    def states() -> set[str]:
        return {str(one["state"]) for one in family.daemon.client.call("status")["profiles"]}

    phone = Phone(family.home, PARENT.key)
    token = family.link().partition("code=")[2]
    assert phone.post("/signin", code=token).status == 303
    form = ("--data", "who=daughter&minutes=30")
    for headers in (
        ("Origin: http://evil.example",),
        ("Origin: null",),
        ("Origin: http://qalqan.home.arpa.evil.example",),
        ("Origin: http://192.168.77.1",),  # another port is another program
        (),
        (f"Origin: {PAGES}", "Sec-Fetch-Site: cross-site"),
        (f"Origin: {PAGES}", "Sec-Fetch-Site: same-site"),
    ):
        more = [part for one in headers for part in ("-H", one)]
        assert phone._ask("/parent/pause", *more, *form).status == 403, headers
    assert states() == {"open"}
    mum.driver.get("data:text/html,<h1>elsewhere</h1>")
    mum.driver.execute_script(
        "document.body.innerHTML = `<form method=post action='${arguments[0]}'>"
        "<input name=who value=daughter><input name=minutes value=30></form>`; document.forms[0].submit()",
        family.url(PARENT.key, "/parent/pause"),
    )
    eventually(lambda: "This form did not come from these pages" in mum.text())
    assert states() == {"open"}
    assert phone._ask("/parent/pause", "-H", f"Origin: {PAGES}", *form).status == 303
    assert states() == {"open", "paused"}
    family.daemon.client.call("resume", who=CHILD)


def test_two_hundred_wrong_passwords_hold_off_who_typed_them_and_nobody_else(family: Family) -> None:
    phone = Phone(family.home, PARENT.key)
    assert phone.post("/signin", code=family.link().partition("code=")[2]).status == 303
    assert phone.post("/account/password", password=PASSWORD).status == 303
    known = Phone(family.home, TABLET.key)  # she has signed in on the child's tablet before
    assert known.post("/signin/password", name="Mum", password=PASSWORD).status == 303
    assert known.post("/signout", sent="yes").status == 303
    began = time.monotonic()
    told = python(family.home.devices[TABLET.key], GUESS, PAGES, str(GUESSES), timeout=120.0)
    print(f"{GUESSES} guesses in {time.monotonic() - began:.1f} s: {told.strip()}")
    assert json.loads(told) == {"403": TRIES, "429": GUESSES - TRIES}
    fresh = Phone(family.home, PHONE.key)
    began = time.monotonic()
    assert fresh.post("/signin/password", name="Mum", password=PASSWORD).status == 303
    assert time.monotonic() - began < longest(5.0)
    assert known.post("/signin/password", name="Mum", password=PASSWORD).status == 303, "her own five tries"
    held = Phone(family.home, TABLET.key)
    assert held.post("/signin/password", name="Mum", password=PASSWORD).status == 429, "right or not"
    assert family.http(TABLET.key, "www.tiktok.com").status == 302, "and the filter went on"
