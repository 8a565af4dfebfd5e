"""A state's register on real devices: nothing while it is off; turned on, refused for each of them with DNS
error 16 and told as what it is; turned off, it opens at once.
"""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from typing import Any

import pytest
import yaml

from gateway.household.list_library import read_library
from tests.lab import clients, names
from tests.lab.daemon import Daemon
from tests.lab.filtering import ALLOWED, DAUGHTER, FAMILIES, MUM, SON, address, fetch, fresh
from tests.lab.home import Home

pytestmark = pytest.mark.lab

CENSORED = 16  # RFC 8914 4.17
HOST = "www.listed.example"
LISTED = ("listed.example", "childline.org.uk")
SEATS = ("tablet", "phone", "parent", "new")
FILTERED = ("tablet", "phone", "new")
RESOLVERS = {4: names.RESOLVER_IPV4, 6: "2001:4860:4860::8888"}
PATIENCE = 120.0  # seconds: a table is built of all our own lists
PAGES = "http://qalqan.home.arpa"


@pytest.fixture(scope="module")
def daemon(home: Home) -> Iterator[Daemon]:
    """Its provider named a register; no other list is fetched in this home."""
    home.begin_anew()
    file = home.folder / "isp" / "register.txt"
    file.parent.mkdir(exist_ok=True)
    file.write_text("".join(f"{one}\n" for one in LISTED))
    profiles: Mapping[str, Any] = {
        "daughter": {**DAUGHTER, "allow": [HOST], "log_level": 2},
        "son": {**SON, "homework": [HOST]},
        "mum": MUM,
    }
    started = fresh(home, profiles, registers={"kz": {"file": str(file)}}, unknown_devices="guest")
    off = sorted(one.id for one in read_library(home.folder).published.values() if one.tier is not None)
    started.config.with_name("lists.yaml").write_text(yaml.safe_dump({"off": off}))
    started._with_web = True
    with started:
        yield started


def _eventually(holds: Callable[[], bool]) -> None:
    ends = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < ends
        time.sleep(0.2)


def _on(daemon: Daemon) -> None:
    daemon.client.call("register", country="kz", on="yes")
    _eventually(lambda: bool(daemon.client.call("registers")["registers"][0]["names"]))


def _off(daemon: Daemon) -> None:
    daemon.client.call("register", country="kz", on="no")


def _refused(answer: clients.Answer, seat: str) -> None:
    assert answer.status == "NXDOMAIN", f"{seat}: {answer.text}"
    assert answer.records == ()
    assert answer.ede == CENSORED, answer.text
    assert re.search(r"EDE: 16 \(Censored\).*register of Kazakhstan", answer.text), answer.text


def test_it_is_off_until_somebody_turns_it_on(home: Home, daemon: Daemon) -> None:
    for seat in SEATS:
        answer = clients.dig(home.devices[seat], HOST, server=RESOLVERS[4])
        assert answer.records == (address(HOST, 4),), answer.text


@FAMILIES
def test_on_it_binds_each_device_and_off_it_opens_at_once(home: Home, daemon: Daemon, version: int) -> None:
    daemon.client.call("assign", mac=names.NEW.mac, profile="guest")  # also where it was here before
    _on(daemon)
    for seat in SEATS:
        device = home.devices[seat]
        for qtype in ("A", "AAAA"):
            _refused(clients.dig(device, HOST, qtype, server=RESOLVERS[version]), seat)
        allowed = clients.dig(device, ALLOWED, server=RESOLVERS[version])
        assert allowed.records == (address(ALLOWED, 4),)
    for seat in FILTERED:
        device, to = home.devices[seat], address(HOST, version)
        assert not clients.tls(device, HOST, address=to, timeout=3.0).reached
        plain = fetch(device, f"http://{HOST}/", version)
        assert not plain.reached
        assert plain.location == f"{PAGES}/refused?host={HOST}&reason=register"
    tablet = home.devices["tablet"]
    page = clients.curl(tablet, f"{PAGES}/refused?host={HOST}&reason=register", extra=[f"-{version}"])
    assert page.status == 403
    assert "Register of Kazakhstan" in page.body
    assert 'href="/rights"' in page.body
    assert "Blocked for everyone" not in page.body
    _off(daemon)
    for seat in SEATS:
        answer = clients.dig(home.devices[seat], HOST, server=RESOLVERS[version])
        assert answer.records == (address(HOST, 4),), answer.text
    assert clients.tls(tablet, HOST, address=address(HOST, version)).reached


def test_help_on_it_stays_open_and_it_holds_while_the_filter_is_off(home: Home, daemon: Daemon) -> None:
    _on(daemon)
    daemon.client.call("off", minutes=5)
    try:
        _refused(clients.dig(home.devices["tablet"], HOST, server=RESOLVERS[4]), "tablet")
    finally:
        daemon.client.call("on")
    for seat in SEATS:
        assert clients.dig(home.devices[seat], "childline.org.uk", server=RESOLVERS[4]).status == "NOERROR"
    _off(daemon)


def test_what_is_kept_is_a_child_s_by_its_level(home: Home, daemon: Daemon) -> None:
    """And nothing of adults."""
    _on(daemon)
    for seat in SEATS:
        clients.dig(home.devices[seat], HOST, server=RESOLVERS[4])
    told = daemon.client.call("refusals", device=names.TABLET.mac)["refusals"][0]
    assert (told["host"], told["reason"], told["owner"]) == (HOST, "register", "law:kz")
    assert HOST not in str(daemon.client.call("refusals", device=names.PARENT.mac))
    _eventually(lambda: HOST in str(daemon.client.call("history", id="daughter")))
    with closing(sqlite3.connect(daemon.database)) as database:
        kept = set(database.execute("SELECT profile, device FROM decisions WHERE host = ?", (HOST,)))
    assert kept == {("daughter", names.TABLET.mac)}, "no adult's, no guest's, no child's below level 2"
    _off(daemon)
