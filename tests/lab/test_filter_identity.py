"""Devices stay themselves when their addresses change: newcomers, what comes back, what copies an address."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
import yaml

from gateway.control.client import Unreachable
from tests.lab import clients, names
from tests.lab.daemon import Daemon
from tests.lab.filtering import (
    ALLOWED,
    BLOCKED,
    CUT,
    DAUGHTER,
    FAMILIES,
    PROFILES,
    REFUSED,
    fetch,
    film,
    fresh,
    is_explained,
    set_time,
    until,
)
from tests.lab.home import Home
from tests.lab.netns import Namespace
from tests.pace import longest

pytestmark = pytest.mark.lab

GAMBLING = "www.bet365.com"  # refused by category in every band
INVENTED = "da:a1:19:00:00:01"
IPAD = {
    "host_name": "Aruzhan-iPad",
    "options": "1 121 3 6 15 108 114 119 252",
    "hop_limit": 64,
}
GALAXY = {
    "host_name": "Mums-Galaxy",
    "options": "1 3 6 15 26 28 51 58 59 43",
    "hop_limit": 64,
}


@pytest.fixture
def own() -> Iterator[Home]:
    """A home whose fourth device has never been there."""
    with Home(absent=("new",)) as built:
        yield built


class Heard:
    """The daemon's events from now on."""

    def __init__(self, daemon: Daemon) -> None:
        self.events: list[dict[str, Any]] = []
        self._over = threading.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._read, args=(daemon,), daemon=True)
        self._thread.start()
        assert self._ready.wait(60.0)

    def _read(self, daemon: Daemon) -> None:
        with daemon.client.events(("device", "identity"), idle=0.1) as events:
            self._ready.set()
            with suppress(Unreachable):  # it was killed
                while not self._over.is_set():
                    event = next(events)
                    if event is not None:
                        self.events.append(event)

    def of(self, kind: str, **values: object) -> list[dict[str, Any]]:
        found = [one for one in self.events if one["event"] == kind]
        return [one for one in found if all(one.get(key) == value for key, value in values.items())]

    def close(self) -> None:
        self._over.set()
        self._thread.join(5.0)


@contextmanager
def listening(daemon: Daemon) -> Iterator[Heard]:
    heard = Heard(daemon)
    try:
        yield heard
    finally:
        heard.close()


def refused(device: Namespace, version: int, host: str) -> bool:
    return fetch(device, f"https://{host}/", version).how in CUT


def reached(device: Namespace, version: int, host: str) -> bool:
    return fetch(device, f"https://{host}/", version).reached


def readdress(home: Home, key: str, mac: str) -> None:
    """A device of that hardware address takes its place on the Wi-Fi, its other addresses as they were."""
    seat, device = home.seats[key], home.devices[key]
    for line in (
        f"link set eth0 down address {mac}",
        "link set eth0 up",
        f"addr replace {seat.ipv4}/24 dev eth0",
        f"addr replace {seat.ipv6}/64 dev eth0 nodad",
        f"route replace default via {names.GATEWAY_IPV4}",
        f"-6 route replace default via {names.GATEWAY_IPV6}",
    ):
        device.run(["ip", *line.split()], check=True)
    # As the access point does: the gateway hears at once who answers for these addresses now.
    home.gateway.run(["ip", "neigh", "flush", "dev", names.LAN])
    for address in (names.GATEWAY_IPV4, names.GATEWAY_IPV6):
        clients.dig(device, ALLOWED, server=address)


def leave(home: Home, daemon: Daemon, key: str) -> None:
    """A device's Wi-Fi is off, and that is noticed."""
    home.devices[key].run(["ip", "link", "set", "eth0", "down"], check=True)
    home.gateway.run(["ip", "neigh", "flush", "dev", names.LAN])
    show(daemon, home.seats[key].mac, what="gone")


def asked(daemon: Daemon) -> dict[str, dict[str, Any]]:
    daemon.client.call("devices")  # looks who is here
    return {one["mac"]: one for one in daemon.client.call("questions")["questions"]}


def question(daemon: Daemon, mac: str, ask: str) -> dict[str, Any]:
    """Which is there as soon as the daemon has seen the device."""
    assert until(lambda: asked(daemon).get(mac, {}).get("ask") == ask, 5.0, every=0.1) is not None
    return asked(daemon)[mac]


