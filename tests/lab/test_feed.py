"""The real daemon takes new data of a signed feed: a service changes without a restart or a pause."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.cli.settings import read_config
from gateway.household.feed_update import update_feed
from gateway.policy.config.feed import FeedSource
from profiles import DATA
from tests.feed.publisher import FIRST, Publisher, bundle_of, data_with, serving
from tests.lab import names
from tests.lab.daemon import Daemon
from tests.lab.filtering import ALLOWED, CUT, REFUSED, fetch, film, fresh
from tests.lab.home import ROOT, Home
from tests.lists.served import Anywhere

pytestmark = pytest.mark.lab

OTHER = "other.example"
CHILD = {
    "name": "Child",
    "band": "13-15",
    "devices": [names.TABLET.mac],
    "block": ["service:tiktok"],
    "bedtime": {},
}


def services(daemon: Daemon, host: str) -> list[str]:
    return [service["id"] for service in daemon.client.call("list_lookup", host=host)["services"]]


def test_a_service_changes_without_a_restart(home: Home, tmp_path: Path) -> None:
    home.begin_anew()
    publisher = Publisher(tmp_path / "publisher")
    feed = {"url": "https://feed.example", "root": str(tmp_path / "root.json")}
    shutil.copy(publisher.root, feed["root"])
    text = (DATA / "services" / "video.yaml").read_text()
    found = text.index("domains: [", text.index("\n  tiktok:"))
    changed = text[:found] + text[found:].replace("domains: [", f'domains: ["={ALLOWED}", ', 1)
    data = data_with(tmp_path / "data", {"services/video.yaml": changed})
    publisher.publish(FIRST, bundle_of(FIRST, data))
    tablet = home.devices["tablet"]
    with fresh(home, {"child": CHILD}, feed=feed) as daemon, serving(publisher.public) as site:
        pid = daemon.pid
        assert fetch(tablet, f"https://{ALLOWED}/", 4).how == "HTTP 200"
        assert services(daemon, ALLOWED) == []
        with film(tablet, OTHER, 4) as running:
            assert running.started()
            config = read_config(daemon.config)
            here = replace(config, feed=FeedSource(site.address, root=feed["root"]))
            assert update_feed(daemon.config, here, datetime.now(UTC), outside=Anywhere()) == FIRST
            daemon.client.call("reload")
            assert running.flows(), "what is allowed goes on"
            assert services(daemon, ALLOWED) == ["tiktok"]
            assert fetch(tablet, f"https://{ALLOWED}/", 4).how in CUT, "the new name of a blocked service"
            assert fetch(tablet, f"https://{REFUSED}/", 4).how in CUT
            assert running.flows()
        assert daemon.pid == pid
        argv = [sys.executable, "-m", "gateway", "status", "--config", str(daemon.config)]
        done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
        assert f"version {FIRST}, from the feed, checked" in done.stdout
