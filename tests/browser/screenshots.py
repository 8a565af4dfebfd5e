"""`make screenshots`: the pages of the virtual home's real daemon as pictures, in screenshots/."""

from __future__ import annotations

import sys
import tempfile
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from gateway.errors import GatewayError
from tests.browser.chromium import DESKTOP, PHONE, SCREENSHOTS, Chromium, chromium, eventually
from tests.browser.family import CHILD, PIN, Family, at_home
from tests.lab import clients
from tests.lab.console import VPN_SITE
from tests.lab.filtering import module
from tests.lab.internet.odds import WIREGUARD_PORT
from tests.lab.names import GATEWAY_IPV4, NEW, PARENT, TABLET, ipv4_of
from tests.lab.names import PHONE as SON
from tests.lab.netns import LabError

SIZES = {"phone": PHONE, "desktop": DESKTOP}
THEMES = ("light", "dark")
OWN_RESOLVER = "dns.of-my-own.example"  # on no list: a phone finds its address, and port 853 is refused


class Album:
    """Takes each page at both sizes, in both themes."""

    def __init__(self, browser: Chromium, family: Family) -> None:
        self._browser = browser
        self._family = family
        self.count = 0

    def take(self, name: str, seat: str, path: str, *, opened: bool = False) -> None:
        """``opened``: with everything folded open."""
        self._browser.driver.get(self._family.url(seat, path))
        if opened:
            self._browser.measure("document.querySelectorAll('details').forEach(one => { one.open = true })")
        for theme in THEMES:
            self._browser.theme(theme)
            for size, pixels in SIZES.items():
                self._browser.screenshot(f"{name}-{size}-{theme}", pixels)
                self.count += 1

    def unlock(self) -> None:
        self._family.unlock(self._browser)

    def sign_in(self, name: str = "Mum") -> None:
        self._browser.driver.get(self._family.link(name))

    def tap(self, path: str, selector: str, seat: str = PARENT.key) -> None:
        """On the parent's phone, or on another one."""
        self._browser.resize(PHONE)
        self._browser.driver.get(self._family.url(seat, path))
        self._browser.tap(selector)

    def text(self, selector: str) -> str:
        return self._browser.text(selector)

    @property
    def path(self) -> str:
        """Of the page that is shown."""
        return urlsplit(self._browser.driver.current_url).path


def take_all(family: Family, album: Album) -> None:
    album.take("signin", PARENT.key, "/signin")
    album.take("forgot", PARENT.key, "/forgot")
    album.sign_in()
    refused = _a_day(family)
    album.take("home", PARENT.key, "/parent/")
    album.take("home-opened", PARENT.key, "/parent/", opened=True)
    album.take("child", TABLET.key, "/my")
    album.take("why", TABLET.key, "/why")
    album.take("refused", TABLET.key, refused)
    album.take("refused-for-everyone", TABLET.key, "/refused?reason=refused_for_everyone")
    take_knowledge(album)
    album.take("guest", NEW.key, "/")
    album.take("guest-why", NEW.key, "/why")
    take_languages(album, refused)
    _ask(family, album)
    _answer(album)
    _make_codes(album)
    _rules(album)
    _teach(family, album)
    _step(family, album)
    _accounts(family, album)
    take_setup(album)
    album.tap("/parent/", ".child-card .pauses button[value='30']")
    eventually(lambda: family.child()["state"] == "paused")
    album.take("home-paused", PARENT.key, "/parent/")
    album.take("child-paused", TABLET.key, "/my")
    album.tap("/parent/", ".notice button")
    moved = _to_bedtime(family, timedelta(), timedelta(minutes=-4))
    album.take("child-end", TABLET.key, "/my")
    album.tap("/my", ".actions form button", TABLET.key)
    eventually(lambda: "more minutes" in album.text(".notice"))
    album.take("home-landing", PARENT.key, "/parent/")
    _to_bedtime(family, moved, timedelta(minutes=1))
    album.take("home-bedtime", PARENT.key, "/parent/")
    album.take("child-bedtime", TABLET.key, "/my")
    family.daemon.client.call("clock", offset=0)
    take_ways(family, album)
    take_sharing(family, album)
    family.daemon.kill()
    album.take("stopped", TABLET.key, "/my")
    for rules in family.daemon.profiles.glob("*.yaml"):
        rules.unlink()
    family.daemon.start()
    album.take("home-empty", PARENT.key, "/parent/")


