"""Files of providers in the feed: each signs its own folder, whatever happens to the key of another."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tuf.api.metadata import Metadata, TargetFile, Targets

from gateway.core.errors import ListError
from gateway.feed.provider_files import RELEASE, provider_folder
from gateway.feed.repository import MAX_PROVIDERS, make_key, read_signer
from gateway.feed.status import read_check
from gateway.feed.target import target_name
from gateway.household.feed_update import update_provider_files
from gateway.lists.sealed import SealedShelf, SealedUpdate
from tests.feed.gateway_home import NOW, Home
from tests.feed.publisher import FIRST, FORMAT, Publisher, Site, metadata
from tests.lists.served import Anywhere, fetcher
from tests.sealing import MADE, Issuer, setting

pytestmark = pytest.mark.system  # a feed is published for each test

HOTLINE = Issuer()
REGISTER = b"blocked-by-law.example\n"
DATA = target_name(FORMAT)
SEALED_NOW = datetime.fromtimestamp(MADE + 3600, UTC)


class Provider:
    """A provider with its own key, whose files are in ``folder``."""

    def __init__(self, publisher: Publisher, name: str, folder: Path) -> None:
        self.publisher, self.name, self.folder = publisher, name, folder / name
        self.folder.mkdir()
        self.key = publisher.add_provider(name)

    def publish(self, files: dict[str, bytes], rollout: int | None = None) -> None:
        for name, data in files.items():
            (self.folder / name).write_bytes(data)
        places = [self.folder / name for name in files]
        self.publisher.repository.stage_files(self.name, places, rollout)
        self.publisher.publish_staged(self.key)

    def percentage(self, percent: int) -> None:
        self.publisher.repository.stage_percentage(self.name, percent)
        self.publisher.publish_staged(self.key)

    def force(self, files: dict[str, bytes], key: Path, version: int, days: int = 5) -> None:
        """Publish metadata without the publisher's checks, as with its online keys in other hands."""
        expires = datetime.now(UTC).replace(microsecond=0) + timedelta(days=days)
        forged = Metadata(Targets(version=version, expires=expires))
        for name, data in files.items():
            target = TargetFile.from_data(name, data, ["sha256"])
            forged.signed.targets[name] = target
            folder, _, file = name.partition("/")
            place = self.publisher.public / "targets" / folder / f"{target.hashes['sha256']}.{file}"
            place.parent.mkdir(exist_ok=True)
            place.write_bytes(data)
        forged.sign(read_signer(key))
        forged.to_file(str(self.publisher.public / "metadata" / f"{version}.{self.name}.json"))
        self.publisher.publish()


class Customer(Home):
    """A gateway of the provider alma, with a sealed list and a register of the feed."""

    def __init__(self, folder: Path, publisher: Publisher, site: Site) -> None:
        self.made = HOTLINE.make()
        source = HOTLINE.publish(folder.with_name("keys-of-the-hotline"), self.made)
        self.files = provider_folder(folder / "state")
        sealed = {**setting(source), "file": str(self.files / "a.set")}
        register = {"file": str(self.files / "kz.txt"), "on": True}
        super().__init__(folder, publisher, "alma", sealed=[sealed], registers={"kz": register})
        self.url = site.address

    def good(self) -> dict[str, bytes]:
        return {"a.set": self.made.data, "kz.txt": REGISTER}

    @property
    def stored(self) -> dict[str, bytes]:
        return {file.name: file.read_bytes() for file in self.files.iterdir()}

    def problem(self) -> str:
        self.update()
        return read_check(self.state).problem


@pytest.fixture
def publisher(tmp_path: Path) -> Publisher:
    made = Publisher(tmp_path / "publisher")
    made.publish(FIRST)
    return made


@pytest.fixture
def customer(tmp_path: Path, publisher: Publisher, site: Site) -> Customer:
    return Customer(tmp_path / "home", publisher, site)


@pytest.fixture
def alma(tmp_path: Path, publisher: Publisher, customer: Customer) -> Provider:
    made = Provider(publisher, "alma", tmp_path)
    made.publish(customer.good())
    return made


@pytest.fixture
def rival(tmp_path: Path, publisher: Publisher) -> Provider:
    return Provider(publisher, "rival", tmp_path)


