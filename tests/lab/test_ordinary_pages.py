"""Chromium on ordinary pages, in every band: all that should load does, and nothing else is refused."""

from __future__ import annotations

import json
import os
import signal
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from gateway.age.bands import AgeBand
from gateway.policy.values import Reason
from tests.lab import clients
from tests.lab.daemon import Daemon
from tests.lab.filtering import FAMILIES, address, bracketed, fresh
from tests.lab.home import Home
from tests.lab.ordinary import CHILDREN, DEVICES, family, profile
from tests.lab.walking import Stop, h2_servers, walk
from tests.ordinary.pages import open_to, pages

pytestmark = [pytest.mark.lab, pytest.mark.browser]

# What may be refused on these pages: advertising, and what asks first or is of an older child's services.
EXPECTED = {Reason.CATEGORY, Reason.UNKNOWN_DOMAIN, Reason.NOT_ON_LIST}
PARTS = 14  # of third parties a page calls so many, each page others
A, AAAA = 1, 28


@pytest.fixture(scope="module")
def daemon(home: Home) -> Iterator[Daemon]:
    with fresh(home, family()) as started:
        yield started


class Hosting:
    """Where the names of pages are. A quarter each on one address with all its own names (one certificate,
    over HTTP/2), behind chains of aliases, at several addresses with an HTTPS record that leads elsewhere,
    and behind an HTTPS record that is an alias. The best-known third parties share one address.
    """

    def __init__(self) -> None:
        self.together: dict[str, list[str]] = defaultdict(list)
        self.zone: dict[str, dict[str, object]] = {}
        for part in ("fonts.googleapis.com", "fonts.gstatic.com", "ajax.googleapis.com", "code.jquery.com"):
            self._share("edge.parts.example", part)
        for number, page in enumerate(pages()):
            for name in (page.host, *(name for name, youngest in page.names if youngest is page.youngest)):
                if name not in self.zone:
                    (self._shared, self._chained, self._several, self._aliased)[number % 4](page.host, name)

    def _share(self, where: str, name: str) -> None:
        self.together[where].append(name)
        self.zone[name] = {"places": [where]}

    def _shared(self, host: str, name: str) -> None:
        self._share(f"edge.{host}", name)

    def _chained(self, host: str, name: str) -> None:
        self.zone[name] = {
            "places": [f"n.{name}"],
            "aliases": [f"{name}.cdn.example", f"e7.{host}.edge.example"],
        }

    def _several(self, host: str, name: str) -> None:
        self.zone[name] = {"places": [f"{one}.{name}" for one in "abc"], "target": f"svc.{name}"}

    def _aliased(self, host: str, name: str) -> None:
        self.zone[name] = {"places": [name], "target": f"alias.{host}", "is_alias": True}

    @contextmanager
    def of(self, home: Home, version: int) -> Iterator[None]:
        """All names of pages have addresses of one family alone."""
        self.write(home, (A,) if version == 4 else (AAAA,))
        try:
            yield
        finally:
            self.write(home)

    def is_apart(self, host: str) -> bool:
        return not any(host in one for one in self.together.values())

    def write(self, home: Home, families: tuple[int, ...] = (A, AAAA)) -> None:
        rows = {name: {**row, "families": families} for name, row in self.zone.items()}
        (home.folder / "zone.json").write_text(json.dumps(rows))
        os.kill(int((home.folder / "dnsmasq.pid").read_text()), signal.SIGHUP)  # forgets what it was answered


@pytest.fixture(scope="module")
def hosting(home: Home) -> Iterator[Hosting]:
    made = Hosting()
    made.write(home)
    with h2_servers(home, made.together):
        yield made
    (home.folder / "zone.json").unlink()


def stops(band: AgeBand, every: int) -> list[Stop]:
    """Every so many of the pages that open to ``band``, each with a share of the third parties."""
    found = []
    for number, page in enumerate(open_to(band)[::every]):
        needed, others = page.needs(band)[1:], page.may_miss(band)
        start = number * PARTS % max(1, len(needed))
        chosen = [*needed[start : start + PARTS], *needed[: max(0, start + PARTS - len(needed))][:PARTS]]
        found.append(Stop(page.host, tuple(dict.fromkeys([*chosen, *others[number % 5 :: 5]]))))
    return found


def refusals(daemon: Daemon) -> dict[str, int]:
    verdicts = daemon.client.call("status")["verdicts"]
    return {key.removeprefix("block:"): many for key, many in verdicts.items() if key.startswith("block:")}


def wrongly_missing(
    home: Home,
    daemon: Daemon,
    device: str,
    band: AgeBand,
    walked: list[Stop],
    *,
    quic_hosts: tuple[str, ...] = (),
) -> dict[str, list[str] | None]:
    """Page → what should have loaded and did not; None: it did not open. Nothing else was refused either."""
    before = refusals(daemon)
    results = walk(home, device, walked, quic_hosts=quic_hosts)
    assert len(results) == len(walked) > 0
    new = {reason for reason, many in refusals(daemon).items() if many > before.get(reason, 0)}
    assert new <= {str(one) for one in EXPECTED}
    missed = {page.host: set(page.may_miss(band)) for page in open_to(band)}
    return {
        host: failed if failed is None else sorted(set(failed) - missed[host])
        for host, failed in results.items()
        if failed is None or set(failed) - missed[host]
    }


