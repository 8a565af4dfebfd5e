"""Category tables in a feed: a gateway downloads that of its tier, checks it, and builds none."""

from __future__ import annotations

import gzip
import shutil
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import blake2s
from pathlib import Path
from struct import Struct
from sys import byteorder
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from gateway.check.lists import copy_findings, table_findings
from gateway.cli import list_updates
from gateway.core.errors import ListError
from gateway.feed import client, repository
from gateway.feed.data_set import DataSet, downloaded_table
from gateway.feed.status import read_check
from gateway.feed.target import FeedTable
from gateway.household.feed_tables import fetch_lists, make_tables
from gateway.household.feed_update import update_feed
from gateway.household.rule_book import RuleBook
from gateway.lists import prebuilt
from gateway.lists.book import SHELF, CopyIndex
from gateway.lists.build import BuildSource, build_table
from gateway.lists.canaries import Canaries
from gateway.lists.fetch import Fetched, Fetcher
from gateway.lists.formats import Format
from gateway.lists.prebuilt import ORDERS, pack_prebuilt
from gateway.lists.table import TABLE_NAME, open_table
from gateway.policy.config.config import Config
from gateway.policy.config.feed import FeedSource
from gateway.policy.config.list_tiers import ListTier
from gateway.policy.names.domain_table import (
    BYTE_ORDER_MARK,
    HEAD,
    MAGIC,
    VERSION,
    DomainTable,
    TableRelease,
    digest_of,
)
from tests.cli.conftest import Qalqan
from tests.feed.publisher import FIRST, FORMAT, Publisher, Site, bundle_of, data_with, metadata, serving
from tests.household.household_files import DAUGHTER, write
from tests.lists.served import Anywhere, served

pytestmark = pytest.mark.system  # a feed is published and a table built for almost each test

NAMES = {  # list → its names
    "bets": "bets-feed.com\nbets-two-feed.com\n",
    "nude": "nude-feed.com\n",
    "dates": "dates-feed.com\n",
}
TIERS = {"bets": ("gambling", "small"), "nude": ("adult", "medium"), "dates": ("dating", "large")}
OF_TIER = {"small": {"bets"}, "medium": {"bets", "nude"}, "large": {"bets", "nude", "dates"}}


def sources(address: str = "https://lists.example") -> str:
    rows = (
        f'  {key}: {{name: {key}, url: "{address}/{key}", format: domains, licence: MIT, '
        f"category: {category}, size: 10, tier: {tier}}}\n"
        for key, (category, tier) in TIERS.items()
    )
    return "sources:\n" + "".join(rows)


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packaged data with three lists in place of the published ones, one for each tier."""
    return data_with(tmp_path_factory.mktemp("data") / "data", {"sources.yaml": sources()})


@pytest.fixture(scope="session")
def copies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("copies")
    (folder / SHELF).mkdir()
    for key, text in NAMES.items():
        (folder / SHELF / f"{key}.list").write_text(text)
    return folder


class Tables:
    """The tables of the publisher's lists, built once for each version."""

    def __init__(self, data: Path, copies: Path) -> None:
        self.data, self._copies = data, copies
        self._made: dict[tuple[int, datetime], list[FeedTable]] = {}

    def of(self, version: int, built: datetime | None = None) -> list[FeedTable]:
        at = built or datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        if (version, at) not in self._made:
            self._made[version, at] = list(make_tables(DataSet(self.data, FORMAT, version), self._copies, at))
        return self._made[version, at]

    def bundle(self, version: int) -> bytes:
        return bundle_of(version, self.data)


@pytest.fixture(scope="session")
def tables(data: Path, copies: Path) -> Tables:
    return Tables(data, copies)


@pytest.fixture
def publisher(tmp_path: Path) -> Publisher:
    return Publisher(tmp_path / "publisher")


@pytest.fixture
def site(publisher: Publisher) -> Iterator[Site]:
    with serving(publisher.public) as running:
        yield running


class ListServer(Fetcher):
    """Fetches lists from a server on loopback: their addresses have to be HTTPS."""

    def __init__(self, address: str) -> None:
        super().__init__(outside=Anywhere(), sleep=lambda _: None)
        self._address = address

    def fetch(self, source: str, url: str, *rest: Any) -> Fetched:
        return super().fetch(source, url.replace("https://lists.example", self._address), *rest)