def show(daemon: Daemon, mac: str, **traits: object) -> None:
    """What would have been seen of a device."""
    daemon.client.call("sight", mac=mac, **traits)


# -------------------------------------------------------------------------------------------- newcomers


@pytest.mark.parametrize(
    ("unknown", "profile", "hosts"),
    [
        ("guest", "guest", {GAMBLING: False, BLOCKED: True, ALLOWED: True}),
        ("quarantine", "quarantine", {GAMBLING: False, BLOCKED: False, ALLOWED: False}),
        ("home", "home", {GAMBLING: True, BLOCKED: True, ALLOWED: True}),
        ("daughter", "daughter", {GAMBLING: False, BLOCKED: False, ALLOWED: True}),
    ],
)
def test_a_newcomer_has_what_the_family_says_from_its_first_packet(
    own: Home, unknown: str, profile: str, hosts: dict[str, bool]
) -> None:
    new = own.devices["new"]
    with fresh(own, unknown_devices=unknown) as daemon, listening(daemon) as heard:
        own.join("new")
        for version in (4, 6):
            for host, is_open in hosts.items():
                if is_open:
                    assert until(lambda: reached(new, version, host), 5.0) is not None  # noqa: B023
                else:
                    assert until(lambda: refused(new, version, host), 5.0) is not None  # noqa: B023
        assert not [host for host, is_open in hosts.items() if not is_open and own.seen("https", host)]
        question(daemon, names.NEW.mac, "new")
        assert daemon.client.call("device", mac=names.NEW.mac)["profile"] == profile
        assert until(lambda: bool(heard.of("device", mac=names.NEW.mac)), 2.0) is not None
        assert until(lambda: bool(heard.of("identity", mac=names.NEW.mac, what="asked")), 2.0) is not None


def test_who_is_here_at_the_first_run_belongs_to_the_house() -> None:
    """And is asked about by nobody, with all that it says from then on."""
    with Home() as home:
        new = home.devices["new"]
        clients.dig(new, ALLOWED, server=names.GATEWAY_IPV4)  # so that the kernel knows it
        with fresh(home) as daemon:
            show(daemon, names.NEW.mac, **GALAXY)
            assert until(lambda: reached(new, 4, GAMBLING), 5.0) is not None
            assert daemon.client.call("device", mac=names.NEW.mac)["profile"] == "home"
            assert asked(daemon) == {}


def test_a_child_s_tablet_comes_back_by_an_invented_address(own: Home) -> None:
    tablet = own.devices["tablet"]
    with fresh(own) as daemon, listening(daemon) as heard:
        assert refused(tablet, 4, REFUSED)
        show(daemon, names.TABLET.mac, **IPAD)
        leave(own, daemon, "tablet")
        readdress(own, "tablet", INVENTED)
        assert reached(tablet, 4, ALLOWED)
        question(daemon, INVENTED, "again")
        show(daemon, INVENTED, **IPAD)
        assert until(lambda: asked(daemon)[INVENTED]["known"] == names.TABLET.mac, 3.0) is not None
        one = question(daemon, INVENTED, "again")
        assert (one["owner"], one["rules"]) == ("daughter", "daughter")
        told = daemon.client.call("device", mac=INVENTED)
        assert (told["profile"], told["asked"]) == ("daughter", "again")
        for version in (4, 6):
            assert refused(tablet, version, REFUSED), "a guest may"
            assert reached(tablet, version, ALLOWED)
        assert (
            until(lambda: bool(heard.of("identity", what="asked", known=names.TABLET.mac)), 2.0) is not None
        )

        daemon.kill()
        daemon.start()
        for version in (4, 6):
            assert until(lambda: refused(tablet, version, REFUSED), 5.0) is not None  # noqa: B023

        daemon.client.call("pause", who="daughter", minutes=5)
        assert refused(tablet, 4, ALLOWED), "her pause is its own"
        daemon.client.call("resume", who="daughter")

        daemon.client.call("identify", mac=INVENTED, answer="again")
        written = yaml.safe_load((daemon.profiles / "daughter.yaml").read_text())
        assert written["devices"] == [INVENTED]
        assert INVENTED not in asked(daemon)
        for version in (4, 6):
            assert refused(tablet, version, BLOCKED)
            assert reached(tablet, version, ALLOWED)