@DEVICES
def test_a_walk_through_some_pages(home: Home, daemon: Daemon, hosting: Hosting, device: str) -> None:
    band = CHILDREN[device]
    assert wrongly_missing(home, daemon, device, band, stops(band, every=12)) == {}


@pytest.mark.slow
@pytest.mark.timeout(900)
@FAMILIES
@DEVICES
def test_a_walk_through_all_pages(
    home: Home, daemon: Daemon, hosting: Hosting, device: str, version: int
) -> None:
    """Two hundred pages in two minutes take more DNS than a child has in four: each begins with all of it."""
    band = CHILDREN[device]
    daemon.stop()
    daemon.start()
    with hosting.of(home, version):
        assert wrongly_missing(home, daemon, device, band, stops(band, every=1)) == {}


@FAMILIES
def test_a_walk_over_one_family_of_addresses(
    home: Home, daemon: Daemon, hosting: Hosting, version: int
) -> None:
    band = CHILDREN["tablet"]
    with hosting.of(home, version):
        assert wrongly_missing(home, daemon, "tablet", band, stops(band, every=20)) == {}


@pytest.mark.parametrize("device", ["tablet", "phone"])
def test_a_walk_over_http3(home: Home, daemon: Daemon, hosting: Hosting, device: str) -> None:
    """The pages themselves; their parts come as they may."""
    band = CHILDREN[device]
    walked = [one for one in stops(band, every=12) if hosting.is_apart(one.host)]
    hosts = tuple(one.host for one in walked)
    home.begin_anew()
    assert wrongly_missing(home, daemon, device, band, walked, quic_hosts=hosts) == {}
    assert {line["name"] for line in home.seen("h3")} >= set(hosts)


def test_the_youngest_on_approved_sites(home: Home, daemon: Daemon, hosting: Hosting) -> None:
    daemon.write_profile("tablet", profile(AgeBand.AGE_0_5, "tablet"))
    daemon.reload()
    try:
        walked = stops(AgeBand.AGE_0_5, every=1)
        assert len(walked) >= 10
        assert wrongly_missing(home, daemon, "tablet", AgeBand.AGE_0_5, walked) == {}
    finally:
        daemon.write_profile("tablet", profile(CHILDREN["tablet"], "tablet"))
        daemon.reload()


def test_an_allow_list_with_these_pages_on_it(home: Home, daemon: Daemon, hosting: Hosting) -> None:
    band = AgeBand.AGE_10_12
    walked = stops(band, every=24)
    allowed = sorted({name for page in open_to(band)[::24] for name in page.needs(band)})
    daemon.write_profile("phone", profile(band, "phone", mode="allow-list", allow=allowed))
    daemon.reload()
    try:
        assert wrongly_missing(home, daemon, "phone", band, walked) == {}
    finally:
        daemon.write_profile("phone", profile(band, "phone"))
        daemon.reload()


def test_a_walk_notices_what_is_refused(home: Home, daemon: Daemon, hosting: Hosting) -> None:
    page = Stop("kaspi.kz", ("pay.kaspi.kz", "www.instagram.com", "securepubads.g.doubleclick.net"))
    failed = walk(home, "phone", [page])[page.host]
    assert failed is not None
    assert set(failed) == set(page.parts[1:])


def test_names_of_one_address_share_a_connection(home: Home, daemon: Daemon, hosting: Hosting) -> None:
    """In a band where each name has to have its address: HTTP/2 for another name on an open connection."""
    page = next(one for one in pages() if one.host == "kundelik.kz")
    own = tuple(name for name, youngest in page.names if youngest is page.youngest)
    assert walk(home, "tablet", [Stop(page.host, own)]) == {page.host: []}
    lines = [line.split() for line in (home.folder / "walk-h2.log").read_text().splitlines()]
    hosts: dict[str, set[str]] = defaultdict(set)
    for protocol, _, _, connection, host in lines:
        if protocol == "HTTP/2.0":
            hosts[connection].add(host)
    assert any(page.host in together and len(together) > 1 for together in hosts.values()), hosts


@FAMILIES
def test_early_data_of_a_connection_that_was_there_before(
    home: Home, daemon: Daemon, hosting: Hosting, version: int
) -> None:
    """0-RTT (RFC 8446 2.3): the request is in the first flight, behind the hello."""
    tablet, host = home.devices["tablet"], "kundelik.kz"
    where = address(f"edge.{host}", version)
    assert clients.dig(tablet, host, "A" if version == 4 else "AAAA").records == (where,)
    kept, early = home.folder / "session.pem", home.folder / "request"
    request = f"GET /walk/part.json HTTP/1.1\r\nHost: {host}\r\n"
    early.write_text(f"{request}\r\n")
    last = f"{request}Connection: close\r\n\r\n"
    target = ["-connect", f"{bracketed(where)}:443", "-servername", host, "-ign_eof"]
    for extra in (["-sess_out", str(kept)], ["-sess_in", str(kept), "-early_data", str(early)]):
        done = tablet.run(["openssl", "s_client", *target, *extra], stdin=last, timeout=15)
    assert "Early data was accepted" in done.stdout
    assert done.stdout.count('{"part": true}') == 2