class Home:
    """A household of the tier medium, whose feed is the publisher's site, and its `qalqan lists`."""

    def __init__(self, folder: Path, publisher: Publisher, qalqan: Qalqan) -> None:
        shutil.copy(publisher.root, folder / "root.json")
        self.folder = folder
        self.path = self.choose("medium")
        self.state = folder / "state"
        self.asked_for: list[ListTier | None] = []
        self._qalqan = qalqan

    def choose(self, tier: str) -> Path:
        feed = {"url": "https://feed.example/qalqan", "root": str(self.folder / "root.json")}
        settings = {"lists": {"update": "off", "tier": tier}, "feed": feed}
        return write(self.folder, {"daughter": DAUGHTER}, **settings)

    def lists(self, action: str, status: int = 0) -> str:
        """Run `qalqan lists ACTION`. Return its warnings."""
        done = self._qalqan("--config", self.path, "lists", action)
        assert done.status == status, done
        assert not downloaded_table(self.state).exists()
        return done.err

    def release(self) -> TableRelease | None:
        return open_table(self.state).info.release

    def categories(self, name: str) -> frozenset[str]:
        return open_table(self.state).categories(name)

    @property
    def listed(self) -> set[str]:
        """The lists whose first name is in the table."""
        return {key for key, text in NAMES.items() if self.categories(text.split()[0])}


@pytest.fixture
def home(
    tmp_path: Path, publisher: Publisher, site: Site, qalqan: Qalqan, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Home]:
    """The servers of the feed and of the lists are on loopback."""
    folder = tmp_path / "home"
    folder.mkdir()
    made = Home(folder, publisher, qalqan)

    def check(path: Path, config: Config, tier: ListTier | None) -> int | None:
        made.asked_for.append(tier)
        assert config.feed is not None
        here = replace(config, feed=FeedSource(site.address, root=config.feed.root))
        return update_feed(path, here, datetime.now(UTC), tier=tier, outside=Anywhere())

    with served({f"/{key}": text.encode() for key, text in NAMES.items()}) as server:
        monkeypatch.setattr(list_updates, "check_feed", check)
        monkeypatch.setattr(list_updates, "Fetcher", lambda progress: ListServer(server.address))
        yield made


def test_only_the_table_of_the_tier_is_downloaded(
    home: Home, publisher: Publisher, site: Site, tables: Tables
) -> None:
    publisher.publish(FIRST, tables.bundle(FIRST), tables.of(FIRST))
    rules = RuleBook(home.path)
    assert not rules.table.categories("nude-feed.com")
    assert home.lists("update") == ""
    assert [path.partition(".")[2] for path in site.asked if ".table-" in path] == [
        f"table-{FORMAT}-medium-{byteorder}.gz"
    ]
    assert home.release() == TableRelease(FIRST, "medium")
    assert home.listed == OF_TIER["medium"]
    rules.reload()
    assert rules.table.categories("nude-feed.com") == {"adult"}, "without a restart"
    assert rules.table.categories("bets-two-feed.com") == {"gambling"}
    copies = CopyIndex(home.state / SHELF)
    assert not list((home.state / SHELF).glob("*.list")), "no list was fetched"
    assert copies.newest is not None
    assert list(copy_findings(home.state)) == []
    assert [finding.level for finding in table_findings(home.state)] == ["ok"]
    site.asked.clear()
    assert home.lists("update") == ""
    assert site.asked == ["/metadata/2.root.json", "/metadata/timestamp.json"], "the daily check"
    publisher.publish(FIRST + 1, tables.bundle(FIRST + 1), tables.of(FIRST + 1))
    assert home.lists("update") == ""
    assert home.release() == TableRelease(FIRST + 1, "medium")


def test_lists_that_were_fetched_before_are_deleted(home: Home, publisher: Publisher, tables: Tables) -> None:
    publisher.publish(FIRST, tables.bundle(FIRST))
    home.lists("update")
    assert home.listed == OF_TIER["medium"], "a feed without tables: built here"
    assert home.release() is None
    assert len(list((home.state / SHELF).glob("*.list"))) == 2
    publisher.publish(FIRST + 1, tables.bundle(FIRST + 1), tables.of(FIRST + 1))
    home.lists("update")
    assert home.release() == TableRelease(FIRST + 1, "medium")
    assert not list((home.state / SHELF).glob("*.list"))
    publisher.publish(FIRST + 2, tables.bundle(FIRST + 2))
    assert home.lists("update") == ""
    assert home.release() is None, "the feed has no tables any more"
    assert home.listed == OF_TIER["medium"]


