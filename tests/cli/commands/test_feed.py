"""`qalqan feed`: a publisher's steps, a gateway's check, and the check as part of an update of the lists."""

from __future__ import annotations

import json
import re
import stat
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest

from gateway.check.lists import feed_findings
from gateway.cli import list_updates
from gateway.cli.commands import feed as command
from gateway.cli.settings import read_config
from gateway.core import optional_packages
from gateway.feed.data_set import packaged_data
from gateway.feed.status import read_check, store_check
from gateway.feed.target import target_name
from gateway.household.feed_update import update_feed
from gateway.policy.config.feed import FeedSource
from tests.cli.conftest import Qalqan
from tests.feed.publisher import FIRST, FORMAT, Publisher, metadata, serving
from tests.lab.home import ROOT
from tests.lists.served import Anywhere

NOW = datetime(2026, 11, 29, 3, 0, tzinfo=UTC)
UNREACHABLE = "https://feed.invalid/qalqan"


def with_feed(config: Path, publisher: Publisher, url: str = UNREACHABLE) -> Path:
    (config.parent / "state").mkdir(exist_ok=True)
    config.write_text(f"{config.read_text()}feed: {{url: '{url}', root: '{publisher.root}'}}\n")
    return config


@pytest.fixture
def publisher(tmp_path: Path) -> Publisher:
    return Publisher(tmp_path / "publisher")


def test_the_steps_of_a_publisher(qalqan: Qalqan, tmp_path: Path) -> None:
    feed, keys = tmp_path / "feed", tmp_path / "keys"
    done = qalqan("feed", "init", "--keys", keys, "--root-keys", "3", feed)
    assert done.status == 0
    assert f"Copy {feed}/feed-root.json to each gateway" in done.out
    private = sorted(keys.rglob("*.pem"))
    assert len(private) == 6
    assert {stat.S_IMODE(key.stat().st_mode) for key in private} == {0o600}
    assert "contains a feed already" in qalqan("feed", "init", "--keys", keys, feed).refusal
    assert "nothing waits" in qalqan("feed", "sign", "--key", private[0], feed).refusal

    assert qalqan("feed", "build", "--version", FIRST, feed).out.startswith(f"Version {FIRST}, ")
    online = ("--key", keys / "online" / "snapshot.pem", "--key", keys / "online" / "timestamp.pem")
    assert "targets: 0 of 1 signatures" in qalqan("feed", "publish", *online, feed).refusal
    wrong = keys / "offline" / "root-1.pem"
    assert "is not one of the roles" in qalqan("feed", "sign", "--key", wrong, feed).refusal
    targets = keys / "offline" / "targets-1.pem"
    assert qalqan("feed", "sign", "--key", targets, feed).out == "targets: 1 of 1 signatures\n"
    assert "a key of the role timestamp is missing" in qalqan("feed", "publish", *online[:2], feed).refusal
    assert "targets: version 2, until" in qalqan("feed", "publish", *online, feed).out
    assert "not above" in qalqan("feed", "build", "--version", FIRST, feed).refusal

    renewed = qalqan("feed", "publish", *online, feed).out
    assert renewed.startswith("timestamp: version 3"), "the daily renewal"
    rows = qalqan("feed", "info", feed).out.splitlines()
    assert [row.split()[0] for row in rows] == ["ROLE", "root", "targets", "snapshot", "timestamp"]
    assert "2 of 3" in rows[1]
    public = [path for path in (feed / "public").rglob("*") if path.is_file()]
    assert {stat.S_IMODE(path.stat().st_mode) for path in public} == {0o644}
    assert not list((feed / "public").rglob("*.pem"))


