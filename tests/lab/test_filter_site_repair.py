"""A repair: a page of many hosts loads whole on one child's tablet and is kept, and nothing else opens."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from gateway.age.bands import AgeBand
from tests.lab import chromium, clients
from tests.lab.daemon import Daemon
from tests.lab.filtering import CUT_MS, address, assert_started, film, fresh, until
from tests.lab.home import Home
from tests.lab.names import PHONE, TABLET
from tests.lab.ordinary import profile
from tests.lab.walking import Stop, walk

pytestmark = [pytest.mark.lab, pytest.mark.browser]

SITE = "tez-sabaq.kz"
OWN = tuple(f"{one}.{SITE}" for one in ("www", "api", "login"))
PARTS = tuple(f"{one}.tez-parts.kz" for one in ("a", "b", "c"))
SHARED = ("d1x.cloudfront.net", "d2y.cloudfront.net", "d3z.cloudfront.net")
NEVER = ("www.tiktok.com", "securepubads.g.doubleclick.net")  # another service; advertising
PAGE = Stop(SITE, (*OWN, *PARTS, *SHARED))
BY = {"by": "Mum"}
CHILDREN = {
    "toddler": profile(AgeBand.AGE_0_5, TABLET.key),
    "brother": profile(AgeBand.AGE_0_5, PHONE.key),
}


@pytest.fixture(scope="module")
def daemon(home: Home) -> Iterator[Daemon]:
    with fresh(home, CHILDREN) as started:
        yield started


def start_repair(daemon: Daemon, who: str = "toddler") -> None:
    daemon.client.call("teach", id=who, host=SITE, **BY)


def reaches(home: Home, device: str, host: str) -> bool:
    """As an app does: it asks for the name, and calls what it was told."""
    return clients.curl(home.devices[device], f"https://{host}/").reached


def test_a_page_of_many_hosts_is_taught_and_kept(home: Home, daemon: Daemon) -> None:
    tablet, call = TABLET.key, daemon.client.call
    before = chromium.visit(home, tablet, f"https://{SITE}/")
    assert before.how == "ERR_CONNECTION_REFUSED", before
    start_repair(daemon)
    missing = walk(home, tablet, [Stop(SITE, (*PAGE.parts, *NEVER))])[SITE]
    assert missing is not None
    assert set(missing) == set(NEVER), "while it runs: all of it loads, and nothing else"
    assert not reaches(home, PHONE.key, SITE), "never another child's device"
    told = {one["name"]: one for one in call("lesson", id="toddler")["names"]}
    proposed = sorted(name for name, one in told.items() if one["proposed"])
    assert set(proposed) >= {SITE, *PAGE.parts}
    assert {name for name in NEVER if told[name]["refused"]} == set(NEVER)
    done = call("teach_end", id="toddler", keep=proposed, **BY)
    print(f"{len(proposed)} names became the entries {done['entries']}")
    assert set(done["entries"]) >= {SITE, "tez-parts.kz", *SHARED}
    assert "cloudfront.net" not in done["entries"]
    assert len(done["entries"]) < len(proposed)
    assert walk(home, tablet, [PAGE]) == {SITE: []}, "after: it loads whole"
    for other in ("another-sabaq.kz", "d9.cloudfront.net", *NEVER):
        assert not reaches(home, tablet, other)
    call("unedit", id="toddler", revision=done["undo"], **BY)
    assert not reaches(home, tablet, SITE)


@pytest.mark.parametrize("keep", [True, False], ids=["kept", "nothing kept"])
def test_when_it_ends_what_it_alone_opened_is_cut(home: Home, daemon: Daemon, keep: bool) -> None:
    tablet, call = home.devices[TABLET.key], daemon.client.call
    kept, other = SITE, PARTS[0]
    start_repair(daemon)
    for host in (kept, other):
        assert reaches(home, TABLET.key, host)
    assert clients.udp(tablet, address(other, 4)).reached, "an address that a name of the repair gave"
    with film(tablet, kept, 4) as wanted, film(tablet, other, 4) as unwanted:
        assert_started(wanted, unwanted)
        began = time.monotonic()
        done = call("teach_end", id="toddler", keep=[kept] if keep else [], **BY)
        took = unwanted.death(began)
        print(f"end → the stream dead after {took} ms")
        assert took is not None
        assert took <= CUT_MS
        if keep:
            assert wanted.flows()
            call("unedit", id="toddler", revision=done["undo"], **BY)
        assert wanted.death(time.monotonic()) is not None or not wanted.runs
    assert not clients.udp(tablet, address(other, 4), timeout=clients.SILENCE_S).reached
    assert not reaches(home, TABLET.key, other)


def test_a_killed_daemon_leaves_no_repair(home: Home, daemon: Daemon) -> None:
    start_repair(daemon)
    assert reaches(home, TABLET.key, SITE)
    daemon.kill()
    daemon.start()
    assert daemon.client.call("lesson", id="toddler")["state"] == "none"
    assert not reaches(home, TABLET.key, SITE)


def test_names_that_were_refused_a_moment_ago_open_within_seconds(home: Home, daemon: Daemon) -> None:
    """A refusal's answer lives for ten seconds: a page that is loaded again asks anew."""
    assert not reaches(home, TABLET.key, SITE)
    start_repair(daemon)
    assert until(lambda: reaches(home, TABLET.key, SITE), 3.0) is not None
    daemon.client.call("teach_end", id="toddler", keep=[], **BY)
