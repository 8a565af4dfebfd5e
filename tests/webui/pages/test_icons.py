"""Icons: drawn inline from one file, of one stroke, and skipped by screen readers."""

from __future__ import annotations

import re

from tests.webui.conftest import Browser
from webui import menu
from webui.accounts.session import Person

ICON = re.compile(r"<svg class=\"icon[^>]*>.*?</svg>", re.DOTALL)
EVERY = Person("Mum", "guardian", minutes=0, password=True, proposed=False)


def test_each_row_of_more_and_each_card_of_the_rules_has_an_icon_of_its_own(mum: Browser) -> None:
    for path, count in (("/parent/more", None), ("/parent/child/daughter/", 8)):
        page = mum.get(path).text
        rows = re.findall(r"(?:<li><a href=[^>]*>|<summary>)(<svg class=\"icon.*?</svg>)", page)
        assert len(rows) == (count or len([e for group in groups(mum) for e in group.entries]))
        assert len(set(rows)) == len(rows)
        assert 'd=""' not in page


def groups(mum: Browser) -> tuple[menu.MenuGroup, ...]:
    with mum.client.application.test_request_context():
        return menu.groups(EVERY)


def test_icons_are_decoration_of_one_size(mum: Browser, tablet: Browser) -> None:
    for browser, path in (
        (mum, "/parent/"), (mum, "/parent/devices/"), (mum, "/parent/settings/"), (tablet, "/my"),
    ):  # fmt: skip
        icons = ICON.findall(browser.get(path).text)
        assert icons
        for icon in icons:
            assert re.match(
                r'<svg class="icon( device-icon)?" viewBox="0 0 24 24" aria-hidden="true"><path d="M', icon
            )


def test_each_section_of_the_settings_has_an_icon(mum: Browser) -> None:
    heads = re.findall(r'<h2 id="[^"]+">(<svg)?', mum.get("/parent/settings/").text)
    assert len(heads) >= 6
    assert all(heads)