def test_what_came_before_the_tablet_was_missed(own: Home) -> None:
    """By an invented address and the time alone; what runs already is judged by the child's rules too."""
    new = own.devices["new"]
    readdress(own, "new", INVENTED)
    with fresh(own, unknown_devices="home") as daemon:
        assert refused(own.devices["tablet"], 4, REFUSED), "it is there"
        own.join("new")
        assert until(lambda: reached(new, 4, REFUSED), 5.0) is not None
        question(daemon, INVENTED, "new")
        with film(new, REFUSED, 4) as running:
            assert running.started()
            leave(own, daemon, "tablet")
            took = running.death(time.monotonic())
            assert took is not None
        for version in (4, 6):
            assert refused(new, version, REFUSED)
            assert reached(new, version, ALLOWED)
        assert daemon.client.call("device", mac=INVENTED)["profile"] == "daughter"
        daemon.client.call("identify", mac=INVENTED, answer="not_same")
        assert until(lambda: reached(new, 4, REFUSED), 5.0) is not None


def change_address(home: Home, key: str, mac: str, ipv4: str, ipv6: str) -> Namespace:
    """A device takes another hardware address, and these IP addresses. No access point tells the gateway."""
    device = home.devices[key]
    for line in (
        "addr flush dev eth0 scope global",
        f"link set eth0 down address {mac}",
        "link set eth0 up",
        f"addr replace {ipv4}/24 dev eth0",
        f"addr replace {ipv6}/64 dev eth0 nodad",
        f"route replace default via {names.GATEWAY_IPV4}",
        f"-6 route replace default via {names.GATEWAY_IPV6}",
    ):
        device.run(["ip", *line.split()], check=True)
    return device


@pytest.mark.parametrize("unknown", ["guest", "home"])
@pytest.mark.parametrize(
    ("ipv4", "ipv6"),
    [(names.TABLET.ipv4, names.TABLET.ipv6), ("192.168.77.88", "2001:db8:77:0:6c1f:29d3:84be:701")],
    ids=["the same IP addresses", "other IP addresses"],
)
def test_a_device_that_changes_its_address_reaches_nothing_in_between(
    own: Home, unknown: str, ipv4: str, ipv6: str
) -> None:
    """From its first packet, for longer than it takes to find out who it is."""
    tablet = own.devices["tablet"]
    with fresh(own, unknown_devices=unknown) as daemon:
        for version in (4, 6):
            assert refused(tablet, version, BLOCKED)
            assert reached(tablet, version, ALLOWED)
        change_address(own, "tablet", INVENTED, ipv4, ipv6)
        fetches, ends = [], time.monotonic() + 12.0
        while time.monotonic() < ends:
            fetches += [fetch(tablet, f"https://{BLOCKED}/", version, timeout=1.0) for version in (4, 6)]
        assert [one for one in fetches if one.reached] == []
        assert len(fetches) > 20
        assert question(daemon, INVENTED, "again")["rules"] == "daughter"
        assert not own.seen("https", BLOCKED)
        for version in (4, 6):
            assert reached(tablet, version, ALLOWED)


def test_a_guest_who_comes_has_a_child_s_rules_for_seconds_alone(own: Home) -> None:
    """As long as it takes to hear all children's devices, and nothing is cut after that."""
    new = own.devices["new"]
    with fresh(own) as daemon:
        for key in ("tablet", "phone", "parent"):
            assert reached(own.devices[key], 4, ALLOWED)
        own.join("new")
        began = time.monotonic()
        assert until(lambda: reached(new, 4, BLOCKED), 10.0) is not None
        assert time.monotonic() - began < longest(5.0, below=10.0)
        for version in (4, 6):
            assert reached(new, version, BLOCKED)
        question(daemon, names.NEW.mac, "new")
        with film(new, BLOCKED, 4) as running:
            assert running.started()
            assert running.death(time.monotonic(), timeout=8.0) is None


# -------------------------------------------------------------------------------------------- copies


