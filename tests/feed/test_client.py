"""A gateway against a web server that is stale, broken or in the hands of an attacker."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata, MetaFile, Snapshot, TargetFile, Targets, Timestamp

from gateway.core.errors import ListError
from gateway.feed.client import FeedClient, FeedError
from gateway.feed.repository import LIFETIMES, TIMESTAMP, KeyCounts, make_key, read_signer
from gateway.feed.target import target_name
from tests.feed.publisher import FIRST, FORMAT, Publisher, Site, bundle_of, metadata, serving
from tests.lists.served import Anywhere
from tests.pace import until


@pytest.fixture
def publisher(tmp_path: Path) -> Publisher:
    made = Publisher(tmp_path)
    made.publish(FIRST)
    return made


class Download(NamedTuple):
    bundle: Path
    version: int


class Gateway:
    """A gateway's client with its state, which trusts the publisher's first root file."""

    def __init__(self, folder: Path, publisher: Publisher, *urls: str) -> None:
        self.state = folder / "state"
        self.root = folder / "root.json"
        if not self.root.exists():
            shutil.copy(publisher.root, self.root)
        self.urls = urls

    def newest(self, above: int = 0) -> Download | None:
        """What was downloaded, if the feed has a version above what is packaged."""
        client = FeedClient(self.state, self.urls, self.root, outside=Anywhere(), deadline=20.0)
        offer = client.newest(FORMAT, above)
        return None if offer.bundle is None else Download(offer.bundle, offer.version)

    def refusal(self, above: int = 0) -> str:
        with pytest.raises(FeedError) as refused:
            self.newest(above)
        assert not (self.state / "feed" / "bundle.new").exists()
        return str(refused.value)


@pytest.fixture
def gateway(tmp_path: Path, publisher: Publisher, site: Site) -> Gateway:
    return Gateway(tmp_path, publisher, site.address)


def test_the_newest_data_is_downloaded_once(gateway: Gateway, site: Site) -> None:
    found = gateway.newest()
    assert found is not None
    assert found.version == FIRST
    assert found.bundle.read_bytes() == bundle_of(FIRST)
    site.asked.clear()
    assert gateway.newest(FIRST) is None
    assert site.asked == ["/metadata/2.root.json", "/metadata/timestamp.json"], "the daily check"


def test_a_newer_version_follows(gateway: Gateway, publisher: Publisher) -> None:
    gateway.newest()
    publisher.publish(FIRST + 5)
    found = gateway.newest(FIRST)
    assert found is not None
    assert found.version == FIRST + 5


def test_data_of_the_package_or_older_is_not_fetched(gateway: Gateway, site: Site) -> None:
    assert gateway.newest(FIRST + 100) is None, "a newer package"
    assert not any("targets/" in path for path in site.asked)


def test_a_rollback_is_refused(gateway: Gateway, publisher: Publisher, site: Site) -> None:
    old = publisher.saved("old")
    publisher.publish(FIRST + 1)
    gateway.newest()
    (gateway.state / "feed" / "bundle.new").unlink()
    site.folder = old
    assert "it offers older data than before" in gateway.refusal()


def test_a_frozen_server_is_noticed(gateway: Gateway, publisher: Publisher) -> None:
    """A server that withholds new data can only serve signatures that expire."""
    publisher.ahead = timedelta(days=-8)
    publisher.publish()
    assert "its signatures have expired" in gateway.refusal()


@pytest.mark.system
def test_a_server_that_stops_is_noticed_once_its_signatures_expire(
    gateway: Gateway, publisher: Publisher, site: Site
) -> None:
    """Nothing changes on the server: what it signed was valid at the last check."""
    publisher.ahead = timedelta(seconds=5) - LIFETIMES[TIMESTAMP]
    publisher.publish()
    assert gateway.newest() is not None
    (gateway.state / "feed" / "bundle.new").unlink()
    files = {path: site.body(path) for path in ("/metadata/timestamp.json", "/metadata/2.snapshot.json")}
    expires = datetime.fromisoformat(metadata(publisher.public / "metadata" / "timestamp.json")["expires"])
    assert until(lambda: datetime.now(UTC) > expires, 6.0) is not None
    assert {path: site.body(path) for path in files} == files
    assert "its signatures have expired" in gateway.refusal()
    publisher.ahead = timedelta()
    publisher.publish()
    assert gateway.newest() is not None, "the server goes on"


@pytest.mark.parametrize(
    ("role", "reason"),
    [
        # The timestamp has the snapshot's hash, the snapshot the version of targets.
        ("snapshot", "a file is damaged or was exchanged"),
        ("targets", "it offers older data than before (Expected targets v3, got v2.)"),
    ],
)
def test_parts_of_two_versions_do_not_mix(
    gateway: Gateway, publisher: Publisher, site: Site, role: str, reason: str
) -> None:
    old = publisher.saved("old")
    publisher.publish(FIRST + 1)
    site.bodies[f"/metadata/3.{role}.json"] = (old / "metadata" / f"2.{role}.json").read_bytes()
    assert reason in gateway.refusal()
    assert f"/metadata/3.{role}.json" in site.asked
    site.bodies.clear()
    assert gateway.newest() is not None


def test_the_data_of_another_version_is_refused(gateway: Gateway, publisher: Publisher, site: Site) -> None:
    old = publisher.saved("old")
    publisher.publish(FIRST + 1)
    site.bodies[site.bundle_path()] = next((old / "targets").iterdir()).read_bytes()
    assert "a file is damaged or was exchanged" in gateway.refusal()


def test_stolen_online_keys_cannot_change_the_data(
    gateway: Gateway, publisher: Publisher, site: Site
) -> None:
    """The thief signs snapshot and timestamp, but has no targets key: he signs targets with what he has."""
    snapshot_key, timestamp_key = map(read_signer, publisher.online)
    evil = bundle_of(FIRST + 9) + b"evil"
    expires = datetime.now(UTC).replace(microsecond=0) + timedelta(days=5)
    targets = Metadata(Targets(version=9, expires=expires))
    target = TargetFile.from_data(target_name(FORMAT), evil, ["sha256"])
    target.unrecognized_fields["custom"] = {"version": FIRST + 9}
    targets.signed.targets[target.path] = target
    targets.sign(snapshot_key)
    targets.sign(timestamp_key, append=True)
    files = {"9.targets.json": targets.to_bytes()}
    snapshot = Metadata(Snapshot(version=9, expires=expires, meta={"targets.json": MetaFile(9)}))
    snapshot.sign(snapshot_key)
    files["9.snapshot.json"] = snapshot.to_bytes()
    stamp = Metadata(Timestamp(version=9, expires=expires, snapshot_meta=MetaFile(9)))
    stamp.sign(timestamp_key)
    files["timestamp.json"] = stamp.to_bytes()
    site.bodies |= {f"/metadata/{name}": body for name, body in files.items()}
    site.bodies[f"/targets/{target.hashes['sha256']}.{target.path}"] = evil
    assert "a required signature is missing or wrong" in gateway.refusal()

    # The publisher replaces both keys: gateways forget the thief's version numbers.
    for role, key in (("snapshot", snapshot_key), ("timestamp", timestamp_key)):
        make_key(publisher.keys / "online" / f"{role}-new.pem")
        new = publisher.keys / "online" / f"{role}-new.pub"
        publisher.repository.stage_root(role, add=[new], remove=[key.public_key.keyid])
    publisher.repository.sign(publisher.offline("root-1", "root-2"))
    publisher.repository.publish(
        [publisher.keys / "online" / f"{role}-new.pem" for role in ("snapshot", "timestamp")]
    )
    site.bodies.clear()
    found = gateway.newest()
    assert found is not None
    assert found.version == FIRST


def test_one_root_key_is_not_enough(gateway: Gateway, publisher: Publisher, site: Site) -> None:
    """A thief of one of two root keys replaces all keys by his own."""
    thief = CryptoSigner.generate_ed25519()
    root = Metadata.from_bytes((publisher.public / "metadata" / "1.root.json").read_bytes())
    root.signed.version = 2
    for role in ("root", "targets", "snapshot", "timestamp"):
        root.signed.add_key(thief.public_key, role)
        root.signed.roles[role].threshold = 1
    root.signatures.clear()
    root.sign(read_signer(publisher.offline("root-1")[0]))
    root.sign(thief, append=True)
    site.bodies["/metadata/2.root.json"] = root.to_bytes()
    assert "a required signature is missing or wrong" in gateway.refusal()


def test_a_cut_file_is_refused(gateway: Gateway, site: Site) -> None:
    for path in ("/metadata/timestamp.json", "/metadata/2.targets.json", site.bundle_path()):
        site.cut = {path}
        assert "the download was cut after" in gateway.refusal()
    site.cut.clear()
    assert gateway.newest() is not None


def test_a_file_that_is_too_large_is_refused(gateway: Gateway, site: Site) -> None:
    bundle = site.bundle_path()
    for path in ("/metadata/2.root.json", "/metadata/timestamp.json", "/metadata/2.snapshot.json", bundle):
        site.bodies = {path: b"x" * (1 << 20)}
        assert "a file is too large" in gateway.refusal()


def test_a_bundle_that_is_signed_but_too_large_is_refused(gateway: Gateway, publisher: Publisher) -> None:
    publisher.publish(FIRST + 1, bytes((8 << 20) + 1))
    assert "more than 8388608" in gateway.refusal()


def test_garbage_in_place_of_metadata_is_refused(gateway: Gateway, site: Site) -> None:
    for body in (b"", b"{}", b"<html>a login page</html>", b"\xff" * 300, b"[" * 5000):
        site.bodies = {"/metadata/timestamp.json": body}
        assert site.address in gateway.refusal()


def test_a_mirror_stands_in_for_a_dead_a_stale_and_a_broken_server(
    tmp_path: Path, publisher: Publisher, site: Site
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        dead = f"http://127.0.0.1:{closed.getsockname()[1]}"
    with serving(publisher.public) as broken:
        gateway = Gateway(tmp_path, publisher, dead, broken.address, site.address)
        broken.down = True
        assert gateway.newest() is not None
        broken.down = False
        broken.bodies["/metadata/timestamp.json"] = b"<html>a login page</html>"
        old = publisher.saved("old")
        publisher.publish(FIRST + 1)
        assert gateway.newest(FIRST) is not None
        broken.bodies.clear()
        broken.folder = old
        publisher.publish(FIRST + 2)
        found = gateway.newest(FIRST + 1)
        assert found is not None
        assert found.version == FIRST + 2
        site.down = True
        said = gateway.refusal()
        assert dead in said
        assert broken.address in said
        assert "503" in said
        assert said.endswith("keeping the previous data")


def test_a_slow_server_does_not_keep_the_process(tmp_path: Path, publisher: Publisher) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        gateway = Gateway(tmp_path, publisher, f"http://127.0.0.1:{listening.getsockname()[1]}")
        client = FeedClient(gateway.state, gateway.urls, gateway.root, outside=Anywhere(), deadline=0.3)
        with pytest.raises(FeedError, match="the server is too slow"):
            client.newest(FORMAT, 0)


def test_root_keys_rotate(gateway: Gateway, publisher: Publisher) -> None:
    """Gateways that know the first root only follow all further ones."""
    for number, old in ((3, "root-1"), (4, "root-2")):
        make_key(publisher.keys / "offline" / f"root-{number}.pem")
        new = publisher.keys / "offline" / f"root-{number}.pub"
        keyid = read_signer(publisher.offline(old)[0]).public_key.keyid
        publisher.repository.stage_root("root", add=[new], remove=[keyid])
        publisher.repository.sign([new.with_suffix(".pem")])
        with pytest.raises(ListError, match="1 of 2 signatures, and 0 of 2 of the previous keys"):
            publisher.repository.publish(publisher.online)
        publisher.repository.sign(publisher.offline("root-1", "root-2", "root-3")[number - 3 : number])
        publisher.repository.publish(publisher.online)
    assert gateway.newest() is not None


def test_targets_keys_rotate(gateway: Gateway, publisher: Publisher) -> None:
    gateway.newest()
    make_key(publisher.keys / "offline" / "targets-2.pem")
    old = read_signer(publisher.offline("targets-1")[0]).public_key.keyid
    new = publisher.offline("targets-2")[0]
    publisher.repository.stage_root("targets", add=[new.with_suffix(".pub")], remove=[old])
    publisher.repository.sign([*publisher.offline("root-1", "root-2"), new])
    publisher.repository.publish(publisher.online)
    assert gateway.newest(FIRST) is None, "the same data, signed by the new key"
    publisher.stage(FIRST + 1)
    with pytest.raises(ListError, match="is not one of the roles"):
        publisher.repository.sign(publisher.offline("targets-1"))
    publisher.repository.sign([new])
    publisher.repository.publish(publisher.online)
    assert gateway.newest(FIRST) is not None


def test_another_root_file_begins_anew(tmp_path: Path, gateway: Gateway, site: Site) -> None:
    """A family that changes its provider copies the new one's root file."""
    gateway.newest()
    other = Publisher(tmp_path / "other", KeyCounts(root=1, root_threshold=1))
    other.publish(FIRST)
    site.folder = other.public
    assert gateway.refusal(), "signed by keys that this gateway does not trust"
    shutil.copy(other.root, gateway.root)
    assert gateway.newest() is not None


