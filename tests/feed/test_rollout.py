"""New data for a percentage of the gateways first: the percentage, stop, withdrawal, and the end."""

from __future__ import annotations

import random
from datetime import timedelta
from pathlib import Path
from sys import byteorder

import pytest

from gateway.core.errors import ListError
from gateway.feed.client import GATEWAY_ID, FeedClient
from gateway.feed.target import FeedTable
from gateway.policy.config.list_tiers import ListTier
from gateway.policy.names.domain_table import TableRelease
from tests.feed.gateway_home import NOW, Home
from tests.feed.publisher import FIRST, FORMAT, Publisher, Site
from tests.lists.served import Anywhere

pytestmark = pytest.mark.system  # a feed is published for each test

GOOD, NEXT = FIRST, FIRST + 1
GATEWAYS = 1000
# Five standard deviations of a binomial distribution of 1,000 gateways.
BOUNDS = {0: (0, 0), 1: (0, 26), 10: (52, 148), 100: (GATEWAYS, GATEWAYS)}


@pytest.fixture
def publisher(tmp_path: Path) -> Publisher:
    made = Publisher(tmp_path / "publisher")
    made.publish(GOOD)
    return made


@pytest.fixture
def home(tmp_path: Path, publisher: Publisher, site: Site) -> Home:
    return a_home(tmp_path, publisher, site, "home")


def a_home(folder: Path, publisher: Publisher, site: Site, name: str) -> Home:
    made = Home(folder / name, publisher)
    made.url = site.address
    return made


def in_use(home: Home) -> int:
    home.rules.reload()
    return home.rules.product.data.version


def takers(folder: Path, publisher: Publisher, site: Site, ids: list[bytes]) -> set[bytes]:
    """The gateways of these ids that take the candidate, by the client of a gateway."""
    client = FeedClient(folder / "thousand", [site.address], publisher.root, outside=Anywhere())
    file = folder / "thousand" / "feed" / GATEWAY_ID
    file.parent.mkdir(parents=True, exist_ok=True)
    found = set()
    for gateway in ids:
        file.write_bytes(gateway)
        # No data is downloaded: the package has a higher version.
        if client.newest(FORMAT, packaged=NEXT + 1).version == NEXT:
            found.add(gateway)
    return found


def test_a_percentage_of_a_thousand_gateways_takes_the_candidate(
    tmp_path: Path, publisher: Publisher, site: Site
) -> None:
    ids = [random.Random(number).randbytes(16) for number in range(GATEWAYS)]
    publisher.publish(NEXT, rollout=0)
    before: set[bytes] = set()
    for percent, (least, most) in BOUNDS.items():
        publisher.set_percentage(percent)
        found = takers(tmp_path, publisher, site, ids)
        assert least <= len(found) <= most, percent
        assert before <= found, "who is in the first 1 % is in the first 10 %"
        before = found


def test_each_release_has_other_first_gateways(tmp_path: Path, publisher: Publisher, site: Site) -> None:
    ids = [random.Random(number).randbytes(16) for number in range(GATEWAYS)]
    found = []
    for content in (b"one", b"another"):
        publisher.repository.stage_bundle(content, FORMAT, NEXT + len(content), rollout=10)
        publisher.publish_staged()
        client_folder = tmp_path / content.decode()
        client = FeedClient(client_folder, [site.address], publisher.root, outside=Anywhere())
        (client_folder / "feed").mkdir(parents=True)
        taken = set()
        for gateway in ids:
            (client_folder / "feed" / GATEWAY_ID).write_bytes(gateway)
            if client.newest(FORMAT, packaged=NEXT + 100).version > GOOD:
                taken.add(gateway)
        found.append(taken)
    assert len(found[0] & found[1]) < min(map(len, found)) / 2


def test_a_stopped_roll_out_reaches_no_further_gateway_and_takes_nothing_back(
    tmp_path: Path, publisher: Publisher, site: Site, home: Home
) -> None:
    home.update()
    publisher.publish(NEXT, rollout=100)
    assert home.update() == NEXT
    publisher.set_percentage(0)
    other = a_home(tmp_path, publisher, site, "other")
    assert other.update() == GOOD
    assert other.update() is None
    assert home.update() is None
    assert (in_use(home), in_use(other)) == (NEXT, GOOD)


def test_a_withdrawal_brings_the_last_good_data_back(publisher: Publisher, site: Site, home: Home) -> None:
    home.update()
    publisher.publish(NEXT, rollout=100)
    home.update()
    assert home.versions == [NEXT, GOOD]
    publisher.repository.stage_withdrawal("targets")
    publisher.publish_staged()
    site.asked.clear()
    assert home.update() == GOOD
    assert not any("targets/" in path for path in site.asked), "it is on the disk still"
    assert home.versions == [GOOD]
    assert in_use(home) == GOOD
    assert home.update() is None
    with pytest.raises(ListError, match=f"version {NEXT} is not above {NEXT}"):
        publisher.stage(NEXT)
    publisher.publish(NEXT + 1, rollout=100)
    assert home.update() == NEXT + 1


