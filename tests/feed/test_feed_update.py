"""A gateway takes new data from a feed: validated, complete, without a restart, and never older data."""

from __future__ import annotations

import fcntl
import io
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
import yaml

from gateway.core import optional_packages
from gateway.core.errors import GatewayError, ListError
from gateway.feed import data_set
from gateway.feed.bundle import MAX_FILES, pack, unpack
from gateway.feed.data_set import DataSet, packaged_data
from gateway.feed.status import read_check
from gateway.household.feed_update import make_bundle, update_feed
from gateway.household.list_library import read_library
from gateway.household.loading import product_in_use
from gateway.household.rule_book import RuleBook
from gateway.policy.config.list_tiers import ListTier
from profiles import DATA
from tests.feed.gateway_home import NOW, Home
from tests.feed.publisher import FIRST, FORMAT, NEW_SERVICE, Publisher, Site, bundle_of, data_with
from tests.household.household_files import DAUGHTER, write

pytestmark = pytest.mark.system  # a feed is published for almost each test

NEW = "newchat-feed.com"


@pytest.fixture
def publisher(tmp_path: Path) -> Publisher:
    return Publisher(tmp_path / "publisher")


@pytest.fixture
def new_bundle(tmp_path: Path) -> bytes:
    """Data with one more service and one more name in a list."""
    seed = (DATA / "lists" / "gambling.txt").read_text()
    files = {
        "services/newchat.yaml": NEW_SERVICE.replace("ai,", "newchats,"),
        "lists/gambling.txt": f"{seed}{NEW}\n",
    }
    return bundle_of(FIRST, data_with(tmp_path / "data", files))


@pytest.fixture
def home(tmp_path: Path, publisher: Publisher, site: Site) -> Home:
    made = Home(tmp_path / "home", publisher)
    made.url = site.address
    return made


def test_new_data_is_in_use_after_a_reload(home: Home, publisher: Publisher, new_bundle: bytes) -> None:
    publisher.publish(FIRST, new_bundle)
    assert home.services(NEW) == ()
    assert home.update() == FIRST
    assert home.services(NEW) == (), "until the daemon reads it"
    home.rules.reload()
    assert home.services(NEW) == ("newchat",)
    assert home.rules.names.services["newchat"] == "New Chat"
    assert home.rules.household.profiles.keys() == {"daughter"}
    assert read_check(home.state).problem == ""
    assert home.update() is None
    assert RuleBook(home.path).product.data.version == FIRST, "and at the next start"
    library = read_library(home.state, product=home.rules.product)
    gambling = next(seed for seed in library.seeds if seed.category == "gambling")
    assert NEW in gambling.path.read_text(), "the next table is built from its lists"


OWN = {
    "club": {"name": "Chess Club", "categories": ["games"], "domains": ["club.example"]},
    "ourchat": {"name": "Our Chat", "categories": ["messaging"], "domains": ["ourchat.example"]},
}
SIGNED = """\
group: {id: newchats, name: {en: New chats}}
services:
  newchat:
    name: New Chat
    categories: [messaging]
    domains: [newchat-feed.com]
    signatures: [{proto: tcp, bytes: "4e 45 57 43 48 41 54 01"}]
    test: {match: [newchat-feed.com], miss: [example.com]}
  ourchat:
    name: Another Chat
    categories: [messaging]
    domains: [otherchat-feed.com]
    test: {match: [otherchat-feed.com], miss: [example.com]}
"""


def test_the_family_s_own_services_stay_with_new_data(
    home: Home, publisher: Publisher, tmp_path: Path
) -> None:
    feed = yaml.safe_load(home.path.read_text())["feed"]
    rules = {"name": "Son", "band": "13-15", "block": ["service:club"]}
    write(home.path.parent, {"daughter": DAUGHTER, "son": rules}, feed=feed, services=OWN)
    home.rules.reload()
    assert home.rules.problems() == []
    data = data_with(tmp_path / "data", {"services/newchat.yaml": SIGNED})
    publisher.publish(FIRST, bundle_of(FIRST, data))
    assert home.update() == FIRST
    home.rules.reload()
    catalogue = home.rules.world.catalogue
    assert home.rules.product.data.version == FIRST
    assert home.rules.household.profiles.keys() == {"daughter", "son"}
    assert catalogue.services_of("club.example") == ("club",)
    assert catalogue.services_of(NEW) == ("newchat",)
    assert catalogue.signed("tcp", b"NEWCHAT\x01 hello", 443) == ("newchat",)
    assert catalogue.services_of("ourchat.example") == ("ourchat",), "the family's replaces the new one"
    assert any("'ourchat' is a service of the catalogue too" in line for line in home.rules.problems())
    write(home.path.parent, {"daughter": DAUGHTER}, feed=feed)
    (home.path.parent / "profiles" / "son.yaml").unlink()
    home.rules.reload()
    assert home.services("club.example") == ()
    assert home.services("otherchat-feed.com") == ("ourchat",)


