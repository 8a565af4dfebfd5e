"""The real daemon takes data and a table of a signed feed: both change without a restart or a pause."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.cli.settings import read_config
from gateway.feed.data_set import DataSet, downloaded_table
from gateway.household.feed_tables import make_tables
from gateway.household.feed_update import update_feed
from gateway.household.list_library import read_library
from gateway.household.loading import product_in_use
from gateway.lists.book import SHELF
from gateway.policy.config.feed import FeedSource
from gateway.policy.config.list_tiers import ListTier
from profiles import DATA
from tests.feed.publisher import FIRST, FORMAT, Publisher, bundle_of, data_with, serving
from tests.lab import names
from tests.lab.daemon import Daemon
from tests.lab.filtering import ALLOWED, CUT, REFUSED, fetch, film, fresh
from tests.lab.home import ROOT, Home
from tests.lists.served import Anywhere

pytestmark = pytest.mark.lab

OTHER, LISTED = "other.example", "listed-feed.com"
SOURCES = """\
sources:
  nude: {name: Nude, url: "https://lists.example/nude", format: domains, licence: MIT, category: adult,
         size: 10, tier: small}
"""
CHILD = {
    "name": "Child",
    "band": "13-15",
    "devices": [names.TABLET.mac],
    "block": ["service:tiktok"],
    "bedtime": {},
}


def services(daemon: Daemon, host: str) -> list[str]:
    return [service["id"] for service in daemon.client.call("list_lookup", host=host)["services"]]


def categories(daemon: Daemon, host: str) -> list[str]:
    return [category["id"] for category in daemon.client.call("list_lookup", host=host)["categories"]]


def test_a_service_and_a_list_change_without_a_restart(home: Home, tmp_path: Path) -> None:
    home.begin_anew()
    publisher = Publisher(tmp_path / "publisher")
    feed = {"url": "https://feed.example", "root": str(tmp_path / "root.json")}
    shutil.copy(publisher.root, feed["root"])
    text = (DATA / "services" / "video.yaml").read_text()
    found = text.index("domains: [", text.index("\n  tiktok:"))
    changed = text[:found] + text[found:].replace("domains: [", f'domains: ["={ALLOWED}", ', 1)
    data = data_with(tmp_path / "data", {"services/video.yaml": changed, "sources.yaml": SOURCES})
    (tmp_path / "copies" / SHELF).mkdir(parents=True)
    (tmp_path / "copies" / SHELF / "nude.list").write_text(f"{LISTED}\n")
    tables = make_tables(DataSet(data, FORMAT, FIRST), tmp_path / "copies", datetime.now(UTC))
    publisher.publish(FIRST, bundle_of(FIRST, data), tables)
    tablet = home.devices["tablet"]
    with fresh(home, {"child": CHILD}, feed=feed) as daemon, serving(publisher.public) as site:
        pid = daemon.pid
        assert fetch(tablet, f"https://{ALLOWED}/", 4).how == "HTTP 200"
        assert services(daemon, ALLOWED) == []
        with film(tablet, OTHER, 4) as running:
            assert running.started()
            config = read_config(daemon.config)
            here = replace(config, feed=FeedSource(site.address, root=feed["root"]))
            now, tier = datetime.now(UTC), ListTier.MEDIUM
            assert update_feed(daemon.config, here, now, tier=tier, outside=Anywhere()) == FIRST
            library = read_library(Path(config.state), tier=tier, product=product_in_use(config)[0])
            library.install(downloaded_table(library.state))
            assert categories(daemon, LISTED) == []
            daemon.client.call("reload")
            assert running.flows(), "what is allowed goes on"
            assert services(daemon, ALLOWED) == ["tiktok"]
            assert categories(daemon, LISTED) == ["adult"]
            assert fetch(tablet, f"https://{ALLOWED}/", 4).how in CUT, "the new name of a blocked service"
            assert fetch(tablet, f"https://{REFUSED}/", 4).how in CUT
            assert running.flows()
        assert daemon.pid == pid
        argv = [sys.executable, "-m", "gateway", "status", "--config", str(daemon.config)]
        done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
        assert f"version {FIRST}, from the feed, checked" in done.stdout