def test_a_gateway_takes_the_files_that_it_uses(alma: Provider, customer: Customer, site: Site) -> None:
    alma.publish({"other.set": b"of another town", RELEASE: b"apt 0.2"})
    assert customer.problem() == ""
    assert customer.stored == {**customer.good(), RELEASE: b"apt 0.2"}
    assert customer.files.stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in customer.files.iterdir()} == {0o600}
    site.asked.clear()
    assert customer.problem() == ""
    assert site.asked == ["/metadata/2.root.json", "/metadata/timestamp.json"], "nothing is fetched twice"


def test_a_sealed_list_passes_its_own_checks(alma: Provider, customer: Customer) -> None:
    """A provider can deliver a list, and cannot change what its issuer signed."""
    customer.update()
    shelf, sources = SealedShelf(customer.state), customer.config.sealed
    update = SealedUpdate(shelf, fetcher(), lambda: ("google.com",), SEALED_NOW)
    assert update.renew(sources) == []
    sets, _ = shelf.load(sources)
    assert sets.holds("sealed-marker.invalid")
    alma.publish({"a.set": Issuer("A thief").make(["thief.invalid"]).data})
    assert customer.problem() == ""
    (refusal,) = update.renew(sources)
    assert "is not signed by its issuer" in refusal
    assert shelf.load(sources)[0].holds("sealed-marker.invalid")


def test_the_sealed_lists_come_without_the_data(alma: Provider, customer: Customer, site: Site) -> None:
    """As the daemon fetches them every six hours."""
    assert update_provider_files(customer.config, NOW, outside=Anywhere()) == []
    assert customer.stored == customer.good()
    assert not any("data-" in path for path in site.asked)
    assert customer.versions == []


def test_files_that_are_not_used_any_more_are_deleted(alma: Provider, customer: Customer) -> None:
    customer.update()
    text = customer.path.read_text()
    customer.path.write_text(text.replace("'on': true", "'on': false"))
    customer.rules.reload()
    assert customer.problem() == ""
    assert customer.stored.keys() == {"a.set"}


def test_a_file_that_the_provider_does_not_have_is_reported(
    alma: Provider, customer: Customer, publisher: Publisher
) -> None:
    publisher.repository.stage_provider("alma", [])
    publisher.publish_staged()
    assert "it has no file alma/a.set; ask the provider for it" in customer.problem()
    assert customer.versions == [FIRST], "the data comes all the same"


def test_a_key_signs_no_file_of_another_provider(
    alma: Provider, rival: Provider, customer: Customer, publisher: Publisher
) -> None:
    customer.update()
    rival.publish({"a.set": b"of the rival"})
    assert customer.problem() == ""
    assert customer.stored == customer.good(), "files of the same name in another folder"
    # The publisher refuses such a file; then a thief publishes it with the online keys.
    repository = publisher.repository
    repository.stage_files("rival", [rival.folder / "a.set"])
    staged = publisher.folder / "staged" / "rival.json"
    staged.write_text(staged.read_text().replace("rival/a.set", "alma/a.set"))
    repository.sign([rival.key])
    with pytest.raises(ListError, match="'alma/a\\.set' is not in the folder of this provider"):
        repository.publish(publisher.online)
    shutil.rmtree(publisher.folder / "staged")
    rival.force({"alma/a.set": b"evil", DATA: b"evil"}, rival.key, 2)
    assert customer.problem() == ""
    assert customer.stored == customer.good()
    # The rival's key does not sign for alma either.
    repository.stage_files("alma", [alma.folder / "a.set"])
    with pytest.raises(ListError, match="this key is not one of the roles that wait: alma"):
        repository.sign([rival.key])
    shutil.rmtree(publisher.folder / "staged")
    alma.force({"alma/a.set": b"evil"}, rival.key, 2)
    assert "a required signature is missing or wrong" in customer.problem()
    assert customer.stored == customer.good()


def test_a_provider_signs_no_data_of_the_feed(
    alma: Provider, customer: Customer, publisher: Publisher
) -> None:
    customer.update()
    alma.force({DATA: b"evil", f"next-{DATA}": b"evil"}, alma.key, 2)
    assert customer.update() is None
    assert customer.versions == [FIRST]


