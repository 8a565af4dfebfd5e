"""Takes pictures of the pages.

`make screenshots` writes the pictures of the documents to docs/img/. `make screenshots ARGS=all` writes all
pages, with the real daemon of the virtual home, to screenshots/.
"""

from __future__ import annotations

import sys
import tempfile
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from gateway.core.errors import GatewayError
from tests.browser.album import Album
from tests.browser.chromium import SCREENSHOTS, chromium, eventually
from tests.browser.family import Family, at_home
from tests.browser.pictured_children import (
    take_asking,
    take_knowledge,
    take_languages,
    take_sharing,
    take_ways,
)
from tests.browser.pictured_parents import (
    take_accounts,
    take_answers,
    take_codes,
    take_repair,
    take_rules,
    take_setup,
    take_step,
)
from tests.browser.pictures import FOLDER, take_for_documents
from tests.lab import clients
from tests.lab.names import NEW, PARENT, TABLET
from tests.lab.netns import LabError


def take_all(family: Family, album: Album) -> None:
    album.take("signin", PARENT.key, "/signin")
    album.take("forgot", PARENT.key, "/forgot")
    album.sign_in()
    refused = a_day(family)
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
    take_asking(family, album)
    take_answers(album)
    take_codes(album)
    take_rules(album)
    take_repair(family, album)
    take_step(family, album)
    take_accounts(family, album)
    take_setup(album)
    album.tap("/parent/", ".child-card .pauses button[value='30']")
    eventually(lambda: family.child()["state"] == "paused")
    album.take("home-paused", PARENT.key, "/parent/")
    album.take("child-paused", TABLET.key, "/my")
    album.tap("/parent/", ".notice button")
    moved = to_bedtime(family, timedelta(), timedelta(minutes=-4))
    album.take("child-end", TABLET.key, "/my")
    album.tap("/my", ".actions form button", TABLET.key)
    eventually(lambda: "more minutes" in album.text(".notice"))
    album.take("home-landing", PARENT.key, "/parent/")
    to_bedtime(family, moved, timedelta(minutes=1))
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


def a_day(family: Family) -> str:
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


def to_bedtime(family: Family, moved: timedelta, after: timedelta) -> timedelta:
    """Move the family's clock, which is ``moved`` already, to so long after the next bedtime."""
    eventually(lambda: family.child()["state"] == "open")
    now = datetime.fromisoformat(_status(family)["now"])
    end = datetime.fromisoformat(family.child()["next_change"]["at"]) + after
    moved += end - now
    family.daemon.client.call("clock", offset=int(moved.total_seconds()))
    return moved


def _status(family: Family) -> dict[str, Any]:
    return family.daemon.client.call("status")


def main(arguments: list[str]) -> int:
    if arguments not in ([], ["all"]):
        print("make screenshots: use ARGS=all, or no ARGS", file=sys.stderr)
        return 2
    if not arguments:
        print(f"{take_for_documents()} pictures are in {FOLDER}")
        return 0
    try:
        with (
            tempfile.TemporaryDirectory() as folder,
            at_home() as family,
            chromium(Path(folder, "chromium")) as browser,
        ):
            album = Album(browser, family)
            take_all(family, album)
            taken = f"{album.count} pictures are in {SCREENSHOTS}"
    except (LabError, GatewayError) as error:
        print(f"make screenshots: {error}", file=sys.stderr)
        return 1
    print(taken)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