def take_setup(album: Album) -> None:
    """The steps of the first run, of a home that has been through them, and a proof that waits."""
    for step in ("", "people", "devices", "summary"):
        album.take(f"setup-{step or 'start'}", PARENT.key, f"/parent/setup/{step}")
    album.take("proof-none", TABLET.key, "/proof")
    album.tap("/parent/child/daughter/proof/", f"button[value='{TABLET.mac}']")
    eventually(lambda: "/proof" in album.text(".address"))
    album.take("proof", PARENT.key, "/parent/child/daughter/proof/")
    album.tap("/parent/child/daughter/around/", "main form button")
    eventually(lambda: "way" in album.text("#result ~ .verdict + p"), 60.0)
    album.take("around", PARENT.key, "/parent/child/daughter/around/")


def take_knowledge(album: Album) -> None:
    """First aid, what is what, complaints, and what parents read of these."""
    for level in ("little", "middle", "teen"):
        album.take(f"mean-{level}", TABLET.key, f"/mean?level={level}")
    album.take("learn", TABLET.key, "/learn/")
    album.take("learn-kind", TABLET.key, "/learn/category:social_networks")
    album.take("rights", TABLET.key, "/rights")
    for name in ("guide/", "guide/leaflet", "digest/"):
        album.take(name.strip("/").replace("/", "-"), PARENT.key, f"/parent/{name}")


def take_languages(album: Album, refused: str) -> None:
    """Chosen in the menu below a page, and English again."""
    for code in ("kk", "ru", "en"):
        album.tap("/signin", f".languages [lang={code}]")
        if code != "en":
            album.take(f"home-{code}", PARENT.key, "/parent/")
            album.take(f"child-{code}", TABLET.key, "/my")
            album.take(f"refused-{code}", TABLET.key, refused)


def take_ways(family: Family, album: Album) -> None:
    """Cards about closed ways: of one child each is told whole, of her brother that it was."""
    tablet, phone = (family.home.devices[one.key] for one in (TABLET, SON))
    eventually(lambda: family.child()["state"] == "open")
    for device in (tablet, phone):
        clients.udp(device, ipv4_of(VPN_SITE), WIREGUARD_PORT, timeout=clients.SILENCE_S)
        module(device, "privatedns", "strict", OWN_RESOLVER, "--resolver", GATEWAY_IPV4)
    eventually(lambda: family.daemon.client.call("cards")["count"] == 4)
    album.take("home-ways", PARENT.key, "/parent/")
    album.take("child-ways", TABLET.key, "/my")


def take_sharing(family: Family, album: Album) -> None:
    """The new phone is both children's; then the parent's is handed over."""
    family.share(NEW.mac)
    album.take("shared", NEW.key, "/my")
    album.take("use", NEW.key, "/my/use")
    album.take("use-pin", NEW.key, "/my/use/daughter")
    album.take("unlock", NEW.key, "/my/adult/unlock")
    family.daemon.client.call("adult_proof", action="open", device=NEW.mac, length="morning", by="Mum")
    album.take("unlocked", NEW.key, "/")
    album.take("device-unlocked", PARENT.key, f"/parent/device/{NEW.mac}")
    family.daemon.client.call("adult_proof", action="end", device=NEW.mac, by="Mum")
    album.take("screens", TABLET.key, "/my/screens")
    family.daemon.client.call("use", device=NEW.mac, who="daughter", pin=PIN)
    album.take("shared-used", NEW.key, "/my")
    album.take("screens-used", TABLET.key, "/my/screens")
    album.take("lending", PARENT.key, "/parent/sharing/")
    family.daemon.client.call("hand_over", device=PARENT.mac, who="son", by="Mum")
    album.take("handed-over", PARENT.key, "/my")
    family.daemon.client.call("take_back", device=PARENT.mac, by="Mum")
    family.share_nothing()