def test_a_gateway_that_never_had_the_good_data_downloads_it(publisher: Publisher, home: Home) -> None:
    publisher.publish(NEXT, rollout=100)
    assert home.update() == NEXT
    assert home.versions == [NEXT]
    publisher.repository.stage_withdrawal("targets")
    publisher.publish_staged()
    assert home.update() == GOOD
    assert home.versions == [GOOD]


def test_a_withdrawal_stays_undone_while_the_good_data_cannot_be_had(
    publisher: Publisher, site: Site, home: Home
) -> None:
    publisher.publish(NEXT, rollout=100)
    home.update()
    publisher.repository.stage_withdrawal("targets")
    publisher.publish_staged()
    site.cut = {f"/targets/{file.name}" for file in (publisher.public / "targets").iterdir()}
    assert "the download was cut" in home.refusal()
    assert home.versions == [NEXT]
    site.cut.clear()
    assert home.update() == GOOD


def test_an_old_copy_of_the_feed_withdraws_nothing(publisher: Publisher, site: Site, home: Home) -> None:
    """Only newer metadata can name older data."""
    old = publisher.saved("old")
    publisher.publish(NEXT)
    home.update()
    site.folder = old
    assert "it offers older data than before" in home.refusal()
    assert in_use(home) == NEXT


def test_the_end_of_a_roll_out_is_for_all(
    tmp_path: Path, publisher: Publisher, site: Site, home: Home
) -> None:
    publisher.publish(NEXT, rollout=1)
    publisher.repository.stage_end("targets")
    publisher.publish_staged()
    assert home.update() == NEXT
    assert publisher.repository.rollouts() == [("ROLL-OUT", "GATEWAYS")]
    with pytest.raises(ListError, match="there is no such roll-out"):
        publisher.repository.stage_withdrawal("targets")
    assert a_home(tmp_path, publisher, site, "new").update() == NEXT


def test_a_new_release_ends_the_roll_out_of_the_one_before(publisher: Publisher, home: Home) -> None:
    publisher.publish(NEXT, rollout=100)
    home.update()
    publisher.publish(NEXT + 1, rollout=0)
    assert home.update() == GOOD, "its candidate is not offered any more"
    publisher.publish(NEXT + 2)
    assert home.update() == NEXT + 2
    assert publisher.repository.rollouts() == [("ROLL-OUT", "GATEWAYS")]


def test_the_first_data_of_a_feed_is_for_all(tmp_path: Path) -> None:
    empty = Publisher(tmp_path / "empty")
    with pytest.raises(ListError, match="the first data of a feed is for all gateways"):
        empty.stage(FIRST, rollout=1)
    empty.publish(FIRST)
    with pytest.raises(ListError, match="101: is no percentage"):
        empty.stage(NEXT, rollout=101)


def test_tables_follow_the_data_of_the_gateway(tmp_path: Path, publisher: Publisher, site: Site) -> None:
    tables = {
        version: FeedTable(ListTier.SMALL, byteorder, NOW, str(version).encode())
        for version in (GOOD + 1, GOOD + 2)
    }
    publisher.publish(GOOD + 1, tables=[tables[GOOD + 1]])
    publisher.publish(GOOD + 2, tables=[tables[GOOD + 2]], rollout=50)
    client = FeedClient(tmp_path / "state", [site.address], publisher.root, outside=Anywhere())
    client.newest(FORMAT, packaged=GOOD + 3)
    for version in tables:
        found = client.table(FORMAT, TableRelease(version, ListTier.SMALL), NOW + timedelta(hours=1))
        assert found is not None
        assert found.read_bytes() == str(version).encode()
    assert client.table(FORMAT, TableRelease(GOOD, ListTier.SMALL), NOW) is None


def test_the_id_of_the_gateway_never_leaves_it(publisher: Publisher, site: Site, home: Home) -> None:
    publisher.publish(NEXT, rollout=50)
    home.update()
    file = home.state / "feed" / GATEWAY_ID
    secret = file.read_bytes()
    assert (len(secret), file.stat().st_mode & 0o777) == (16, 0o600)
    sent = "".join(site.asked) + site.headers
    for form in (secret.hex(), str(int.from_bytes(secret, "big")), secret.decode("latin-1")):
        assert form not in sent
    assert "Cookie" not in sent
    home.update()
    assert file.read_bytes() == secret, "the same for all releases"