def test_a_root_file_that_cannot_be_used(gateway: Gateway) -> None:
    root = json.loads(gateway.root.read_bytes())
    next(iter(root["signed"]["keys"].values())).update(keytype="rsa", scheme="rsassa-pss-sha256")
    for text, said in (
        (json.dumps(root), "not Ed25519"),
        ("{}", "not a root file"),
        (None, "cannot be read"),
    ):
        if text is None:
            gateway.root.unlink()
        else:
            gateway.root.write_text(text)
        assert said in gateway.refusal()


def test_a_format_that_the_feed_does_not_have(gateway: Gateway) -> None:
    client = FeedClient(gateway.state, gateway.urls, gateway.root, outside=Anywhere())
    with pytest.raises(FeedError, match="no data of format 999; a newer version of Qalqan may be needed"):
        client.newest(999, 0)


def test_damaged_metadata_on_the_disk_is_fetched_again(gateway: Gateway) -> None:
    gateway.newest()
    folder = gateway.state / "feed" / "metadata"
    for name in ("timestamp.json", "snapshot.json", "targets.json", "root.json"):
        (folder / name).unlink()
        (folder / name).write_bytes(b"\0" * 100)
        assert gateway.newest() is not None


def test_no_cryptography_is_needed(gateway: Gateway) -> None:
    """Small routers have tuf and securesystemslib only. Without them, the feed says what is missing."""
    script = f"""
import sys
sys.modules["cryptography"] = None
from pathlib import Path
from gateway.feed.client import FeedClient
from tests.lists.served import Anywhere
places = Path({str(gateway.state)!r}), {gateway.urls!r}, Path({str(gateway.root)!r})
client = FeedClient(*places, outside=Anywhere())
print(client.newest({FORMAT}, 0).version)
print([name for name in sys.modules if name.startswith("cryptography.")])
"""
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert done.stdout.split("\n")[:2] == [str(FIRST), "[]"]