def test_tiers_and_guarded_sites_come_from_new_data(home: Home, publisher: Publisher, tmp_path: Path) -> None:
    sources = (DATA / "sources.yaml").read_text().replace("tier: small", "tier: large")
    guard = (DATA / "guard.yaml").read_text().replace("news: [bbc.com,", f"news: [{NEW}, bbc.com,")
    files = {"sources.yaml": sources, "guard.yaml": guard}
    publisher.publish(FIRST, bundle_of(FIRST, data_with(tmp_path / "data", files)))
    home.update()
    home.rules.reload()
    before = read_library(home.state, tier=ListTier.SMALL)
    after = read_library(home.state, tier=ListTier.SMALL, product=home.rules.product)
    assert before.due()
    assert after.due() == []
    assert not before.canaries.guard.spares("adult", NEW)
    assert after.canaries.guard.spares("adult", NEW)


def test_without_a_new_version_a_reload_keeps_the_data(home: Home, publisher: Publisher) -> None:
    publisher.publish(FIRST)
    home.update()
    home.rules.reload()
    before = home.rules.product
    home.rules.reload()
    assert home.rules.product is before


def test_without_an_address_the_packaged_data_is_used(
    home: Home, publisher: Publisher, new_bundle: bytes
) -> None:
    publisher.publish(FIRST, new_bundle)
    home.update()
    write(home.path.parent, {})
    home.rules.reload()
    assert home.services(NEW) == ()
    assert home.rules.product.data.is_packaged
    with pytest.raises(ListError, match="no address is set"):
        update_feed(home.path, home.rules.household.config, NOW)


