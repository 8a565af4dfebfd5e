"""A home from its first page on, with all defaults: what is refused minutes later, and after the next night.

The daemon downloads the default lists from their own addresses. The virtual home trusts the pretended
internet's authority, and gives the lists' servers public addresses. A signed data feed is set from the start:
without one, no update changes a service.
"""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from gateway.cli.list_updates import QUICK_STEP
from gateway.features.lists.updates import FIRST_LOOK
from gateway.feed.data_set import DataSet
from gateway.household.feed_tables import make_tables
from gateway.household.loading import load_product
from gateway.lists.book import SHELF
from gateway.lists.formats import Format
from gateway.lists.progress import DOWNLOADS
from gateway.lists.sources import PublishedList, parse_sources
from gateway.policy.config.list_tiers import ListTier
from gateway.policy.time.list_update_times import NIGHT_ENDS, NIGHT_STARTS
from profiles import DATA
from tests import pace
from tests.feed.publisher import FIRST, FORMAT, Publisher, bundle_of, data_with
from tests.lab import clients, names
from tests.lab.daemon import Daemon
from tests.lab.filtering import ALLOWED, CUT, ZONE, fetch, film, fresh, set_time, until
from tests.lab.home import ROOT, Home
from tests.lab.internet import documents
from tests.lab.internet.dns import A
from tests.lab.names import PARENT, PHONE, TABLET
from tests.lab.netns import Namespace
from tests.lab.test_feed import LISTED as LISTED_IN_FEED
from tests.lab.test_feed import OTHER, SOURCES, services
from tests.lab.test_filter_accounts import Phone
from tests.lab.test_filter_apps import APP, ECHO, is_refused, send
from tests.lab.test_lists import children, updates
from tests.web_forms import form_with

pytestmark = pytest.mark.lab

SECRET = "a sentence of a few words"
CHILD = "Aruzhan"
ADULT, GAMBLING = "quiet-lagoon-seven.com", "blue-pebble-nine.net"  # in the served lists only
LISTED = {"adult": ADULT, "gambling": GAMBLING}
SUMMARY = "/parent/setup/summary"
SOON = 120.0  # seconds from the child's first rules until the lists apply
FEED = "feed.example"
OWN_LIST, OWN_LISTED = (
    "lists.own.example/chess.txt",
    "green-pawn-two.com",
)  # a family's own list, and its name
OWN_SITE, OWN_PORT = "club-rook-five.com", 6112  # of a family's own service
OWN_ADDRESSES = {4: "45.60.1.3", 6: "2606:4700:30::3"}
OWN_ECHO = """
add rule inet apps called ip daddr 45.60.1.3 tcp dport 6112 redirect to :7
add rule inet apps called ip6 daddr 2606:4700:30::3 tcp dport 6112 redirect to :7
"""


def default_lists() -> list[PublishedList]:
    known, data = load_product().categories, DATA.joinpath("sources.yaml").read_bytes()
    return [one for one in parse_sources(data, "sources.yaml", known).values() if one.tier is not None]


def body_of(published: PublishedList) -> str:
    if published.form is Format.ADDRESSES:
        return "198.51.100.77\n"
    hosts = [f"{published.id}-filler.com"]
    if not published.weak and published.category in LISTED:
        hosts.append(LISTED[published.category])
    before = "0.0.0.0 " if published.form is Format.HOSTS else ""
    return "".join(f"{before}{host}\n" for host in hosts)


def site_file(home: Home, url: str) -> Path:
    """Return the file that the pretended internet serves at an address."""
    parts = urlsplit(url)
    file = home.folder / documents.FOLDER / (parts.hostname or "") / parts.path.lstrip("/")
    return file / documents.INDEX if url.endswith("/") else file


class HeldList:
    """A list whose server does not answer until `release`."""

    def __init__(self, home: Home, published: PublishedList) -> None:
        self._home, self._url = home, urlsplit(published.url)
        file = site_file(home, published.url)
        self._file = file.with_name(file.name + documents.HOLD)
        self._file.touch()

    def is_asked_for(self) -> bool:
        seen = self._home.seen("https", self._url.hostname)
        return any(self._url.path in str(request["detail"]) for request in seen)

    def release(self) -> None:
        self._file.unlink()


def serve_lists(home: Home) -> None:
    """Put each default list at each of its addresses, and give the servers a public address."""
    sites = home.folder / documents.FOLDER
    for published in default_lists():
        for url in (url for place in published.places for url in place):
            file = site_file(home, url)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(body_of(published))
    own = sites / OWN_LIST.partition("/")[0]
    own.mkdir()
    (sites / OWN_LIST).write_text(f"{OWN_LISTED}\n")
    hosts = [FEED, *(site.name for site in sites.iterdir())]
    zone = {host: {"places": [names.PUBLIC_IPV4], "families": [A]} for host in hosts}
    (home.folder / "zone.json").write_text(json.dumps(zone))