def test_a_copied_address_has_the_stricter_rules_until_a_parent_answers(own: Home) -> None:
    parent, thief = own.devices["parent"], own.devices["new"]
    with fresh(own) as daemon, listening(daemon) as heard:
        show(daemon, names.PARENT.mac, **GALAXY)
        for version in (4, 6):
            assert reached(parent, version, GAMBLING), "an adult's"
        parent.run(["ip", "link", "set", "eth0", "down"], check=True)
        own.join("new")
        readdress(own, "new", names.PARENT.mac)
        assert until(lambda: reached(thief, 4, GAMBLING), 5.0) is not None, "until it shows what it is"
        with film(thief, REFUSED, 4) as running:
            assert running.started()
            show(daemon, names.PARENT.mac, **IPAD)
            assert running.death(time.monotonic()) is not None
        one = question(daemon, names.PARENT.mac, "copy")
        assert (one["owner"], one["rules"]) == ("mum", "daughter")
        for version in (4, 6):
            assert refused(thief, version, GAMBLING)
            assert refused(thief, version, REFUSED)
            assert reached(thief, version, ALLOWED)
        assert is_explained(clients.dig(thief, GAMBLING))
        assert until(lambda: bool(heard.of("identity", ask="copy", what="asked")), 2.0) is not None
        daemon.client.call("identify", mac=names.PARENT.mac, answer="me")
        assert until(lambda: reached(thief, 4, GAMBLING), 5.0) is not None
        show(daemon, names.PARENT.mac, **GALAXY)
        assert names.PARENT.mac not in asked(daemon)


def test_a_repeater_is_named_and_is_no_copy(own: Home) -> None:
    with fresh(own) as daemon, listening(daemon) as heard:
        own.join("new")
        assert until(lambda: refused(own.devices["new"], 4, GAMBLING), 5.0) is not None
        question(daemon, names.NEW.mac, "new")
        show(daemon, names.NEW.mac, what="behind", macs=f"{INVENTED} da:a1:19:00:00:02")
        question(daemon, names.NEW.mac, "repeater")
        assert daemon.client.call("device", mac=names.NEW.mac)["profile"] == "guest"
        assert until(lambda: bool(heard.of("identity", ask="repeater")), 2.0) is not None
        daemon.client.call("identify", mac=names.NEW.mac, profile="daughter")
        for version in (4, 6):
            assert refused(own.devices["new"], version, BLOCKED)


# -------------------------------------------------------------------------------------------- addresses


@FAMILIES
def test_static_and_fresh_addresses_change_nothing(own: Home, version: int) -> None:
    """Of a child's device, and of one that may be hers."""
    tablet = own.devices["tablet"]
    with fresh(own) as daemon:
        show(daemon, names.TABLET.mac, **IPAD)
        for mac in (names.TABLET.mac, INVENTED):
            if mac == INVENTED:
                leave(own, daemon, "tablet")
                readdress(own, "tablet", INVENTED)
                question(daemon, INVENTED, "again")
                show(daemon, INVENTED, **IPAD)
            for text in (
                ("192.168.77.99/24", "192.168.77.100/24")
                if version == 4
                else (
                    "2001:db8:77::abcd/64",
                    "2001:db8:77:0:1234:5678:9abc:def0/64",
                )
            ):
                nodad = ["nodad"] if version == 6 else []
                tablet.run(["ip", "addr", "add", text, "dev", "eth0", *nodad], check=True)
                source = ["--interface", text.partition("/")[0]]
                assert fetch(tablet, f"https://{REFUSED}/", version, extra=source).how in CUT
                assert fetch(tablet, f"https://{ALLOWED}/", version, extra=source).reached
                tablet.run(["ip", "addr", "del", text, "dev", "eth0"], check=True)


def test_the_family_s_night_closes_what_may_be_a_child_s(own: Home) -> None:
    """Both the guests' night and the child's hold: the son's is later."""
    profiles = {
        **PROFILES,
        "daughter": {**DAUGHTER, "bedtime": "20:45-07:00"},
        "son": {**PROFILES["son"], "bedtime": "22:30-07:00"},
    }
    phone = own.devices["phone"]
    with fresh(own, profiles) as daemon:
        set_time(daemon, "2026-11-25T21:00:00")
        assert reached(phone, 4, ALLOWED)
        leave(own, daemon, "phone")
        readdress(own, "phone", INVENTED)
        question(daemon, INVENTED, "again")
        assert daemon.client.call("device", mac=INVENTED)["profile"] == "son"
        for version in (4, 6):
            assert refused(phone, version, ALLOWED)
        set_time(daemon, "2026-11-26T12:00:00")
        for version in (4, 6):
            assert until(lambda: reached(phone, version, ALLOWED), 5.0) is not None  # noqa: B023
            assert refused(phone, version, BLOCKED)
