"""The pictures of the documents: twelve pages of a sample family on a good day, as on a phone, in English.

Family, day and clock are those of the stand-in household: the pictures change with the pages alone.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from PIL import Image

from tests.browser import states
from tests.browser.chromium import PHONE, Chromium, chromium, eventually
from tests.browser.conftest import Site, at_site, begin_anew
from tests.browser.states import Prepare, nothing
from tests.webui.standin.asking import a_question
from tests.webui.standin.household import NOW

FOLDER = Path(__file__).parents[2] / "docs" / "img"
COLOURS = 128  # of a picture: its text stays sharp, and it has a third of the bytes


@dataclass(frozen=True, slots=True)
class Picture:
    """``start``: what is at the top of the picture; the top of the page if it is empty."""

    path: str
    prepare: Prepare = nothing
    start: str = ""


def used(site: Site) -> None:
    """The daughter watches a video. Her minutes have their categories, so the strip has its colours."""
    site.household.in_use[:] = [{"target": "service:youtube", "name": "YouTube"}]
    for minute in site.household.counted:
        minute["category"] = {"YouTube": "video_sharing", "Roblox": "games"}[minute["service"]]


def new_device(site: Site) -> None:
    site.household.questions[:] = [a_question("new")]


def guest(site: Site) -> None:
    states.tablet(site).update(mac="02:00:00:00:00:55", profile="guest", name="Galaxy-S23")


def passed(site: Site) -> None:
    """All that the tablet tried ended as it should."""
    testing = site.household.testing
    test = testing.start_device()
    for line in test.hosts:
        line.reached = line.passed = testing.saw.get(line.host) == "passed"
        line.blocked = not line.passed
    test.opened, test.reported, test.running, test.ended = 0.0, 4.0, False, NOW
    site.household.next_bedtime = NOW.replace(hour=20, minute=45)


def tested(site: Site) -> None:
    states.tried(site)
    passed(site)


OF_CHILD: Mapping[str, Picture] = {
    "my-rules": Picture("/my"),
    "blocked": Picture("/refused?host=www.tiktok.com&reason=family_block"),
    "guest": Picture("/", guest),
}
OF_PARENT: Mapping[str, Picture] = {
    "home": Picture("/parent/", used),
    "activity": Picture("/parent/activity/daughter", used),
    "requests": Picture("/parent/requests", states.asked),
    "rules": Picture("/parent/child/daughter/"),
    "apps": Picture("/parent/child/daughter/services/?group=video"),
    "bedtime": Picture("/parent/child/daughter/week/bedtime", start=".painting"),
    "new-device": Picture("/parent/devices/", new_device),
    "filter-test": Picture("/parent/child/daughter/tests/", tested),
    "set-up": Picture("/parent/setup/summary", passed),
}


def take_for_documents() -> int:
    """Write the pictures to docs/img; return their number."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        at = Path(folder)
        with at_site(at) as site, chromium(at / "chromium", more=["--lang=en-GB"]) as browser:
            for name, picture in OF_CHILD.items():
                begin_anew(site.household)
                _take(site, browser, name, picture)
            for name, picture in OF_PARENT.items():
                begin_anew(site.household)
                browser.driver.get(site.link())
                eventually(lambda: "Aruzhan" in browser.text())
                _take(site, browser, name, picture)
    return len(OF_CHILD) + len(OF_PARENT)


def _take(site: Site, browser: Chromium, name: str, picture: Picture) -> None:
    site.happens(lambda: picture.prepare(site))
    browser.resize(PHONE)
    browser.driver.get(site.url + picture.path)
    if picture.start:
        browser.driver.execute_script("document.querySelector(arguments[0]).scrollIntoView()", picture.start)
    drawn = Image.open(BytesIO(browser.driver.get_screenshot_as_png())).convert("RGB")
    drawn.quantize(COLOURS, dither=Image.Dither.NONE).save(FOLDER / f"{name}.png", optimize=True)