def test_the_steps_of_a_roll_out(qalqan: Qalqan, publisher: Publisher) -> None:
    feed, (targets,) = publisher.folder, publisher.offline("targets-1")
    publisher.publish(FIRST)
    said = qalqan("feed", "build", "--version", FIRST + 1, "--rollout", "1", feed).out
    assert said.startswith(f"Version {FIRST + 1}, ")
    publisher.publish_staged(targets)
    assert target_name(FORMAT) in qalqan("feed", "info", feed).out
    assert "1 %" in qalqan("feed", "info", feed).out
    said = qalqan("feed", "rollout", "--percent", "10", feed).out
    assert said == "The roll-out waits for a signature of the key of targets: qalqan feed sign\n"
    publisher.publish_staged(targets)
    assert "10 %" in qalqan("feed", "info", feed).out
    assert qalqan("feed", "rollout", "--finish", feed).status == 0
    publisher.publish_staged(targets)
    assert "%" not in qalqan("feed", "info", feed).out
    assert "there is no such roll-out" in qalqan("feed", "rollout", "--withdraw", feed).refusal
    assert qalqan("feed", "rollout", feed).status == 2, "one of three steps"


def test_the_steps_of_a_provider(qalqan: Qalqan, tmp_path: Path, publisher: Publisher) -> None:
    feed, key, (targets,) = publisher.folder, tmp_path / "alma.pem", publisher.offline("targets-1")
    online = [word for file in publisher.online for word in ("--key", file)]
    register = tmp_path / "kz.txt"
    register.write_text("blocked-by-law.example\n")
    qalqan("feed", "key", key)
    assert "is no provider of this feed" in qalqan("feed", "add", "alma", register, feed).refusal
    assert qalqan("feed", "provider", "alma", "--key", tmp_path / "alma.pub", feed).status == 0
    assert qalqan("feed", "sign", "--key", targets, feed).out == "targets: 1 of 1 signatures\n"
    assert qalqan("feed", "publish", *online, feed).status == 0
    assert "alma       none" in qalqan("feed", "info", feed).out
    assert qalqan("feed", "add", "alma", register, "--rollout", "1", feed).status == 0
    assert "alma: 0 of 1 signatures" in qalqan("feed", "publish", *online, feed).refusal
    assert qalqan("feed", "sign", "--key", key, feed).out == "alma: 1 of 1 signatures\n"
    assert "alma: version 1, until" in qalqan("feed", "publish", *online, feed).out
    assert "alma/kz.txt" in qalqan("feed", "info", feed).out
    steps = ("feed", "rollout", "--provider", "alma", "--file", "kz.txt")
    assert qalqan(*steps, "--withdraw", feed).status == 0
    assert qalqan("feed", "sign", "--key", key, feed).status == 0
    assert qalqan("feed", "publish", *online, feed).status == 0
    assert "alma/kz.txt" not in qalqan("feed", "info", feed).out
    assert qalqan("feed", "provider", "alma", feed).status == 0
    publisher.publish_staged(targets)
    assert "alma" not in qalqan("feed", "info", feed).out


def test_a_key_that_others_may_read_is_refused(qalqan: Qalqan, tmp_path: Path, publisher: Publisher) -> None:
    publisher.stage(FIRST)
    (key,) = publisher.offline("targets-1")
    key.chmod(0o644)
    assert "other users may read this key" in qalqan("feed", "sign", "--key", key, publisher.folder).refusal
    new = tmp_path / "new.pem"
    assert len(qalqan("feed", "key", new).out.strip()) == 64
    assert "exists already" in qalqan("feed", "key", new).refusal


def test_a_bundle_that_changed_after_it_was_signed_is_not_published(
    qalqan: Qalqan, publisher: Publisher
) -> None:
    publisher.stage(FIRST)
    publisher.repository.sign(publisher.offline("targets-1"))
    (bundle,) = (publisher.folder / "staged" / "targets").iterdir()
    bundle.write_bytes(b"other")
    before = metadata(publisher.public / "metadata" / "timestamp.json")
    keys = [word for key in publisher.online for word in ("--key", key)]
    assert "changed after it was signed" in qalqan("feed", "publish", *keys, publisher.folder).refusal
    assert metadata(publisher.public / "metadata" / "timestamp.json") == before