def _a_day(family: Family) -> str:
    """A few things are refused; the path of the page on which plain HTTP landed."""
    family.home.join(NEW.key)
    tablet = family.home.devices[TABLET.key]
    for host in ("www.instagram.com", "nordvpn.com", "kk.wikipedia.org"):
        clients.curl(tablet, f"https://{host}/")
    clients.curl(family.home.devices[NEW.key], "https://www.pornhub.com/")
    outcome = family.http(TABLET.key, "www.tiktok.com")
    eventually(lambda: _status(family)["new_devices"] == 1)
    _, found, path = outcome.location.partition("/refused?")
    if not found:
        raise LabError(f"plain HTTP to a refused site did not lead to the pages: {outcome.how}")
    return f"/refused?{path}"


def _ask(family: Family, album: Album) -> None:
    """The child asks for time, her brother for a site."""
    album.take("ask", TABLET.key, "/my/ask")
    album.take("code", TABLET.key, "/my/code")
    album.take("pin-none", TABLET.key, "/my/pin")
    album.unlock()
    album.take("my-time", TABLET.key, "/my/time")
    album.take("my-time-delete", TABLET.key, "/my/time/delete")
    album.take("pin", TABLET.key, "/my/pin", opened=True)
    album.take("my-requests", TABLET.key, "/my/asked")
    album.take("quick-exit", TABLET.key, "/calendar")
    for level, band in (("small", "6-9"), ("teen", "13-15")):
        _as_if(family, band)
        album.take(f"child-{level}", TABLET.key, "/my")
    _as_if(family, "10-12")
    album.tap("/my/ask", ".fields .primary", TABLET.key)
    eventually(lambda: "Waiting for an answer" in album.text(".asked"))
    family.daemon.client.call(
        "request", device=SON.mac, site="www.instagram.com", reason="For the class chat"
    )
    album.take("child-asked", TABLET.key, "/my")


def _as_if(family: Family, band: str) -> None:
    """The daughter is of another age for a while."""
    file = family.daemon.profiles / "daughter.yaml"
    rules = yaml.safe_load(file.read_text())
    family.daemon.write_profile("daughter", {**rules, "band": band})
    family.daemon.client.call("reload")


def _answer(album: Album) -> None:
    album.take("home-requests", PARENT.key, "/parent/")
    album.take("requests", PARENT.key, "/parent/requests")
    album.tap("/parent/requests", ".gives .primary")
    eventually(lambda: "Undo" in album.text(".notice"))
    album.take("requests-answered", PARENT.key, "/parent/requests")
    album.take("child-answered", TABLET.key, "/my")
    album.tap("/parent/", ".extras button[value='15']")
    eventually(lambda: "more minutes" in album.text(".notice"))
    album.take("home-more-time", PARENT.key, "/parent/")
    album.take("child-time", PARENT.key, "/parent/time/daughter")
    album.take("activity", PARENT.key, "/parent/activity/")
    album.take("activity-day", PARENT.key, "/parent/activity/daughter", opened=True)
    album.take("activity-week", PARENT.key, "/parent/activity/daughter/week")
    album.take("activity-delete", PARENT.key, "/parent/activity/daughter/delete")


def _make_codes(album: Album) -> None:
    album.take("more", PARENT.key, "/parent/more")
    album.take("devices", PARENT.key, "/parent/devices/")
    album.take("lists", PARENT.key, "/parent/lists/?host=www.1xbet.com", opened=True)
    album.take("health", PARENT.key, "/parent/health/", opened=True)
    album.take("backup", PARENT.key, "/parent/backup/")
    album.take("update", PARENT.key, "/parent/health/update/")
    album.take("settings", PARENT.key, "/parent/settings/")
    album.take("settings-zone", PARENT.key, "/parent/settings/zone")
    album.take("messages", PARENT.key, "/parent/alerts/")
    album.take("carry", PARENT.key, f"/parent/child/{CHILD}/carry/")
    album.take("import", PARENT.key, "/parent/import/")
    album.take("device", PARENT.key, f"/parent/device/{TABLET.mac}", opened=True)
    album.take("family-card", PARENT.key, "/parent/card")
    album.take("codes", PARENT.key, "/parent/codes/")
    album.tap("/parent/codes/", ".fields button")
    eventually(lambda: "min" in album.text(".strips"))
    album.take("sheet", PARENT.key, album.path)
    album.take("codes-unused", PARENT.key, "/parent/codes/")


