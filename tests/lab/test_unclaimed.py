"""A gateway that was preinstalled and that nobody has claimed: a router that refuses what binds everyone, and
keeps nothing of anybody. The claim is where a family's home begins.
"""

from __future__ import annotations

import contextlib
import re
import socket
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway import __version__
from gateway.core.errors import ControlError
from tests.lab import clients, names
from tests.lab.daemon import Daemon
from tests.lab.filtering import CUT, DAUGHTER, ZONE, fetch, set_time, until
from tests.lab.home import Home
from tests.lab.names import SEATS
from tests.lab.test_filter_accounts import Phone
from tests.lab.test_filter_sealed import bring_in
from tests.sealing import Issuer, setting

pytestmark = pytest.mark.lab

MALWARE = "malware.qalqan.example"
SEALED = "before-the-claim.invalid"  # law binds the provider to it
ISSUER = Issuer()
# What some band, the family's night or a guest's rules would refuse; each is a marker of its own.
OPEN = ("www.bet365.com", "www.tiktok.com")
HELP = "befrienders.org"
HERE = ("tablet", "phone", "parent")
SECRET = "a sentence of a few words"
WORST = {"unknown_devices": "quarantine", "interfaces": {names.LAN: "guest"}, "timezone": ZONE.key}


def _markers() -> list[bytes]:
    """All that would tell of somebody, as text and as bytes."""
    found: list[bytes] = []
    for seat in SEATS:
        packed = bytes.fromhex(seat.mac.replace(":", ""))
        texts = (seat.mac, seat.mac.replace(":", ""), seat.ipv4, seat.ipv6, seat.label)
        found += [packed, socket.inet_aton(seat.ipv4), socket.inet_pton(socket.AF_INET6, seat.ipv6)]
        found += [text.encode() for text in texts]
    found += [b"mums-phone", b"sons-phone", b"new-phone"]  # "tablet" is a word of the schema too
    return [*found, *(host.encode() for host in (*OPEN, HELP, MALWARE, SEALED))]


def _told_of_somebody(*places: Path) -> dict[str, list[bytes]]:
    """File → what it has of anybody."""
    files = [one for place in places for one in (place.rglob("*") if place.is_dir() else (place,))]
    return {
        str(file): marks
        for file in files
        if file.is_file()
        and (marks := [one for one in _markers() if one.lower() in file.read_bytes().lower()])
    }