@pytest.fixture(scope="module")
def home() -> Iterator[Home]:
    """Three devices are on the Wi-Fi. Telegram's servers answer with what they get."""
    with Home(absent=("new",), quic=False) as built, pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(built.ca))
        built.internet.run(["nft", "-f", "-"], stdin=ECHO, check=True)
        serve_lists(built)
        yield built


class Terminal:
    """A command of the gateway on a terminal."""

    def __init__(self, home: Home, *words: str) -> None:
        self._screen, terminal = pty.openpty()
        argv = [sys.executable, "-m", "gateway", *words]
        self.process: subprocess.Popen[bytes] = home.gateway.popen(
            argv, stdout=terminal, stderr=terminal, cwd=ROOT
        )
        os.close(terminal)
        os.set_blocking(self._screen, False)
        self._drawn = b""

    @property
    def drawn(self) -> str:
        """What the command has drawn so far."""
        with suppress(OSError):  # nothing more now, or the terminal's end
            while part := os.read(self._screen, 4096):
                self._drawn += part
        return self._drawn.decode()

    @property
    def percents(self) -> list[int]:
        return [int(found) for found in re.findall(r"\[#*-*\] +(\d+) %  ", self.drawn)]


def set_up(phone: Phone, daemon: Daemon) -> float:
    """Go through the first run on the parent's phone. The tablet is the child's, the rest is as proposed.

    Return when the child got rules, as time.monotonic() has it.
    """
    label = str(daemon.client.call("guardian", action="list")["label"])
    form_with(phone.get("/claim").body, "label", "name", "password")
    claimed = phone.post("/claim", label=label, name="Mum", password=SECRET)
    recovery = form_with(phone.get(urlsplit(claimed.location).path).body)
    assert urlsplit(phone.post(recovery.action, noted="1").location).path == "/parent/setup/"
    form_with(phone.get("/parent/setup/").body, "language")
    assert phone.post("/parent/setup/", language="en").status == 303
    people = form_with(phone.get("/parent/setup/people").body, "name-1", "band-1").values
    assert (people["name-0"], people["band-0"], people["lists"]) == ("Mum", "adult", "daily")
    began = time.monotonic()
    people |= {"name-1": CHILD, "band-1": "10-12"}
    assert urlsplit(phone.post("/parent/setup/people", **people).location).path == "/parent/setup/devices"
    devices = form_with(phone.get("/parent/setup/devices").body, f"of-{TABLET.mac}").values
    devices[f"of-{TABLET.mac}"] = CHILD.lower()
    assert urlsplit(phone.post("/parent/setup/devices", **devices).location).path == SUMMARY
    assert CHILD in phone.get(SUMMARY).body
    return began


def categories(daemon: Daemon, host: str) -> list[str]:
    return [category["id"] for category in daemon.client.call("list_lookup", host=host)["categories"]]


def watch_download(home: Home, daemon: Daemon, phone: Phone, held: list[HeldList]) -> None:
    """See the bar of the first download move, on the last page of set-up and on a terminal.

    ``held``: two lists in the order of the download. The first is answered when the bar was seen, the second
    when it has moved.
    """

    def percent() -> int | None:
        found = re.search(r'<progress class="wide" max="100" value="(\d+)"', phone.get(SUMMARY).body)
        return None if found is None else int(found[1])

    assert until(lambda: percent() is not None, FIRST_LOOK + 5.0, 0.1) is not None, state(daemon)
    terminal = Terminal(home, "lists", "update", "--config", str(daemon.config))
    assert until(lambda: terminal.percents, 10.0) is not None, terminal.drawn
    one, other = held
    assert until(one.is_asked_for, 10.0) is not None, state(daemon)
    time.sleep(QUICK_STEP)  # the process prints its progress once a second
    before, helpers = terminal.percents[-1], children(daemon)
    assert len(helpers) == 1, "the daemon started one process"
    assert 0 <= before < DOWNLOADS
    assert until(lambda: percent() == terminal.percents[-1], 5.0, 0.1) is not None, "of the same download"
    one.release()
    assert until(lambda: before < (percent() or 0) < DOWNLOADS, 10.0, 0.1) is not None, "the bar moves"
    assert until(lambda: terminal.percents[-1] > before, 5.0) is not None, terminal.drawn
    assert children(daemon) == helpers
    other.release()
    assert until(lambda: terminal.process.poll() is not None, 60.0) is not None, terminal.drawn
    assert terminal.process.returncode == 0, terminal.drawn
    assert " lists, " in terminal.drawn.splitlines()[-1], "it ends with what was built"