def test_a_root_without_enough_keys_is_refused(qalqan: Qalqan, publisher: Publisher) -> None:
    key = metadata(publisher.root)["roles"]["root"]["keyids"][0]
    assert "fewer than its threshold" in qalqan("feed", "rotate", "--remove", key, publisher.folder).refusal
    assert (
        "0 keys of the role root begin"
        in qalqan("feed", "rotate", "--remove", "zz", publisher.folder).refusal
    )


def test_the_yearly_extension_of_the_root(qalqan: Qalqan, publisher: Publisher) -> None:
    assert qalqan("feed", "rotate", publisher.folder).status == 0
    one, two = publisher.offline("root-1", "root-2")
    assert qalqan("feed", "sign", "--key", one, publisher.folder).out == "root: 1 of 2 signatures\n"
    assert qalqan("feed", "sign", "--key", two, publisher.folder).out == "root: 2 of 2 signatures\n"
    keys = [word for key in publisher.online for word in ("--key", key)]
    assert "root: version 2, until" in qalqan("feed", "publish", *keys, publisher.folder).out


def test_a_gateway_s_status_and_check(qalqan: Qalqan, config: Path, publisher: Publisher) -> None:
    packaged = packaged_data().version
    assert "none: add feed" in qalqan("feed", "status", "--config", config).out
    assert list(feed_findings(read_config(config))) == []
    assert "no address is set" in qalqan("feed", "update", "--config", config).refusal
    said = qalqan("feed", "status", "--config", with_feed(config, publisher)).out
    assert UNREACHABLE in said
    assert f"version {packaged}, packaged" in said
    assert findings(config)[0] == "warning feed: it was never checked: run: qalqan feed update"
    publisher.publish(FIRST)
    state = config.parent / "state"
    with serving(publisher.public) as site:
        here = replace(read_config(config), feed=FeedSource(site.address, root=str(publisher.root)))
        assert update_feed(config, here, NOW, outside=Anywhere()) == FIRST
    shown = json.loads(qalqan("feed", "status", "--json", "--config", config).out)
    assert (shown["version"], shown["packaged"], shown["problem"]) == (FIRST, False, "")
    assert findings(config) == [f"ok feed: data of version {FIRST}, from the feed"]
    store_check(state, NOW, "feed: a.example: it offers older data than before")
    assert "offers older data" in qalqan("feed", "status", "--config", config).err
    assert "offers older data" in findings(config)[0]


def findings(config: Path) -> list[str]:
    return [str(finding) for finding in feed_findings(read_config(config))]


def test_a_failed_check_is_a_warning_of_the_update_of_the_lists(
    qalqan: Qalqan, config: Path, publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lists are fetched all the same."""
    monkeypatch.setattr(list_updates, "_renew", lambda *_, **__: [])
    done = qalqan("lists", "update", "--config", with_feed(config, publisher))
    assert done.status == 0
    assert done.err.startswith(f"qalqan: feed: {UNREACHABLE}: ")
    assert done.err.endswith("keeping the previous data\n")
    assert read_check(config.parent / "state").problem


def test_while_the_time_is_unknown_nothing_is_checked(
    qalqan: Qalqan, config: Path, publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "_is_time_known", lambda _: False)
    said = qalqan("feed", "update", "--config", with_feed(config, publisher)).refusal
    assert said.startswith("feed: not checked while the time is unknown")
    assert read_check(config.parent / "state").checked is None


def test_what_a_publisher_s_machine_lacks(
    qalqan: Qalqan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(optional_packages, "is_installed", lambda module: module != "cryptography")
    said = qalqan("feed", "init", "--keys", tmp_path / "keys", tmp_path / "feed").refusal
    assert "need the package python3-cryptography" in said


def test_the_packaged_data_is_at_least_as_new_as_the_release() -> None:
    """A release with an older version of its data would be replaced by an older feed."""
    newest = re.search(r"^ -- .*>  (.*)$", (ROOT / "debian" / "changelog").read_text(), re.MULTILINE)
    assert newest is not None
    assert packaged_data().version // 100 >= int(f"{parsedate_to_datetime(newest[1]):%Y%m%d}")
