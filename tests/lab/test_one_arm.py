"""One arm, as `qalqan setup` makes it: what goes out by the interface that it came in by is filtered."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.lab import clients, names
from tests.lab.daemon import Daemon
from tests.lab.filtering import (
    ALLOWED,
    BLOCKED,
    CUT,
    CUT_MS,
    FAMILIES,
    REFUSED,
    Sniffer,
    address,
    assert_started,
    fetch,
    film,
    fresh,
    is_explained,
)
from tests.lab.netns import Namespace
from tests.lab.onearm import ARM, ROUTER_IPV4, ROUTER_IPV6, ROUTER_LINK, OneArmedHome
from tests.pace import longest

pytestmark = [pytest.mark.lab, pytest.mark.needs("conntrack")]

ICMP, ICMPV6 = 1, 58
REDIRECT = {ICMP: "05", ICMPV6: "89"}  # the type, first byte of the message: 5, and 137


def qalqan(home: OneArmedHome, *words: str) -> list[str]:
    done = home.gateway.run([sys.executable, "-m", "gateway", *words], check=True)
    return done.stdout.splitlines()


@pytest.fixture(scope="module")
def arm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OneArmedHome]:
    """Set up, with no daemon yet. IPv6 is no matter of setup's: whoever forwards it is filtered as well."""
    root = tmp_path_factory.mktemp("root")
    with OneArmedHome() as home:
        home.gateway.run(["sysctl", "-qw", "net.ipv4.ip_forward=0", "net.ipv4.conf.all.send_redirects=1"])
        qalqan(home, "setup", "--one-armed", ARM, "--yes", "--root", str(root))
        home.nat = root / "etc/qalqan/nat.nft"
        home.gateway.run(["sysctl", "-qw", "net.ipv6.conf.all.forwarding=1"], check=True)
        yield home


@pytest.fixture(scope="module")
def daemon(arm: OneArmedHome) -> Iterator[Daemon]:
    with fresh(arm, lan=[ARM]) as running:
        yield running


@pytest.fixture
def tablet(arm: OneArmedHome, daemon: Daemon) -> Namespace:
    return arm.devices["tablet"]


@FAMILIES
def test_a_refused_name_is_refused_and_an_allowed_one_reached(
    arm: OneArmedHome, tablet: Namespace, version: int
) -> None:
    arm.begin_anew()
    for name in (REFUSED, BLOCKED):
        refused = fetch(tablet, f"https://{name}/", version)
        assert not refused.reached
        assert refused.how in CUT
        assert not arm.seen("https", name)
        plain = fetch(tablet, f"http://{name}/", version)
        assert plain.location.startswith("http://qalqan.home.arpa/refused?")
    for scheme in ("http", "https"):
        assert fetch(tablet, f"{scheme}://{ALLOWED}/", version).reached
        assert fetch(arm.devices["parent"], f"{scheme}://{REFUSED}/", version).reached, "an adult's"
    assert is_explained(clients.dig(tablet, REFUSED))
    assert clients.dig(tablet, ALLOWED).status == "NOERROR"


@pytest.mark.slow
@FAMILIES
def test_http3_too(tablet: Namespace, version: int) -> None:
    to = address(REFUSED, version)
    assert not clients.h3(tablet, REFUSED, address=to, timeout=clients.SILENCE_S).reached
    assert clients.h3(tablet, ALLOWED, address=address(ALLOWED, version)).reached


@FAMILIES
def test_a_pause_ends_what_runs_and_the_parents_goes_on(
    arm: OneArmedHome, tablet: Namespace, daemon: Daemon, version: int
) -> None:
    with film(tablet, ALLOWED, version) as hers, film(arm.devices["parent"], ALLOWED, version) as mums:
        assert_started(hers, mums)
        since = time.monotonic()
        daemon.client.call("pause", who="daughter")
        try:
            died = hers.death(since)
            assert died is not None
            assert died < CUT_MS
            assert mums.flows()
        finally:
            daemon.client.call("resume", who="daughter")


def redirects(arm: OneArmedHome, version: int) -> list[str]:
    """Messages to two devices that the router is the nearer way, while they use the internet."""
    proto = ICMP if version == 4 else ICMPV6
    with ExitStack() as stack:
        heard = [stack.enter_context(Sniffer(arm.devices[key], proto=proto)) for key in ("tablet", "parent")]
        for key in ("tablet", "parent"):
            for name in (ALLOWED, REFUSED):
                fetch(arm.devices[key], f"https://{name}/", version)
    return [
        one["start"] for each in heard for one in each.packets if one["start"].startswith(REDIRECT[proto])
    ]