@pytest.mark.parametrize(
    "choice",
    [
        "on: [dates]",
        "off: [nude]",
        'lists: {own-1c9a2f4e: {name: Ours, url: "https://lists.example/dates", category: games}}',
    ],
)
def test_a_family_with_a_choice_of_its_own_builds_its_table(
    home: Home, publisher: Publisher, site: Site, tables: Tables, choice: str
) -> None:
    home.path.with_name("lists.yaml").write_text(f"{choice}\n")
    publisher.publish(FIRST, tables.bundle(FIRST), tables.of(FIRST))
    home.lists("update")
    assert home.asked_for == [None]
    assert not any("table-" in path for path in site.asked)
    assert home.release() is None
    assert home.categories("bets-feed.com") == {"gambling"}
    assert bool(home.categories("nude-feed.com")) == ("off" not in choice)
    assert bool(home.categories("dates-feed.com")) == ("off" not in choice)


def test_a_choice_after_the_feed_s_table_is_built_at_the_next_update(
    home: Home, publisher: Publisher, tables: Tables
) -> None:
    publisher.publish(FIRST, tables.bundle(FIRST), tables.of(FIRST))
    home.lists("update")
    home.path.with_name("lists.yaml").write_text("on: [dates]\n")
    home.lists("build")
    assert home.release() is None
    assert home.listed == OF_TIER["large"], "it fetched, since there were no copies to build from"
    home.path.with_name("lists.yaml").write_text("{}\n")
    home.lists("update")
    assert home.release() == TableRelease(FIRST, "medium")


def test_a_damaged_table_is_downloaded_again(home: Home, publisher: Publisher, tables: Tables) -> None:
    publisher.publish(FIRST, tables.bundle(FIRST), tables.of(FIRST))
    home.lists("update")
    (home.state / TABLE_NAME).write_bytes(b"QALQANCT")
    assert RuleBook(home.path).table_damaged
    home.lists("build")
    assert home.release() == TableRelease(FIRST, "medium")
    assert home.listed == OF_TIER["medium"]


def changed(made: Iterable[FeedTable], packed: Mapping[str, bytes] | bytes) -> list[FeedTable]:
    """The same tables with other content, for every byte order."""
    return [
        replace(table, packed=packed if isinstance(packed, bytes) else packed[table.order]) for table in made
    ]


def packed_table(name: str, category: str, release: TableRelease, built: str = "") -> Mapping[str, bytes]:
    """A table with one name, for each byte order."""
    with TemporaryDirectory() as folder:
        names, target = Path(folder, "names"), Path(folder, "table")
        names.write_text(f"{name}\n")
        build_table(
            [BuildSource("x", category, names, Format.DOMAINS, packaged=True)],
            target,
            built=built or datetime.now(UTC).isoformat(),
            canaries=Canaries(()),
            is_public_suffix=lambda _: False,
            release=release,
        )
        return pack_prebuilt(target.read_bytes())


def in_other_order() -> Mapping[str, bytes]:
    packed = packed_table("a.example", "adult", SECOND)
    return {order: packed[other] for order, other in (ORDERS, ORDERS[::-1])}


def without_seal() -> bytes:
    table = bytearray(gzip.decompress(packed_table("a.example", "adult", SECOND)[byteorder]))
    table[30] ^= 1  # of the salt
    return gzip.compress(table)