def _rows(database: Path) -> dict[str, int]:
    """Of tables that have any."""
    with contextlib.closing(sqlite3.connect(database)) as store:
        tables = [row[0] for row in store.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        counts = {one: int(store.execute(f'SELECT count(*) FROM "{one}"').fetchone()[0]) for one in tables}
    return {name: count for name, count in counts.items() if count}


@pytest.fixture
def home() -> Iterator[Home]:
    """Three devices are on the Wi-Fi; the fourth comes after the claim."""
    with Home(absent=("new",), quic=False) as built:
        yield built


def _browse(home: Home) -> None:
    for key in HERE:
        device = home.devices[key]
        for host in OPEN:
            assert fetch(device, f"https://{host}/", 4).reached, (key, host)
            for server in (names.GATEWAY_IPV4, names.RESOLVER_IPV4):
                answer = clients.dig(device, host, server=server)
                assert answer.records == (names.ipv4_of(host),), (key, host, server)
        assert fetch(device, f"http://{OPEN[0]}/", 6).reached
        assert fetch(device, f"https://{HELP}/", 4).reached
        for server in (names.GATEWAY_IPV4, names.RESOLVER_IPV4):
            for host in (MALWARE, SEALED):
                refused = clients.dig(device, host, server=server)
                assert (refused.status, refused.ede) == ("NXDOMAIN", 15), (key, host, server)


def test_an_hour_before_the_claim_leaves_no_personal_data(home: Home) -> None:
    """Whatever the settings say of strangers, and at night. They open pages too, and try the claim."""
    source = ISSUER.publish(home.folder / "isp", ISSUER.make((SEALED,), made=int(time.time()) - 60))
    with Daemon(home, {}, settings={**WORST, "sealed": [setting(source)]}, web=True) as daemon:
        bring_in(daemon)
        for now in ("23:00:00", "23:59:30"):
            set_time(daemon, f"2026-11-25T{now}")
            _browse(home)
        phone = Phone(home, "tablet")
        for path in ("/", "/status", "/claim"):
            page = phone.get(path).body
            assert "Nothing else is filtered or limited. Nothing about" in page, path
        for path in ("/my", "/refused?host=www.tiktok.com&reason=category", "/why"):
            phone.get(path)
        phone.post("/claim", label="ABCD-EFGH", name="Child", password=SECRET)
        assert daemon.client.call("devices")["devices"] == []
        assert daemon.client.call("status")["unclaimed"] is True
        assert daemon.stop() == 0
        assert _told_of_somebody(daemon.folder) == {}, "state, runtime, settings, logs of daemon and pages"
        kept = _rows(daemon.database)
    assert kept.keys() <= {"counts", "migrations", "_migrations", "sqlite_sequence"}, kept


def test_no_verb_records_a_device_before_the_claim(home: Home) -> None:
    """Root's neither: a place, a name or a mark would be kept for a gateway that is nobody's."""
    tablet = names.TABLET.mac
    asked = (
        {"do": "assign", "mac": tablet, "profile": "guest"},
        {"do": "assign", "mac": tablet, "profile": "home"},
        {"do": "name_device", "mac": tablet, "name": "Daughter's tablet"},
        {"do": "device_mark", "mac": tablet, "no_mobile_data": True},
        {"do": "pause", "who": tablet, "minutes": 5},
        {"do": "grant", "who": tablet, "minutes": 5},
        {"do": "adult", "device": tablet},
        {"do": "adult_proof", "action": "open", "device": tablet, "length": "1h", "by": "console"},
        {"do": "request", "device": tablet, "site": OPEN[1]},
        {"do": "landing", "device": tablet},
        {"do": "use", "device": tablet, "who": "daughter"},
        {"do": "identify", "mac": tablet, "answer": "guest"},
        {"do": "lease", "mac": tablet, "action": "add", "name": "mums-phone", "supplied": "mums-phone"},
        {"do": "scan"},
    )
    with Daemon(home, {}) as daemon:
        assert fetch(home.devices["tablet"], f"https://{OPEN[0]}/", 4).reached
        for one in asked:
            values = {key: value for key, value in one.items() if key != "do"}
            with contextlib.suppress(ControlError):
                daemon.client.call(str(one["do"]), **values)
        assert until(lambda: not daemon.client.call("scan", look=True)["running"], 25.0) is not None
        assert daemon.client.call("devices")["devices"] == []
        daemon.stop()
        assert _told_of_somebody(daemon.state) == {}


def _claim(home: Home, daemon: Daemon) -> None:
    label = str(daemon.client.call("guardian", action="list")["label"])
    claimed = Phone(home, "parent").post("/claim", label=label, name="Mum", password=SECRET)
    assert claimed.status == 303, claimed


def _text(home: Home, key: str, server: str) -> str:
    """As a customer types it at the provider's asking."""
    argv = ["nslookup", "-type=txt", "qalqan.home.arpa", server]
    found = re.search(r'text = "([^"]+)"', home.devices[key].run(argv).stdout)
    return "" if found is None else found[1]


def test_devices_present_at_the_claim_are_unfiltered_and_later_ones_are_guests(home: Home) -> None:
    gambling, version = OPEN[0], 4
    resolvers = (names.GATEWAY_IPV4, names.RESOLVER_IPV4)
    with Daemon(home, {}, settings={"timezone": ZONE.key}, web=True) as daemon:
        set_time(daemon, "2026-11-25T12:00:00")
        for key in HERE:
            assert fetch(home.devices[key], f"https://{gambling}/", version).reached
        for server in resolvers:
            assert _text(home, "tablet", server) == f"Qalqan {__version__} on, not set up"
        _claim(home, daemon)
        assert daemon.client.call("status")["unclaimed"] is False
        listed = {found["mac"]: found["profile"] for found in daemon.client.call("devices")["devices"]}
        assert listed == {seat.mac: "home" for seat in SEATS if seat.key in HERE}
        (told,) = daemon.client.call("status")["announced"]
        assert (told["told"], told["name"], told["device"]) == ("claim", "Mum", "mums-phone")
        assert fetch(home.devices["tablet"], f"https://{gambling}/", version).reached
        assert daemon.client.call("questions")["questions"] == [], "nobody is asked about things of the house"

        home.join("new")
        new = home.devices["new"]
        assert until(lambda: fetch(new, f"https://{gambling}/", version).how in CUT, 5.0) is not None
        assert daemon.client.call("device", mac=names.NEW.mac)["profile"] == "guest"

        for key in ("tablet", "new"):
            assert [_text(home, key, one) for one in resolvers] == [f"Qalqan {__version__} on"] * 2
        # Once there is a child, a device that was here and that nobody has assigned is filtered as a guest's.
        daemon.client.call("add_profile", name="Aruzhan", band="10-12", by="Mum")
        tablet = home.devices["tablet"]
        assert until(lambda: fetch(tablet, f"https://{gambling}/", version).how in CUT, 5.0) is not None
        assert daemon.client.call("device", mac=names.TABLET.mac)["profile"] == "guest"
        assert daemon.client.call("status")["undecided_devices"] == len(HERE)
        daemon.client.call("assign", mac=names.TABLET.mac, profile="home", by="Mum")
        assert until(lambda: fetch(tablet, f"https://{gambling}/", version).reached, 5.0) is not None
        daemon.client.call("off", minutes=60, by="Mum")
        assert _text(home, "new", resolvers[0]) == f"Qalqan {__version__} off until 13:00"
        daemon.stop()
        assert _text(home, "tablet", resolvers[0]) == "", "no daemon, no answer"
        daemon.start()
        listed = {found["mac"]: found["profile"] for found in daemon.client.call("devices")["devices"]}
        assert listed[names.TABLET.mac] == "home"
        assert listed[names.NEW.mac] == "guest"


def test_a_link_of_the_console_claims_it_as_well(home: Home) -> None:
    with Daemon(home, {}) as daemon:
        assert fetch(home.devices["tablet"], f"https://{OPEN[0]}/", 4).reached
        daemon.client.call("guardian", action="add", name="Mum")
        assert daemon.client.call("device", mac=names.TABLET.mac)["profile"] == "home"
        # Whose the gateway is does not end with an account: what is kept of the home stays until a reset.
        daemon.client.call("guardian", action="remove", name="Mum")
        assert daemon.client.call("status")["unclaimed"] is False
        assert daemon.client.call("device", mac=names.TABLET.mac)["profile"] == "home"


def test_a_child_s_file_is_enough_without_a_claim(home: Home) -> None:
    """From the first packet where it lies there at the start, and as soon as it is read otherwise."""
    tablet, version = home.devices["tablet"], 6
    daughter = {**DAUGHTER, "categories": {"gambling": "block"}}
    with Daemon(home, {}, settings={"timezone": ZONE.key}) as daemon:
        set_time(daemon, "2026-11-25T12:00:00")
        assert fetch(tablet, f"https://{OPEN[0]}/", version).reached
        assert fetch(home.devices["phone"], f"https://{OPEN[0]}/", version).reached
        daemon.write_profile("daughter", daughter)
        daemon.client.call("reload")
        assert until(lambda: fetch(tablet, f"https://{OPEN[0]}/", version).how in CUT, 5.0) is not None
        assert daemon.client.call("device", mac=names.PHONE.mac)["profile"] == "home"
        assert fetch(home.devices["phone"], f"https://{OPEN[0]}/", version).reached
    with Daemon(home, {"daughter": daughter}, settings={"timezone": ZONE.key}) as daemon:
        set_time(daemon, "2026-11-25T12:00:00")
        assert daemon.client.call("status")["unclaimed"] is False
        assert fetch(tablet, f"https://{OPEN[0]}/", version).how in CUT
