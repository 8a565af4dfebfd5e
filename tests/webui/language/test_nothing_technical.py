"""No page names a file, a command or a document of the gateway, in any language; Health and Update may."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from flask import Flask

from tests.browser.every import CHILDS, PARENTS
from tests.control.running import Running
from tests.webui.conftest import Browser, browser_on
from tests.webui.language.test_pseudo import TABLET_IP, in_, site
from tests.webui.standin.household import Household
from webui.language.i18n import OWN_NAMES

TECHNICAL = re.compile(
    r"""(?x)
    \b(?!ntfy\.sh)[\w-]+\.(?:ya?ml|md|json|conf|log|db|sh|py|service|deb|ipk|apk)\b   # a file
    | (?<![\w.:/])/(?:etc|var|run|mnt|media|srv|usr|tmp|docs|proc)/\w+    # a path
    | \bqalqan\s+[a-z]+\b                                                 # a command
    | \b(?:nft|sysctl|systemctl|opkg|apt(?:-get)?|sudo|uci|journalctl|logread)\b(?=\s+\w)
    | (?<!\w)--[a-z]{2,}                                                  # an option
    | \b[a-z]+_[a-z]+(?:_[a-z]+)*\b                                       # a name in a file or in the code
    | `
    """
)
# Health, Update, and the same for support, are for whoever set up the gateway.
MAY = {name for name in PARENTS if name.startswith(("health", "update"))}
SHOWN = ("aria-label", "title", "alt", "placeholder")


class Visible(HTMLParser):
    """Collects the texts that a reader sees or hears."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._within: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "style"):
            self._within.append(tag)
        self.texts += [value for name, value in attrs if name in SHOWN and value]

    def handle_endtag(self, tag: str) -> None:
        if self._within and tag == self._within[-1]:
            self._within.pop()

    def handle_data(self, data: str) -> None:
        if not self._within and data.strip():
            self.texts.append(" ".join(data.split()))


def technical(page: str) -> list[str]:
    reader = Visible()
    reader.feed(page)
    return [f"{found[0]!r} in {text!r}" for text in reader.texts for found in TECHNICAL.finditer(text)]


@pytest.mark.parametrize("name", CHILDS)
def test_a_child_s_page(app: Flask, daemon: Running, household: Household, name: str) -> None:
    path, prepare = CHILDS[name]
    prepare(site(household))  # type: ignore[arg-type]
    tablet = browser_on(app, TABLET_IP)
    for language in OWN_NAMES:
        assert technical(in_(tablet, language).get(path).text) == [], language


@pytest.mark.parametrize("name", [name for name in PARENTS if name not in MAY])
def test_a_parent_s_page(mum: Browser, daemon: Running, household: Household, name: str) -> None:
    path, prepare = PARENTS[name]
    prepare(site(household))  # type: ignore[arg-type]
    for language in OWN_NAMES:
        assert technical(in_(mum, language).get(path).text) == [], language


@pytest.mark.parametrize(
    ("html", "found"),
    [
        ("<p>daughter.yaml:3: band</p>", 1),
        ("<p title='see docs/trusted-name.md'>Open</p>", 1),
        ("<p>Call <b>qalqan check</b>.</p>", 1),
        ("<p>Stored at /etc/qalqan/profiles</p>", 1),
        ("<p>(age_trust)</p>", 1),
        ("<p>Qalqan blocks www.example.org. Open m.tiktok.com/about?</p><script>/etc/x</script>", 0),
    ],
)
def test_the_measure_knows_what_is_technical(html: str, found: int) -> None:
    assert len(technical(html)) == found
