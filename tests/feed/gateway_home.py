"""A household that uses a feed on loopback."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.core.errors import GatewayError
from gateway.feed.data_set import stored_data
from gateway.feed.status import read_check
from gateway.household.feed_update import update_feed
from gateway.household.rule_book import RuleBook
from gateway.policy.config.config import Config
from tests.feed.publisher import Publisher
from tests.household.household_files import DAUGHTER, write
from tests.lists.served import Anywhere

NOW = datetime(2026, 11, 29, 3, 0, tzinfo=UTC)


class Home:
    """A household whose feed is the publisher's site on loopback."""

    def __init__(self, folder: Path, publisher: Publisher, provider: str = "", **settings: object) -> None:
        folder.mkdir()
        shutil.copy(publisher.root, folder / "root.json")
        feed = {"url": "https://feed.example/qalqan", "root": str(folder / "root.json")}
        feed |= {"provider": provider} if provider else {}
        self.path = write(folder, {"daughter": DAUGHTER}, feed=feed, **settings)
        self.rules = RuleBook(self.path)
        self.url = ""

    @property
    def config(self) -> Config:
        """The configuration with the site's address: the file accepts HTTPS addresses only."""
        config = self.rules.household.config
        assert config.feed is not None
        return replace(config, feed=replace(config.feed, url=self.url))

    @property
    def state(self) -> Path:
        return Path(self.config.state)

    def update(self) -> int | None:
        return update_feed(self.path, self.config, NOW, outside=Anywhere())

    def refusal(self) -> str:
        with pytest.raises(GatewayError) as refused:
            self.update()
        said = str(refused.value)
        assert read_check(self.state).problem == said[:500]
        assert not list((self.state / "feed").glob("new*"))
        assert not (self.state / "feed" / "bundle.new").exists()
        return said

    @property
    def versions(self) -> list[int]:
        return [data.version for data in stored_data(self.state)]

    def services(self, host: str) -> tuple[str, ...]:
        return self.rules.world.catalogue.services_of(host)