@FAMILIES
def test_no_device_is_told_another_way(arm: OneArmedHome, tablet: Namespace, version: int) -> None:
    """By redirects, of which either family has its own. Without what setup wrote they come; of connections
    that are translated the kernel sends those of IPv6 alone.
    """
    assert redirects(arm, version) == []
    switches = [f"net.ipv4.conf.{one}.send_redirects" for one in ("all", ARM)]
    arm.gateway.run(["sysctl", "-qw", *(f"{one}=1" for one in switches)], check=True)
    arm.gateway.run(["nft", "delete", "table", "inet", "qalqan_nat"], check=True)
    try:
        assert redirects(arm, version)
    finally:
        arm.gateway.run(["sysctl", "-qw", *(f"{one}=0" for one in switches)], check=True)
        arm.gateway.run(["nft", "-f", str(arm.nat)], check=True)
        for key in ("tablet", "parent"):
            for family in ("-4", "-6"):
                arm.devices[key].run(["ip", family, "route", "flush", "cache"])


@FAMILIES
def test_the_router_knows_the_gateway_alone(arm: OneArmedHome, tablet: Namespace, version: int) -> None:
    """Else its answers would go to the devices past the filter. Over IPv6 it translates nothing."""
    arm.begin_anew()
    arm.router.run(["conntrack", "-F"])
    assert fetch(tablet, f"https://{ALLOWED}/", version).reached
    if version == 6:
        assert {one["client"] for one in arm.seen("https", ALLOWED)} == {names.GATEWAY_IPV6}
        return
    seen = arm.router.run(["conntrack", "-L", "-f", "ipv4"]).stdout.splitlines()
    sources = {line.split("src=")[1].split()[0] for line in seen if address(ALLOWED, 4) in line}
    assert sources == {names.GATEWAY_IPV4}


@pytest.mark.slow
def test_who_names_the_router_walks_around(arm: OneArmedHome, daemon: Daemon) -> None:
    """As docs/providers/setup.md says it."""
    phone = arm.devices["phone"]
    assert not fetch(phone, f"https://{REFUSED}/", 4).reached
    phone.run(["ip", "route", "replace", "default", "via", ROUTER_IPV4], check=True)
    phone.run(["ip", "-6", "route", "replace", "default", "via", ROUTER_IPV6], check=True)
    try:
        for version in (4, 6):
            assert fetch(phone, f"https://{REFUSED}/", version).reached
    finally:
        phone.run(["ip", "route", "replace", "default", "via", names.GATEWAY_IPV4], check=True)
        phone.run(["ip", "-6", "route", "replace", "default", "via", names.GATEWAY_IPV6], check=True)


@pytest.mark.slow
def test_a_killed_daemon_leaves_a_child_that_fails_closed_closed(arm: OneArmedHome, daemon: Daemon) -> None:
    daemon.kill()
    try:
        for version in (4, 6):
            assert not fetch(arm.devices["tablet"], f"https://{ALLOWED}/", version, timeout=2.0).reached
            assert fetch(arm.devices["parent"], f"https://{ALLOWED}/", version).reached
    finally:
        daemon.start()
    assert fetch(arm.devices["tablet"], f"https://{ALLOWED}/", 4).reached


@pytest.mark.slow
def test_a_way_out_that_comes_later_is_found(arm: OneArmedHome, daemon: Daemon) -> None:
    """At boot the daemon may be first. There is no moment in which it lets all through."""
    daemon.stop()
    arm.gateway.run(["ip", "route", "del", "default"], check=True)
    arm.gateway.run(["ip", "-6", "route", "del", "default"], check=True)
    daemon.start()
    arm.gateway.run(["ip", "route", "add", "default", "via", ROUTER_IPV4], check=True)
    arm.gateway.run(["ip", "-6", "route", "add", "default", "via", ROUTER_LINK, "dev", ARM], check=True)
    for version in (4, 6):
        assert not fetch(arm.devices["tablet"], f"https://{REFUSED}/", version).reached
        assert fetch(arm.devices["tablet"], f"https://{ALLOWED}/", version).reached


@pytest.mark.slow
def test_no_way_around_is_open_that_the_rules_close(arm: OneArmedHome, daemon: Daemon) -> None:
    """Every check of `qalqan audit`, by a device of its own beside the arm."""
    argv = [sys.executable, "-m", "gateway", "audit", "daughter", "--config", str(daemon.config)]
    done = arm.gateway.run(argv, timeout=longest(120.0))
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"1[0-9]{2} closed,.* 0 faults", done.stdout, re.DOTALL), done.stdout[-200:]


@pytest.mark.slow
def test_check_knows_it(arm: OneArmedHome, daemon: Daemon) -> None:
    found = home_check(arm, daemon)
    assert any("one arm" in line for line in found)
    assert not [line for line in found if "masquerade" in line and not line.startswith("ok ")]
    assert not [line for line in found if "send_redirects" in line]
    (line,) = [line for line in found if line.startswith("error ")]
    assert line.startswith(f"error uplink: {ROUTER_LINK} is the IPv6 router on {ARM}: devices go there past")


def home_check(arm: OneArmedHome, daemon: Daemon) -> list[str]:
    argv = [sys.executable, "-m", "gateway", "check", "--config", str(daemon.config)]
    return arm.gateway.run(argv).stdout.splitlines()