SECOND = TableRelease(FIRST + 1, "medium")
UNKNOWN = "has the category {!r}, which this version of Qalqan does not know"
REFUSED: Mapping[str, tuple[Callable[[], Mapping[str, bytes] | bytes], str]] = {
    "garbage": (lambda: b"no table", "is damaged"),
    "cut": (lambda: packed_table("a.example", "adult", SECOND)[byteorder][:-9], "is damaged"),
    "empty": (lambda: gzip.compress(b""), "is empty"),
    "another tier": (
        lambda: packed_table("a.example", "adult", replace(SECOND, tier="small")),
        "is not that of the tier medium",
    ),
    "another version": (
        lambda: packed_table("a.example", "adult", replace(SECOND, version=FIRST)),
        f"is not that of the tier medium and of version {FIRST + 1}",
    ),
    "without a seal": (without_seal, "does not match its seal"),
    "a new category": (
        lambda: packed_table("a.example", "holograms", SECOND),
        UNKNOWN.format("holograms"),
    ),
    "a state's register": (lambda: packed_table("a.example", "law:kz", SECOND), UNKNOWN.format("law:kz")),
    "a site that must open": (
        lambda: packed_table("scarleteen.com", "adult", SECOND),
        "scarleteen.com, which no list may block",
    ),
    "a well-known site": (lambda: packed_table("wikipedia.org", "games", SECOND), "blocks "),
    "the other byte order": (in_other_order, "was built on a machine of another byte order"),
    "no time": (lambda: packed_table("a.example", "adult", SECOND, "yesterday"), "does not say when"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_a_table_that_cannot_be_used_leaves_the_last_good_one(
    home: Home, publisher: Publisher, tables: Tables, kind: str
) -> None:
    publisher.publish(FIRST, tables.bundle(FIRST), tables.of(FIRST))
    home.lists("update")
    make, said = REFUSED[kind]
    publisher.publish(FIRST + 1, tables.bundle(FIRST + 1), changed(tables.of(FIRST), make()))
    problem = home.lists("update", status=1)
    assert problem.startswith("qalqan: feed: the table of names ")
    assert said in problem
    assert problem.endswith("; keeping the previous table\n")
    assert problem.count("\n") == 1
    assert read_check(home.state).problem == problem.removeprefix("qalqan: ").strip()
    assert home.release() == TableRelease(FIRST, "medium")
    assert home.listed == OF_TIER["medium"]
    assert not list(home.state.glob(".*new"))
    publisher.publish(FIRST + 2, tables.bundle(FIRST + 2), tables.of(FIRST + 2))
    assert home.lists("update") == ""
    assert read_check(home.state).problem == ""


def test_a_table_that_was_exchanged_or_cut_on_the_way_is_refused(
    home: Home, publisher: Publisher, site: Site, tables: Tables
) -> None:
    publisher.publish(FIRST, tables.bundle(FIRST), tables.of(FIRST))
    home.lists("update")
    publisher.publish(FIRST + 1, tables.bundle(FIRST + 1), tables.of(FIRST + 1))
    targets = metadata(publisher.public / "metadata" / "3.targets.json")["targets"]
    name = f"table-{FORMAT}-medium-{byteorder}.gz"
    path = f"/targets/{targets[name]['hashes']['sha256']}.{name}"
    body = site.body(path)
    assert body is not None
    for answer, said in (
        (body[:-1] + b"x", "a file is damaged or was exchanged"),
        (body + b"x", "a file is too large"),
        (b"", "a file is damaged or was exchanged"),
    ):
        site.bodies = {path: answer}
        assert said in home.lists("update", status=1)
        assert home.release() == TableRelease(FIRST, "medium")
    site.bodies.clear()
    site.cut = {path}
    assert "the download was cut after" in home.lists("update", status=1)
    site.cut.clear()
    assert home.lists("update") == ""
    assert home.release() == TableRelease(FIRST + 1, "medium")


def test_a_newer_format_is_refused_in_one_line(
    home: Home, publisher: Publisher, site: Site, tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher.publish(FIRST, tables.bundle(FIRST), tables.of(FIRST))
    home.lists("update")
    monkeypatch.setattr(repository, "TABLE_FORMAT", 2)
    publisher.publish(FIRST + 1, tables.bundle(FIRST + 1), tables.of(FIRST + 1))
    site.asked.clear()
    said = home.lists("update", status=1)
    assert said.count("\n") == 1
    assert "its table of names has format 2, and this version of Qalqan reads format 1 only" in said
    assert not any("table-" in path for path in site.asked)
    assert home.release() == TableRelease(FIRST, "medium")


def test_a_table_that_is_too_large_is_refused(
    home: Home, publisher: Publisher, tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher.publish(FIRST, tables.bundle(FIRST), tables.of(FIRST))
    home.lists("update")
    publisher.publish(FIRST + 1, tables.bundle(FIRST + 1), tables.of(FIRST + 1))
    most = dict.fromkeys(ListTier, 2000)
    monkeypatch.setattr(client, "MAX_TABLE", most)
    assert "the table of names has" in home.lists("update", status=1)
    monkeypatch.setattr(client, "MAX_TABLE", dict.fromkeys(ListTier, 1 << 20))
    monkeypatch.setattr(prebuilt, "MAX_TABLE", most)
    assert "has more than 0 MB" in home.lists("update", status=1), "unpacked"
    assert home.release() == TableRelease(FIRST, "medium")


def test_lists_are_fetched_when_the_table_is_a_week_old(
    home: Home, publisher: Publisher, site: Site, tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher.publish(FIRST, tables.bundle(FIRST), tables.of(FIRST))
    home.lists("update")
    site.down = True
    assert "503" in home.lists("update", status=1)
    assert home.release() == TableRelease(FIRST, "medium"), "the last good one"
    monkeypatch.setattr(list_updates, "STALE", timedelta())
    assert "503" in home.lists("update")
    assert home.release() is None, "from the sources again"
    assert home.listed == OF_TIER["medium"]
    site.down = False
    old = datetime.now(UTC) - timedelta(days=9)
    publisher.publish(FIRST + 1, tables.bundle(FIRST + 1), tables.of(FIRST + 1, old))
    assert "its table of names is too old: it was built 9 days ago" in home.lists("update")
    assert home.release() is None


def test_the_tier_of_the_gateway_decides(home: Home, publisher: Publisher, tables: Tables) -> None:
    publisher.publish(FIRST, tables.bundle(FIRST), tables.of(FIRST))
    for tier, expected in OF_TIER.items():
        home.choose(tier)
        assert home.lists("update") == ""
        assert home.release() == TableRelease(FIRST, tier)
        assert home.listed == expected


# ---------------------------------------------------------------------------------------- the publisher


def test_a_publisher_s_tables_are_those_that_a_gateway_builds(tables: Tables) -> None:
    made = tables.of(FIRST)
    assert [(table.tier, table.order) for table in made if table.order == byteorder] == [
        (tier, byteorder) for tier in ListTier
    ]
    assert len(made) == 6
    for table in made:
        if table.order == byteorder:
            found = DomainTable(gzip.decompress(table.packed))
            known = {key for key, text in NAMES.items() if found.categories(text.split()[0])}
            assert known == OF_TIER[table.tier]
            assert found.info.release == TableRelease(FIRST, table.tier)
            assert found.categories("pornhub.com") >= {"adult"}, "the built-in lists"


def test_a_table_of_the_other_byte_order() -> None:
    packed = packed_table("a.example", "adult", SECOND)
    native, other = (gzip.decompress(packed[order]) for order in sorted(ORDERS, key=byteorder.__ne__))
    with pytest.raises(ListError, match="another byte order"):
        DomainTable(other)
    magic, version, mark, count, bits, salt, length, seal = Struct(
        HEAD.format.replace("=", "<" if byteorder == "big" else ">")
    ).unpack(other[: HEAD.size])
    assert (magic, version, mark, count) == (MAGIC, VERSION, BYTE_ORDER_MARK, 1)
    assert salt == HEAD.unpack(native[: HEAD.size])[5]
    words = 4 * ((1 << bits) + 1 + count)
    index, swapped = array("I", native[HEAD.size :][:words]), array("I", other[HEAD.size :][:words])
    swapped.byteswap()
    assert swapped == index
    assert other[-length:] == native[-length:]
    unsealed = other[: HEAD.size - len(seal)]
    assert seal == blake2s(unsealed + digest_of([other[HEAD.size :]]), digest_size=len(seal)).digest()


def test_the_command_builds_and_publishes_tables(
    qalqan: Qalqan, publisher: Publisher, data: Path, copies: Path, tmp_path: Path
) -> None:
    command = ("feed", "build", "--data", data, "--version", FIRST, "--tables")
    said = qalqan(*command, tmp_path / "none", publisher.folder).refusal
    assert said.endswith("none/lists/bets.list: this list has no copy; get it with: --fetch")
    done = qalqan(*command, copies, publisher.folder)
    assert done.status == 0
    assert len(done.out.splitlines()) == 7
    publisher.repository.sign(publisher.offline("targets-1"))
    publisher.repository.publish(publisher.online)
    targets = metadata(publisher.public / "metadata" / "2.targets.json")["targets"]
    assert len(targets) == 7
    assert targets[f"table-{FORMAT}-small-big.gz"]["custom"]["version"] == FIRST
    assert "--fetch needs the folder" in qalqan("feed", "build", "--fetch", publisher.folder).refusal
    assert qalqan("feed", "build", "--data", data, "--version", FIRST + 1, publisher.folder).status == 0
    staged = metadata(publisher.folder / "staged" / "targets.json")["targets"]
    assert list(staged) == [f"data-{FORMAT}.tar.gz"], "a table belongs to one version of the data"


def test_a_publisher_fetches_the_lists_of_all_tiers(data: Path, tmp_path: Path) -> None:
    found, now = DataSet(data, FORMAT, FIRST), datetime.now(UTC)
    with served({f"/{key}": text.encode() for key, text in NAMES.items()}) as server:
        assert fetch_lists(found, tmp_path, ListServer(server.address), now) == []
        assert sorted(server.asked) == ["/bets", "/dates", "/nude"]
    assert len(list(make_tables(found, tmp_path, now))) == 6
    (tmp_path / SHELF / "nude.list").write_text("<html>a login page</html>")
    with pytest.raises(ListError, match="nude"):
        list(make_tables(found, tmp_path, now))