def test_a_stolen_key_is_replaced(alma: Provider, customer: Customer, publisher: Publisher) -> None:
    """The thief changes files of this provider alone, until the publisher replaces its key."""
    customer.update()
    thief, stolen = alma.key, {**customer.good(), "kz.txt": b"evil.example\n"}
    alma.force({f"alma/{name}": data for name, data in stolen.items()}, thief, 40)
    assert customer.problem() == ""
    assert customer.stored == stolen
    new = publisher.keys / "alma-new.pem"
    make_key(new)
    publisher.repository.stage_provider("alma", [new.with_suffix(".pub")])
    publisher.publish_staged()
    assert customer.update() is None
    alma.key = new
    alma.publish(customer.good())
    assert metadata(publisher.public / "metadata" / "41.alma.json")["version"] == 41
    assert customer.problem() == ""
    assert customer.stored == customer.good()
    alma.force({"alma/kz.txt": b"evil.example\n"}, thief, 42)
    assert "a required signature is missing or wrong" in customer.problem()
    assert customer.stored == customer.good()


def test_expired_files_of_a_provider_stay_and_stop_nothing_else(
    alma: Provider, customer: Customer, publisher: Publisher
) -> None:
    customer.update()
    alma.force({"alma/a.set": b"late", "alma/kz.txt": b"late"}, alma.key, 2, days=-1)
    publisher.publish(FIRST + 1)
    assert customer.update() == FIRST + 1
    problem = read_check(customer.state).problem
    assert "its signatures have expired" in problem
    assert problem.endswith("keeping the previous data")
    assert customer.stored == customer.good()


def test_an_expired_feed_keeps_all_files(alma: Provider, customer: Customer, publisher: Publisher) -> None:
    customer.update()
    publisher.ahead = timedelta(days=-8)
    publisher.publish()
    assert "its signatures have expired" in customer.refusal()
    assert customer.stored == customer.good()
    assert customer.versions == [FIRST]


def test_a_provider_cannot_break_the_feed_of_the_others(
    alma: Provider, rival: Provider, customer: Customer, publisher: Publisher
) -> None:
    """A lower version of its metadata would make gateways refuse the snapshot."""
    rival.publish({"b.set": b"one"})
    rival.publish({"b.set": b"two"})
    publisher.repository.stage_files("rival", [rival.folder / "b.set"])
    staged = publisher.folder / "staged" / "rival.json"
    values = json.loads(staged.read_text())
    values["signed"]["version"] = 1
    staged.write_text(json.dumps(values))
    publisher.repository.sign([rival.key])
    with pytest.raises(ListError, match="rival: has version 1, not 3"):
        publisher.repository.publish(publisher.online)


def test_a_file_with_another_hash_is_refused(rival: Provider, publisher: Publisher) -> None:
    """Its public name contains the SHA-256."""
    (rival.folder / "b.set").write_bytes(b"one")
    publisher.repository.stage_files("rival", [rival.folder / "b.set"])
    staged = publisher.folder / "staged" / "rival.json"
    values = json.loads(staged.read_text())
    values["signed"]["targets"]["rival/b.set"]["hashes"] = {"sha512": "0" * 128}
    staged.write_text(json.dumps(values))
    publisher.repository.sign([rival.key])
    with pytest.raises(ListError, match=r"'rival/b\.set' needs its SHA-256"):
        publisher.repository.publish(publisher.online)


def test_a_removed_provider_leaves_the_others_alone(
    alma: Provider, rival: Provider, customer: Customer, publisher: Publisher
) -> None:
    rival.publish({"b.set": b"one"})
    customer.update()
    publisher.repository.stage_provider("rival", [])
    publisher.publish_staged()
    assert customer.problem() == ""
    with pytest.raises(ListError, match="rival: is no provider of this feed"):
        publisher.repository.stage_files("rival", [rival.folder / "b.set"])
    rival.key = publisher.add_provider("rival")
    rival.publish({"b.set": b"back"})
    assert customer.problem() == ""
    assert "rival" in {row[0] for row in publisher.repository.describe()}