def _rules(album: Album) -> None:
    """A child's rules, each page of them."""
    pages = {
        "": "", "-services": "services/", "-group": "services/?group=video", "-service": "services/youtube",
        "-kinds": "kinds/", "-sites": "sites/", "-bedtime": "week/bedtime", "-hours": "week/service:youtube",
        "-laws": "laws/",
        "-limits": "limits/", "-limit": "limits/play", "-basics": "basics/", "-band": "band/?to=13-15",
        "-preview": "preview/?host=www.youtube.com",
    }  # fmt: skip
    for name, path in pages.items():
        album.take(f"rules{name}", PARENT.key, f"/parent/child/{CHILD}/{path}")


def _teach(family: Family, album: Album) -> None:
    """A lesson on the tablet, with what it needs and what another service is."""
    call = family.daemon.client.call
    before = call("edit", id=CHILD, set={"mode": "allow-list"}, by="Mum")
    album.take("teach", PARENT.key, f"/parent/child/{CHILD}/teach/")
    call("teach", id=CHILD, host="kundelik.example", device=TABLET.mac, by="Mum")
    tablet = family.home.devices[TABLET.key]
    for host in ("kundelik.example", "www.kundelik.example", "a.kundelik-static.example", "www.tiktok.com"):
        clients.curl(tablet, f"https://{host}/")
    album.take("teach-lesson", PARENT.key, f"/parent/child/{CHILD}/teach/", opened=True)
    album.take("home-lesson", PARENT.key, "/parent/")
    album.take("child-lesson", TABLET.key, "/my")
    call("teach_end", id=CHILD, keep=[], by="Mum")
    call("unedit", id=CHILD, revision=before["undo"], by="Mum")


def _step(family: Family, album: Album) -> None:
    """Its month is the month of now: proposed, then put off, as both read it."""
    call = family.daemon.client.call
    month = str(call("status")["now"])[:7]
    before = call("edit", id=CHILD, set={"next_step": month}, by="Mum")
    call("clock")  # whoever asks for it is heard at once, not within a minute
    album.take("home-step", PARENT.key, "/parent/")
    album.take("step", PARENT.key, f"/parent/child/{CHILD}/step/")
    later = call("step", id=CHILD)["step"]["later"][2]
    call("postpone_step", id=CHILD, until=later, reason="First the exams, then we look again.", by="Mum")
    album.take("step-put-off", PARENT.key, f"/parent/child/{CHILD}/step/")
    album.take("child-step", TABLET.key, "/my/step")
    call("unedit", id=CHILD, revision=before["undo"], by="Mum")
    call("clock")


def _accounts(family: Family, album: Album) -> None:
    """A helper and the provider's support are there already, as the console adds them."""
    for name, role in (("Oma", "helper"), ("Telecom", "support")):
        family.daemon.client.call("guardian", action="add", name=name, role=role)
    album.take("account", PARENT.key, "/account/", opened=True)
    album.take("password", PARENT.key, "/account/password")
    album.take("people", PARENT.key, "/parent/people/")
    album.take("people-opened", PARENT.key, "/parent/people/", opened=True)
    album.take("log", PARENT.key, "/parent/log/")
    album.take("support", PARENT.key, "/support/")
    album.sign_in("Oma")
    album.take("helper", PARENT.key, "/helper/")
    album.sign_in()


def _to_bedtime(family: Family, moved: timedelta, after: timedelta) -> timedelta:
    """Move the family's clock, which is ``moved`` already, to so long after the next bedtime."""
    eventually(lambda: family.child()["state"] == "open")
    now = datetime.fromisoformat(_status(family)["now"])
    end = datetime.fromisoformat(family.child()["next_change"]["at"]) + after
    moved += end - now
    family.daemon.client.call("clock", offset=int(moved.total_seconds()))
    return moved


def _status(family: Family) -> dict[str, Any]:
    return family.daemon.client.call("status")


def main() -> int:
    try:
        with (
            tempfile.TemporaryDirectory() as folder,
            at_home() as family,
            chromium(Path(folder, "chromium")) as browser,
        ):
            album = Album(browser, family)
            take_all(family, album)
    except (LabError, GatewayError) as error:
        print(f"make screenshots: {error}", file=sys.stderr)
        return 1
    print(f"{album.count} pictures are in {SCREENSHOTS}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
