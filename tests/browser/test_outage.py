"""The line of each page while the provider's line is cut and while the filter is dead, on the real parts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from gateway import __version__
from tests.browser.chromium import Chromium, eventually
from tests.browser.family import CHILD, Family
from tests.lab import clients
from tests.lab.filtering import until
from tests.lab.names import PARENT, PHONE, PROVIDER_IPV4, PROVIDER_IPV6, TABLET, WAN, WAN_IPV6
from tests.lab.netns import stop

pytestmark = [pytest.mark.browser, pytest.mark.lab]

OPEN_SITE = "https://kk.wikipedia.org/"
STOPPED = (
    "The filter is stopped. "
    "Until it runs, devices of children under 13 are blocked, unless their rules differ."
)
STAYS = "return window.stays === 1"  # false once the page was loaded anew
LOOKS = 75.0  # seconds: a page looks every fifteen, the daemon every five, and believes 20 s of silence


@contextmanager
def pulled_out(family: Family) -> Iterator[None]:
    """The cable between gateway and modem; the routes go with it."""
    run = family.home.gateway.run
    run(["ip", "link", "set", WAN, "down"], check=True)
    try:
        yield
    finally:
        for line in (
            f"link set {WAN} up",
            f"-6 addr replace {WAN_IPV6}/64 dev {WAN} nodad",
            f"route replace default via {PROVIDER_IPV4}",
            f"-6 route replace default via {PROVIDER_IPV6}",
        ):
            run(["ip", *line.split()], check=True)


@contextmanager
def cut_beyond(family: Family) -> Iterator[None]:
    """Somewhere at the provider: the cable is fine, nothing comes back, and the children go on trying."""
    inet = family.home.internet
    chain = "add chain netdev cut in { type filter hook ingress device eth0 priority 0; policy drop; }"
    inet.run(["nft", "add table netdev cut"], check=True)
    inet.run(["nft", chain], check=True)
    loop = f"while :; do curl -sk --max-time 2 {OPEN_SITE} >/dev/null; sleep 0.2; done"
    tries = [family.home.devices[key].popen(["sh", "-c", loop]) for key in (TABLET.key, PHONE.key)]
    try:
        yield
    finally:
        for one in tries:
            stop(one)
        inet.run(["nft", "delete table netdev cut"], check=True)


def shown(browser: Chromium, selector: str) -> str:
    """The text of what can be seen of it."""
    script = (
        "return [...document.querySelectorAll(arguments[0])].filter(one => one.getClientRects().length)"
        ".map(one => one.innerText).join(' ')"
    )
    return str(browser.driver.execute_script(script, selector))


def stale(browser: Chromium) -> str:
    return shown(browser, "#stale p")


def stay(*browsers: Chromium) -> None:
    for one in browsers:
        one.measure("window.stays = 1")


@pytest.mark.parametrize("cut", [pulled_out, pytest.param(cut_beyond, marks=pytest.mark.slow)])
def test_a_cut_line_is_the_provider_s_on_every_page_and_over_by_itself(
    family: Family, mum: Chromium, child: Chromium, cut: Callable[[Family], AbstractContextManager[None]]
) -> None:
    assert clients.curl(family.home.devices[TABLET.key], OPEN_SITE).reached
    mum.driver.get(family.url(PARENT.key, "/parent/"))
    child.driver.get(family.url(TABLET.key, "/my"))
    assert until(lambda: "Internet works" in mum.text(".line"), LOOKS) is not None
    assert f"{__version__}-WNK0" in mum.text(".line .support")
    assert until(lambda: "Internet works" in child.text(".line-now"), LOOKS) is not None
    stay(mum, child)
    with cut(family):
        assert until(lambda: "Your provider's line is down since" in mum.text(".line"), LOOKS) is not None
        assert "The filter runs." in mum.text(".line")
        assert f"{__version__}-DNK0" in mum.text(".line .support")
        assert (
            until(lambda: "Your provider's line is down since" in child.text(".line-now"), LOOKS) is not None
        )
        assert f"{__version__}-DNK0" in child.text(".line-now .support")
        assert mum.measure(STAYS)
        assert child.measure(STAYS)
        for seat, path in EVERY:
            browser = mum if seat == PARENT.key else child
            browser.driver.get(family.url(seat, path))
            assert "Your provider's line is down since" in browser.text("main"), path
        mum.driver.get(family.url(PARENT.key, "/parent/"))
        child.driver.get(family.url(TABLET.key, "/my"))
        stay(mum, child)
    tablet = family.home.devices[TABLET.key]
    assert until(lambda: clients.curl(tablet, OPEN_SITE).reached, 10.0) is not None
    assert until(lambda: "Internet works" in mum.text(".line"), LOOKS) is not None
    assert until(lambda: "Internet works" in child.text(".line-now"), LOOKS) is not None
    assert mum.measure(STAYS)


EVERY = (
    *(
        (PARENT.key, f"/parent/{one}")
        for one in ("requests", "activity/", "more", f"child/{CHILD}/", "devices/")
    ),
    *(
        (PARENT.key, f"/parent/{one}")
        for one in ("lists/", "health/", "settings/", "people/", "log/", "codes/")
    ),
    *((TABLET.key, path) for path in ("/why", "/my/ask", "/my/code", "/my/asked", "/my/pin", "/proof")),
    (TABLET.key, "/refused?host=www.tiktok.com"),
    (TABLET.key, "/signin"),
)


def test_a_dead_filter_is_said_to_parent_and_child_and_both_pages_are_back_by_themselves(
    family: Family, mum: Chromium, child: Chromium
) -> None:
    tablet, phone = family.home.devices[TABLET.key], family.home.devices[PHONE.key]
    mum.driver.get(family.url(PARENT.key, "/parent/"))
    child.driver.get(family.url(TABLET.key, "/my"))
    stay(mum, child)
    family.daemon.kill()
    try:
        # What is open already says within one look that it is old.
        for browser in (mum, child):
            assert until(lambda it=browser: STOPPED in stale(it), LOOKS) is not None  # type: ignore[misc]
            assert f"{__version__}-USU0" in stale(browser)
            assert shown(browser, ".line-now") == "", "what it said is old"
        # And so it is: up to twelve years nothing but help opens, from thirteen on the device is open.
        assert not clients.curl(tablet, OPEN_SITE, timeout=2.0).reached
        assert clients.curl(phone, OPEN_SITE).reached
        for browser, seat, path in (
            (mum, PARENT.key, "/parent/"),
            (mum, PARENT.key, "/parent/requests"),
            (child, TABLET.key, "/my"),
            (child, TABLET.key, "/why"),
            (child, TABLET.key, "/refused?host=kk.wikipedia.org"),
        ):
            browser.driver.get(family.url(seat, path))
            assert STOPPED in browser.text(".status"), path
            assert f"{__version__}-USU0" in browser.text(".support"), path
            assert "111" in browser.text(".help"), path
        mum.driver.get(family.url(PARENT.key, "/parent/"))
        child.driver.get(family.url(TABLET.key, "/my"))
    finally:
        family.daemon.start()
    eventually(lambda: "Open until bedtime" in mum.text(".child-card"))
    eventually(lambda: "Daughter" in child.text("h1"))
    assert clients.curl(tablet, OPEN_SITE).reached


@pytest.mark.slow
def test_pages_that_were_open_over_a_restart_go_on(family: Family, mum: Chromium, child: Chromium) -> None:
    mum.driver.get(family.url(PARENT.key, "/parent/"))
    child.driver.get(family.url(TABLET.key, "/my"))
    stay(mum, child)
    family.daemon.kill()
    for browser in (mum, child):
        assert until(lambda it=browser: STOPPED in stale(it), LOOKS) is not None  # type: ignore[misc]
    family.daemon.start()
    for browser in (mum, child):
        assert until(lambda it=browser: not stale(it), LOOKS) is not None  # type: ignore[misc]
    family.daemon.client.call("pause", who=CHILD, minutes=30, by="Mum")
    try:
        eventually(lambda: "paused" in mum.text(".child-card").lower())
        assert until(lambda: "The internet is paused until" in child.text(), LOOKS) is not None
    finally:
        family.daemon.client.call("resume", who=CHILD)
    assert mum.measure(STAYS)
    assert child.measure(STAYS)
