"""`make screenshots`: the pages of the virtual home's real daemon as pictures, in screenshots/."""

from __future__ import annotations

import sys
import tempfile
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from gateway.errors import GatewayError
from tests.browser.chromium import DESKTOP, PHONE, SCREENSHOTS, Chromium, chromium, eventually
from tests.browser.family import Family, at_home
from tests.lab import clients
from tests.lab.names import NEW, PARENT, TABLET
from tests.lab.netns import LabError

SIZES = {"phone": PHONE, "desktop": DESKTOP}
THEMES = ("light", "dark")


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

    def sign_in(self) -> None:
        self._browser.driver.get(self._family.link())

    def tap(self, path: str, selector: str) -> None:
        """On the parent's phone."""
        self._browser.driver.get(self._family.url(PARENT.key, path))
        self._browser.tap(selector)


def take_all(family: Family, album: Album) -> None:
    album.take("signin", PARENT.key, "/signin")
    album.sign_in()
    refused = _a_day(family)
    album.take("home", PARENT.key, "/parent/")
    album.take("home-opened", PARENT.key, "/parent/", opened=True)
    album.take("child", TABLET.key, "/my")
    album.take("why", TABLET.key, "/why")
    album.take("refused", TABLET.key, refused)
    album.take("guest", NEW.key, "/")
    album.take("guest-why", NEW.key, "/why")
    album.tap("/parent/", ".child-card .pauses button[value='30']")
    eventually(lambda: family.child()["state"] == "paused")
    album.take("home-paused", PARENT.key, "/parent/")
    album.take("child-paused", TABLET.key, "/my")
    album.tap("/parent/", ".notice button")
    _to_bedtime(family)
    album.take("home-bedtime", PARENT.key, "/parent/")
    album.take("child-bedtime", TABLET.key, "/my")
    family.daemon.kill()
    album.take("stopped", TABLET.key, "/my")
    for rules in family.daemon.profiles.glob("*.yaml"):
        rules.unlink()
    family.daemon.start()
    album.take("home-empty", PARENT.key, "/parent/")


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


def _to_bedtime(family: Family) -> None:
    eventually(lambda: family.child()["state"] == "open")
    now = datetime.fromisoformat(_status(family)["now"])
    offset = datetime.fromisoformat(family.child()["next_change"]["at"]) + timedelta(minutes=1) - now
    family.daemon.client.call("clock", offset=int(offset.total_seconds()))


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
