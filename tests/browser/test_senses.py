"""Who has set the system to less motion, or to colours of their own, is heard."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.browser.audit import OPENED
from tests.browser.chromium import Chromium, eventually
from tests.browser.conftest import Site
from tests.browser.states import asked, near_the_end
from tests.webui.standin.ruling import by_hand

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("fresh")]

CHILD = "/parent/child/daughter/"
PAGES = (
    "/my",
    "/parent/",
    "/parent/requests",
    CHILD,
    f"{CHILD}kinds/",
    f"{CHILD}week/bedtime",
    "/parent/settings/",
)

MOVING = """
const styles = one => [null, "::before", "::after"].map(part => getComputedStyle(one, part));
const lasts = style => style.transitionDuration.split(", ").some(one => one !== "0s");
const moves = style => style.animationName !== "none" || lasts(style);
return [...document.querySelectorAll("*")].filter(one => styles(one).some(moves)).map(one => one.outerHTML);
"""
# What a state is told by, as painted: the parts of a switch, of a choice, of a tab.
PAINTED = """
const [selector, part] = arguments, style = getComputedStyle(document.querySelector(selector), part);
return ["backgroundColor", "borderTopColor", "borderTopWidth", "borderTopStyle", "textDecorationLine"]
  .map(one => style[one]).join(" ");
"""
GROUND = "return getComputedStyle(document.body).backgroundColor"


def emulate(browser: Chromium, **features: str) -> None:
    wanted = [{"name": name.replace("_", "-"), "value": value} for name, value in features.items()]
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": wanted})


@pytest.fixture
def own_colours(parent: Chromium) -> Iterator[Chromium]:
    emulate(parent, forced_colors="active", prefers_color_scheme="dark")
    yield parent
    parent.theme("light")


@pytest.mark.parametrize("path", PAGES)
def test_nothing_moves_for_whoever_asked_for_less_motion(parent: Chromium, site: Site, path: str) -> None:
    site.happens(lambda: near_the_end(site))
    parent.driver.get(site.url + path)
    parent.measure(OPENED)
    emulate(parent, prefers_reduced_motion="no-preference")
    some = parent.measure(MOVING)
    emulate(parent, prefers_reduced_motion="reduce")
    try:
        assert parent.measure(MOVING) == []
        assert some, "and something did before"
    finally:
        parent.theme("light")


def painted(browser: Chromium, selector: str, part: str | None = None) -> str:
    return str(browser.driver.execute_script(PAINTED, selector, part))


def test_a_switch_shows_its_state_in_colours_of_one_s_own(own_colours: Chromium, site: Site) -> None:
    by_hand(site.household)
    own_colours.driver.get(site.url + CHILD)
    ground = own_colours.measure(GROUND)
    knob = painted(own_colours, ".switch[aria-checked=true] span", "::before")
    assert not knob.startswith(ground), "the knob is seen"


@pytest.mark.parametrize(
    ("path", "on", "off"),
    [
        ("/my/ask", ".options input:checked + span", ".options input:not(:checked) + span"),
        ("/parent/", ".tabs [aria-current]", ".tabs a:not([aria-current])"),
        (f"{CHILD}kinds/", ".options input:checked + span", ".options input:not(:checked) + span"),
    ],
)
def test_what_is_chosen_is_told_by_more_than_a_colour_that_is_gone(
    own_colours: Chromium, site: Site, path: str, on: str, off: str
) -> None:
    own_colours.driver.get(site.url + path)
    assert painted(own_colours, on) != painted(own_colours, off)


@pytest.mark.parametrize("path", ["/my", "/parent/"])
def test_a_card_has_an_edge_in_colours_of_one_s_own(own_colours: Chromium, site: Site, path: str) -> None:
    site.happens(lambda: asked(site))
    own_colours.driver.get(site.url + path)
    eventually(lambda: own_colours.text(".card") != "")
    for name in (".card", ".badge"):
        edge = f"return getComputedStyle(document.querySelector('{name}')).borderTopStyle"
        assert own_colours.measure(edge) == "solid", name