def minutes_after_set_up(home: Home, daemon: Daemon) -> None:
    tablet, parent, phone = (home.devices[key] for key in (TABLET.key, PARENT.key, "phone"))
    browser = Phone(home, PARENT.key)
    small = [published for published in default_lists() if published.tier is ListTier.SMALL]
    held = [HeldList(home, small[len(small) * part // 3]) for part in (1, 2)]
    began = set_up(browser, daemon)
    watch_download(home, daemon, browser, held)

    def is_listed() -> bool:
        return all(categories(daemon, host) == [category] for category, host in LISTED.items())

    assert pace.within(is_listed, began + SOON - time.monotonic(), 0.1) is not None, state(daemon)
    for host in LISTED.values():
        for version in (4, 6):
            assert fetch(tablet, f"https://{host}/", version).how in CUT, (host, version)
        answer = clients.dig(tablet, host)
        assert names.ipv4_of(host) not in answer.records, answer.text
        assert answer.ede is not None, answer.text
        assert clients.curl(parent, f"https://{host}/").reached, "a parent's phone is not filtered"
    for version in (4, 6):
        assert is_refused(send(tablet, APP[version], "tcp", 443), "tcp"), version
        assert send(parent, APP[version], "tcp", 443) == "echoed", version
        assert fetch(tablet, f"https://{ALLOWED}/", version).reached, version
    assert not clients.curl(tablet, "https://web.telegram.org/").reached
    assert clients.curl(tablet, f"https://{ALLOWED}/").reached
    assert time.monotonic() - began < SOON
    assert fetch(phone, f"https://{ADULT}/", 4).how in CUT, "set-up proposes that the child shares it"


def refusals(daemon: Daemon, profile: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = daemon.client.call("refusals", profile=profile)["refusals"]
    return found


def state(daemon: Daemon) -> object:
    lists = daemon.client.call("lists")
    return lists["schedule"], lists["update"]


def asked(home: Home, since: float = 0.0) -> set[str]:
    """Hosts from which the gateway itself fetched something, ``since`` a time."""
    sites = home.folder / documents.FOLDER
    seen = {str(request["name"]) for request in home.seen("https") if request["time"] > since}
    return {name for name in seen if (sites / name).exists()}


def plan(daemon: Daemon) -> datetime | None:
    """When the next automatic update starts, in local time."""
    found = daemon.client.call("lists")["schedule"]["next"]
    return None if found is None else datetime.fromisoformat(found)


def checked(daemon: Daemon) -> bool:
    return not daemon.client.call("lists")["update"]["running"] and plan(daemon) is not None


def publish_change(publisher: Publisher, folder: Path) -> None:
    """Publish a data set in which ALLOWED is a name of TikTok, with packed tables that have LISTED."""
    text = (DATA / "services" / "video.yaml").read_text()
    found = text.index("domains: [", text.index("\n  tiktok:"))
    changed = text[:found] + text[found:].replace("domains: [", f'domains: ["={ALLOWED}", ', 1)
    data = data_with(folder, {"services/video.yaml": changed, "sources.yaml": SOURCES})
    copies = folder.parent / "copies"
    (copies / SHELF).mkdir(parents=True)
    (copies / SHELF / "nude.list").write_text(f"{LISTED_IN_FEED}\n")
    tables = make_tables(DataSet(data, FORMAT, FIRST), copies, datetime.now(UTC))
    publisher.publish(FIRST, bundle_of(FIRST, data), tables)


def the_next_night(home: Home, daemon: Daemon, publisher: Publisher, folder: Path) -> None:
    """See a new name of TikTok refused after the nightly update.

    The daemon is started again in the evening: a clock that is set moves no plan.
    """
    tablet, night = home.devices[TABLET.key], plan(daemon)
    assert night is not None
    daemon.stop()

    publish_change(publisher, folder)
    before = datetime.combine(night.date(), NIGHT_STARTS, night.tzinfo) - timedelta(hours=1)
    daemon.start_at(before.timestamp() - time.time())
    # At the minute of the update it would be bedtime, in which nothing shows what a service's rule does.
    daemon.client.call("edit", id=CHILD.lower(), set={"bedtime": {}}, by="Mum")
    pid = daemon.pid
    assert until(lambda: plan(daemon) is not None, FIRST_LOOK + 5.0, 0.1) is not None, state(daemon)
    due = plan(daemon)
    assert due is not None
    assert (due.date(), updates(daemon)) == (night.date(), 0)
    assert fetch(tablet, f"https://{ALLOWED}/", 4).reached
    daemon.client.call("clock", offset=round((due - timedelta(seconds=5)).timestamp() - time.time()))
    assert until(lambda: services(daemon, ALLOWED) == ["tiktok"], 60.0, 0.1) is not None, state(daemon)
    assert fetch(tablet, f"https://{ALLOWED}/", 4).how in CUT, "the new name of a blocked service"
    assert daemon.pid == pid
    assert daemon.client.call("lists")["schedule"]["feed"]["version"] == FIRST


@contextmanager
def feed_served(home: Home, publisher: Publisher) -> Iterator[None]:
    """Serve a feed at FEED."""
    site = home.folder / documents.FOLDER / FEED
    site.symlink_to(publisher.public)
    try:
        yield
    finally:
        site.unlink()


def test_a_fresh_home_is_protected_within_minutes_and_follows_the_feed_at_night(
    home: Home, tmp_path: Path
) -> None:
    home.begin_anew()
    publisher = Publisher(tmp_path / "publisher")
    publisher.publish(FIRST - 1, bundle_of(FIRST - 1))
    feed = {"url": f"https://{FEED}", "root": str(publisher.root)}
    tablet = home.devices[TABLET.key]
    daemon = Daemon(home, {}, settings={"lists": {}, "feed": feed}, web=True)
    with feed_served(home, publisher), daemon:
        for device in (tablet, home.devices["phone"]):
            assert clients.curl(device, f"https://{ALLOWED}/").reached
        for host in LISTED.values():
            assert categories(daemon, host) == []
            assert clients.curl(tablet, f"https://{host}/").reached, host
        assert send(tablet, APP[4], "tcp", 443) == "echoed"
        minutes_after_set_up(home, daemon)
        assert until(lambda: checked(daemon), 60.0, 0.1) is not None, state(daemon)
        assert updates(daemon) == 0, "its process ends"
        refusal = next(refusal for refusal in refusals(daemon, CHILD.lower()) if not refusal["host"])
        assert (refusal["name"], refusal["sign"]) == ("Telegram", "address")
        assert refusal["rule"] == "band 10-12: category:social_networks = block"
        lists = daemon.client.call("lists")
        schedule = lists["schedule"]
        assert (schedule["warning"], schedule["failures"], lists["update"]["problems"]) == ("", 0, [])
        tier = ListTier(schedule["tier"])
        expected = {urlsplit(listed.url).hostname for listed in default_lists() if tier.includes(listed.tier)}
        assert asked(home) == expected | {FEED}, "of the lists' servers, and no mirror was needed"
        the_next_night(home, daemon, publisher, tmp_path / "data")


def test_the_next_nights_update_changes_a_service_without_a_restart(home: Home, tmp_path: Path) -> None:
    """The daemon is started again in that night, before the update: a clock that is set moves no plan."""
    publisher = Publisher(tmp_path / "publisher")
    publisher.publish(FIRST - 1, bundle_of(FIRST - 1))
    child = {
        "name": CHILD,
        "band": "10-12",
        "devices": [TABLET.mac],
        "block": ["service:tiktok"],
        "bedtime": {},
    }
    feed = {"url": f"https://{FEED}", "root": str(publisher.root)}
    tablet = home.devices[TABLET.key]
    with feed_served(home, publisher), fresh(home, {"child": child}, lists={}, feed=feed) as daemon:
        assert until(lambda: updates(daemon) == 1, FIRST_LOOK + 5.0, 0.1) is not None
        assert until(lambda: checked(daemon), 60.0, 0.1) is not None, state(daemon)
        night = plan(daemon)
        assert night is not None
        assert daemon.client.call("lists")["update"]["problems"] == []
        assert services(daemon, ALLOWED) == categories(daemon, LISTED_IN_FEED) == []
        assert fetch(tablet, f"https://{LISTED_IN_FEED}/", 4).reached
        daemon.stop()

        publish_change(publisher, tmp_path / "data")
        before = datetime.combine(night.date(), NIGHT_STARTS, night.tzinfo) - timedelta(hours=1)
        daemon.start_at(before.timestamp() - time.time())
        pid, since = daemon.pid, time.time()
        assert until(lambda: plan(daemon) is not None, FIRST_LOOK + 5.0, 0.1) is not None, state(daemon)
        due = plan(daemon)
        assert due is not None
        assert due.date() == night.date()
        assert NIGHT_STARTS <= due.time() < NIGHT_ENDS
        assert updates(daemon) == 0
        assert fetch(tablet, f"https://{ALLOWED}/", 4).reached
        with film(tablet, OTHER, 4) as running:
            assert running.started()
            set_time(daemon, (due - timedelta(seconds=5)).replace(tzinfo=None).isoformat())
            assert updates(daemon) == 0, "it waits for its minute"
            assert until(lambda: updates(daemon) == 1, 10.0) is not None
            (helper,) = children(daemon)
            assert os.getpriority(os.PRIO_PROCESS, helper) == 19
            assert until(lambda: services(daemon, ALLOWED) == ["tiktok"], 60.0, 0.1) is not None, state(
                daemon
            )
            assert fetch(tablet, f"https://{ALLOWED}/", 4).how in CUT, "the new name of a blocked service"
            assert running.flows(), "what is allowed goes on"
        assert daemon.pid == pid
        assert until(lambda: updates(daemon) == 0, 30.0) is not None
        assert daemon.client.call("lists")["schedule"]["feed"]["version"] == FIRST
        assert categories(daemon, LISTED_IN_FEED) == ["adult"], "by the feed's table"
        assert fetch(tablet, f"https://{LISTED_IN_FEED}/", 4).how in CUT
        assert asked(home, since) == {FEED}, "no list was fetched"
    fetched = [one for one in home.seen("https", FEED) if one["time"] > since]
    assert any("/targets/" in one["detail"] for one in fetched), "by the process that the daemon started"


def test_an_own_service_and_an_own_list_refuse_from_the_page_to_the_packet(home: Home) -> None:
    """A parent adds both on the page, for one of two children. The daemon's own update fetches the list."""
    home.internet.run(["nft", "-f", "-"], stdin=OWN_ECHO, check=True)
    shutil.rmtree(home.folder / "qalqan", ignore_errors=True)
    tablet, phone = home.devices[TABLET.key], home.devices["phone"]
    child = {"band": "13-15", "bedtime": {}}
    children = {
        "daughter": {**child, "name": "Daughter", "devices": [TABLET.mac]},
        "son": {**child, "name": "Son", "devices": [PHONE.mac]},
    }
    with Daemon(home, children, settings={"timezone": ZONE.key}, web=True) as daemon:

        def refused(device: Namespace) -> set[str]:
            """Which of the new rules apply to a device."""
            found = {
                host
                for host in (OWN_SITE, OWN_LISTED)
                if not clients.curl(device, f"https://{host}/").reached
            }
            sent = {version: send(device, where, "tcp", OWN_PORT) for version, where in OWN_ADDRESSES.items()}
            assert len({is_refused(how, "tcp") for how in sent.values()}) == 1, sent
            return found | ({"addresses"} if is_refused(sent[4], "tcp") else set())

        assert refused(tablet) == refused(phone) == set()
        token = daemon.client.call("guardian", action="add", name="Mum")["token"]
        mum = Phone(home, PARENT.key)
        assert mum.post("/signin", code=str(token)).status == 303
        service = {"name": "Chess Club", "sites": OWN_SITE, "tcp": str(OWN_PORT)}
        service["addresses"] = "\n".join(OWN_ADDRESSES.values())
        assert mum.post("/parent/services/", **service).status == 303
        assert refused(tablet) == refused(phone) == set(), "it has no rule yet"
        rules = "/parent/child/daughter/services/chess-club"
        form = form_with(mum.get(rules).body, "state").values
        assert mum.post(rules, **form | {"state": "refused"}).status == 303
        assert refused(tablet) == {OWN_SITE, "addresses"}
        why = daemon.client.call("why", device=TABLET.mac, to=f"{OWN_ADDRESSES[4]}:{OWN_PORT}")
        assert (why["services"], why["rule"]) == (["Chess Club"], "block: service:chess-club")

        own = {"name": "Chess", "url": f"https://{OWN_LIST}", "category": "own", "people": "daughter"}
        assert mum.post("/parent/lists/add", **own).status == 303
        assert mum.post("/parent/lists/update", now="1").status == 303
        assert until(lambda: categories(daemon, OWN_LISTED) != [], 60.0, 0.1) is not None, state(daemon)
        assert OWN_LIST.partition("/")[0] in asked(home)
        assert refused(tablet) == {OWN_SITE, "addresses", OWN_LISTED}
        assert refused(phone) == set()
        why = daemon.client.call("why", host=OWN_LISTED, profile="daughter")
        assert (why["verdict"], why["reason"]) == ("block", "category")