def test_files_roll_out_by_percentage_too(alma: Provider, customer: Customer) -> None:
    customer.update()
    alma.publish({"kz.txt": b"new.example\n"}, rollout=0)
    assert customer.problem() == ""
    assert customer.stored == customer.good()
    alma.percentage(100)
    customer.update()
    assert customer.stored["kz.txt"] == b"new.example\n"
    alma.percentage(0)
    customer.update()
    assert customer.stored["kz.txt"] == b"new.example\n", "stopped, not withdrawn"
    alma.publisher.repository.stage_withdrawal("alma", ["kz.txt"])
    alma.publisher.publish_staged(alma.key)
    customer.update()
    assert customer.stored == customer.good()
    alma.publish({"kz.txt": b"new.example\n"}, rollout=1)
    alma.publisher.repository.stage_end("alma")
    alma.publisher.publish_staged(alma.key)
    assert customer.problem() == ""
    assert customer.stored["kz.txt"] == b"new.example\n"


def test_the_first_release_is_for_all_gateways(alma: Provider, customer: Customer) -> None:
    """A withdrawal returns to it."""
    with pytest.raises(ListError, match="the first release of a provider is for all gateways"):
        alma.publish({RELEASE: b"apt 0.2\n"}, rollout=1)
    alma.publish({RELEASE: b"apt 0.1\n"})
    alma.publish({RELEASE: b"apt 0.2\n"}, rollout=100)
    assert customer.problem() == ""
    assert customer.stored[RELEASE] == b"apt 0.2\n"
    alma.publisher.repository.stage_withdrawal("alma", [RELEASE])
    alma.publisher.publish_staged(alma.key)
    customer.update()
    assert customer.stored[RELEASE] == b"apt 0.1\n"


def test_the_release_of_a_former_provider_is_deleted(
    alma: Provider, rival: Provider, customer: Customer, publisher: Publisher
) -> None:
    """The hourly job would install it."""
    rival.publish(customer.good())
    alma.publish({RELEASE: b"apt 0.2\n"})
    customer.update()
    assert RELEASE in customer.stored
    before = customer.path.read_text()
    customer.path.write_text(before.replace("provider: alma", "provider: rival"))
    customer.rules.reload()
    assert customer.problem() == ""
    assert customer.stored == customer.good()
    customer.path.write_text(before)
    customer.rules.reload()
    customer.update()
    assert RELEASE in customer.stored
    alma.force({"alma/a.set": b""}, alma.key, 40, days=-1)
    customer.update()
    assert RELEASE in customer.stored, "while the feed cannot be checked, it stays"
    customer.path.write_text(before.replace("provider: alma", "mirrors: []"))
    customer.rules.reload()
    assert "feed: {provider: …} is not set" in customer.problem()
    assert RELEASE not in customer.stored


def test_a_file_that_changed_on_the_disk_is_fetched_again(alma: Provider, customer: Customer) -> None:
    customer.update()
    (customer.files / "kz.txt").write_bytes(b"")
    customer.update()
    assert customer.stored == customer.good()


def test_names_that_cannot_be_providers(publisher: Publisher, alma: Provider) -> None:
    for name in ("targets", "root", "Alma", "a/b", "..", "a.b", "", "a" * 33):
        with pytest.raises(ListError, match="is no provider's name"):
            publisher.repository.stage_provider(name, [alma.key])
    for name in ("next-a.set", ".hidden", "a b"):
        (alma.folder / name).write_bytes(b"")
        with pytest.raises(ListError, match="cannot be the name of a file in the feed"):
            publisher.repository.stage_files("alma", [alma.folder / name])


def test_a_file_that_gateways_do_not_take_is_refused(alma: Provider) -> None:
    large = alma.folder / "large.txt"
    with large.open("wb") as file:
        file.truncate((64 << 20) + 1)
    with pytest.raises(ListError, match="has more than 64 MB"):
        alma.publisher.repository.stage_files("alma", [large])


def test_the_metadata_of_all_providers_are_small_enough_for_gateways(
    publisher: Publisher, customer: Customer
) -> None:
    key = publisher.keys / "shared.pem"
    make_key(key)
    keys = []
    for number in range(MAX_PROVIDERS):
        keys.append(publisher.keys / f"p{number}.pem")
        make_key(keys[-1])
        publisher.repository.stage_provider(f"a-provider-with-a-long-name-{number:04}", [keys[-1]])
    with pytest.raises(ListError, match=f"the feed has {MAX_PROVIDERS} providers"):
        publisher.repository.stage_provider("one-more", [key])
    publisher.publish_staged()
    customer.update()
    assert customer.versions == [FIRST]