def test_a_newer_package_is_not_replaced_by_older_data(
    home: Home, publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher.publish(FIRST)
    home.update()
    assert product_in_use(home.config)[0].data.version == FIRST
    for newer in (DataSet(DATA, FORMAT, FIRST + 1), DataSet(DATA, FORMAT + 1, FIRST - 1)):
        monkeypatch.setattr(data_set, "packaged_data", lambda newer=newer: newer)
        assert data_set.delivered_data(home.config) == []


def test_two_versions_are_kept(home: Home, publisher: Publisher) -> None:
    for version in range(FIRST, FIRST + 3):
        publisher.publish(version)
        home.update()
    assert home.versions == [FIRST + 2, FIRST + 1]
    assert len(list((publisher.public / "targets").iterdir())) == 3


def test_data_that_is_damaged_on_the_disk_gives_way_to_the_version_before(
    home: Home, publisher: Publisher
) -> None:
    for version in (FIRST, FIRST + 1):
        publisher.publish(version)
        home.update()
    (home.state / "feed" / str(FIRST + 1) / "services" / "ai.yaml").write_bytes(b"\0" * 1000)
    home.rules.reload()
    assert home.rules.product.data.version == FIRST
    said = f"feed: the data of version {FIRST + 1} cannot be used"
    assert any(said in line for line in home.rules.problems())
    shutil.rmtree(home.state / "feed" / str(FIRST) / "services")
    assert RuleBook(home.path).product.data.is_packaged


BROKEN = {
    "services/ai.yaml": "group: {id: ai",
    "sources.yaml": "[]",
    "canaries.yaml": "x: y",
    "must_resolve.yaml": "x: y",
    "guard.yaml": "x: y",
    "name_words.yaml": "words: {unknown: {anywhere: [word]}}",
    "resolvers.yaml": "- 1",
    "safesearch.yaml": "",
    "countries/kz.yaml": "a: [",
    "lists/adult.txt": "google.com\n",
    "services/newchat.yaml": NEW_SERVICE,
}


@pytest.mark.parametrize("name", BROKEN)
def test_data_that_does_not_parse_is_refused(
    home: Home, publisher: Publisher, tmp_path: Path, name: str
) -> None:
    folder = data_with(tmp_path / "data", {name: BROKEN[name]})
    with pytest.raises(GatewayError):
        make_bundle(folder, FORMAT, FIRST)
    publisher.publish(FIRST, bundle_of(FIRST, folder))
    assert home.refusal()
    assert home.versions == []
    home.rules.reload()
    assert home.rules.product.data.is_packaged


def test_a_service_that_the_package_has_must_stay(home: Home, publisher: Publisher, tmp_path: Path) -> None:
    text = (DATA / "services" / "ai.yaml").read_text()
    folder = data_with(tmp_path / "data", {"services/ai.yaml": text.replace("\n  claude:", "\n  claude2:")})
    publisher.publish(FIRST, bundle_of(FIRST, folder))
    assert f"feed {FIRST}: the service claude is missing" in home.refusal()


def test_data_that_breaks_the_family_s_rules_is_refused(
    home: Home, publisher: Publisher, tmp_path: Path
) -> None:
    write(home.path.parent, {"son": {"name": "Son", "band": "13-15", "laws": {"au-under-16-social": "Mum"}}})
    text = (DATA / "countries" / "au.yaml").read_text()
    changed = text.replace("id: au-under-16-social", "id: au-under-15-social")
    publisher.publish(FIRST, bundle_of(FIRST, data_with(tmp_path / "data", {"countries/au.yaml": changed})))
    assert "the rules in son.yaml do not work with it" in home.refusal()


def archive(*members: tuple[str, bytes, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as made:
        for name, kind, data in members:
            member = tarfile.TarInfo(name)
            member.size, member.type, member.linkname = len(data), kind, "/etc/passwd"
            made.addfile(member, io.BytesIO(data))
    return out.getvalue()


FILE = tarfile.REGTYPE
GARBAGE = {
    "nothing": b"",
    "noise": os.urandom(1000),
    "cut": bundle_of(FIRST)[:40_000],
    "empty": archive(),
    "outside": archive(("../../etc/cron.d/x", FILE, b"x")),
    "absolute": archive(("/etc/passwd", FILE, b"x")),
    "link": archive(("services", tarfile.SYMTYPE, b"")),
    "age groups": archive(("bands/0-5.yaml", FILE, b"x")),
    "program": archive(("__init__.py", FILE, b"x")),
    "many": archive(*((f"services/{number}.yaml", FILE, b"") for number in range(MAX_FILES + 1))),
    "bomb": archive(("lists/adult.txt", FILE, bytes(33 << 20))),
}


@pytest.mark.parametrize("kind", GARBAGE)
def test_garbage_that_is_signed_is_refused(home: Home, publisher: Publisher, kind: str) -> None:
    publisher.publish(FIRST, GARBAGE[kind])
    assert "feed: the bundle" in home.refusal()
    assert home.versions == []


def test_the_version_in_the_bundle_is_the_signed_one(home: Home, publisher: Publisher) -> None:
    publisher.publish(FIRST, bundle_of(FIRST + 1))
    assert "is version" in home.refusal()


def test_a_bundle_has_the_files_of_the_package(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "bundle").write_bytes(pack(DATA, (DATA / "data.yaml").read_bytes()))
    unpack(tmp_path / "bundle", tmp_path / "data")
    for file in (tmp_path / "data").rglob("*.*"):
        assert file.read_bytes() == (DATA / file.relative_to(tmp_path / "data")).read_bytes()
    assert pack(DATA, b"") == pack(DATA, b""), "the same bytes"
    assert packaged_data().is_packaged


def test_without_the_package_tuf_one_line_says_so(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(optional_packages, "is_installed", lambda module: module != "tuf")
    assert home.refusal() == (
        "signed data feeds need the package python3-tuf, which is not installed; install it and try again"
    )


def test_two_checks_never_run_at_the_same_time(home: Home, publisher: Publisher) -> None:
    publisher.publish(FIRST)
    (home.state / "feed").mkdir()
    with (home.state / "feed" / "lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "another check of the feed is running" in home.refusal()
    assert home.update() == FIRST


def test_a_full_disk_keeps_the_data(home: Home, publisher: Publisher) -> None:
    publisher.publish(FIRST)
    (home.state / "feed").write_bytes(b"a file where the folder belongs")
    with pytest.raises(ListError, match="cannot be written"):
        home.update()
    assert product_in_use(home.config)[0].data.is_packaged


def test_the_daemon_does_not_load_tuf() -> None:

    script = """
import sys, gateway.app.daemon
print({name.partition(".")[0] for name in sys.modules} & {"tuf", "securesystemslib", "tarfile"})
"""
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "set()"
