"""A real Prometheus scrapes the pages of the real daemon, and the file of a node exporter is written."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.features.status.metric_catalogue import CATALOGUE, INFO
from gateway.features.status.metrics import FILE
from tests.lab import names
from tests.lab.apicaller import PAGES, by_session, by_token, link_of
from tests.lab.daemon import WEB_PORT, Daemon
from tests.lab.filtering import DAUGHTER, MUM, ZONE, fetch, until
from tests.lab.home import Home
from tests.lab.netns import Namespace, stopping
from tests.pace import longest

pytestmark = [pytest.mark.lab, pytest.mark.needs("prometheus")]

TOKEN = "of-the-provider-0123456789"
SETTINGS = {"timezone": ZONE.key, "metrics": {"token_sha256": sha256(TOKEN.encode()).hexdigest()}}
BLOCKED = "www.tiktok.com"
AT = "127.0.0.1:9191"  # of Prometheus, in the device's namespace
SOON = 20.0  # seconds until it has scraped


@contextmanager
def prometheus(device: Namespace, folder: Path) -> Iterator[None]:
    """Run one that scrapes the pages every second."""
    folder.mkdir()
    (folder / "token").write_text(TOKEN)
    scrape = {
        "job_name": "qalqan",
        "authorization": {"credentials_file": str(folder / "token")},
        "static_configs": [{"targets": [f"{names.GATEWAY_IPV4}:{WEB_PORT}"]}],
    }
    config = {"global": {"scrape_interval": "1s"}, "scrape_configs": [scrape]}
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    argv = [
        "prometheus",
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={AT}",
    ]
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen(device.command(argv), stdout=log, stderr=log)
    with stopping(process):
        yield


def value(device: Namespace, query: str) -> float | None:
    """The one value of an instant query; None while there is none."""
    # While Prometheus starts, it answers with 503 and a plain text.
    argv = ["curl", "-sSf", "-G", f"http://{AT}/api/v1/query", "--data-urlencode", f"query={query}"]
    done = device.run(argv)
    found: Any = json.loads(done.stdout)["data"]["result"] if done.returncode == 0 else []
    return float(found[0]["value"][1]) if found else None


def test_prometheus_scrapes_what_the_gateway_counts(home: Home, tmp_path: Path) -> None:
    device = home.devices["parent"]
    with Daemon(
        home, {"daughter": {**DAUGHTER, "log_level": 2}, "mum": MUM}, settings=SETTINGS, web_user=True
    ):
        assert not fetch(home.devices["tablet"], f"https://{BLOCKED}/", 4).reached
        with prometheus(device, tmp_path / "prometheus"):
            assert until(lambda: value(device, 'up{job="qalqan"}') == 1, longest(SOON)) is not None, (
                tmp_path / "prometheus/log"
            ).read_text()
            for metric in CATALOGUE:
                if not metric.name.startswith(("feed_", "list_newest", "list_table_built", "internet_up")):
                    assert value(device, metric.sample) is not None, metric.name
            assert value(device, 'sum(qalqan_verdicts_total{verdict="block"})')
            assert value(device, "qalqan_claimed") == 1
            kinds = device.run(["curl", "-sS", f"http://{AT}/api/v1/metadata"]).stdout
            known = json.loads(kinds)["data"]
        # Prometheus has the types and units of OpenMetrics.
        for metric in CATALOGUE:
            if metric.sample in known and metric.kind is not INFO:
                entry = known[metric.sample][0]
                assert (entry["type"], entry["unit"]) == (metric.kind, metric.unit)


def test_the_file_is_there_from_the_start_to_the_end(home: Home) -> None:
    settings = {"timezone": ZONE.key, "metrics": {"textfile": True}}
    with Daemon(home, {"daughter": DAUGHTER, "mum": MUM}, settings=settings) as daemon:
        file = daemon.folder / "run" / FILE
        text = file.read_text()
        assert f'version="{daemon.client.call("status")["version"]}"' in text
        for mark in ("aughter", names.TABLET.mac, names.TABLET.ipv4, "Mum"):
            assert mark not in text
        assert daemon.stop() == 0
        assert not file.exists()


def test_a_parent_s_token_for_support_reads_them_and_no_other(home: Home) -> None:
    device = home.devices["parent"]

    def status(*headers: str) -> str:
        argv = ["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", f"{PAGES}/metrics"]
        return device.run([*argv, *(part for header in headers for part in ("-H", header))]).stdout

    shutil.rmtree(home.folder / "qalqan" / "state", ignore_errors=True)  # no account of another test
    with Daemon(
        home, {"daughter": DAUGHTER, "mum": MUM}, settings={"timezone": ZONE.key}, web_user=True
    ) as daemon:
        assert status() == "401"
        assert status(f"Authorization: Bearer {TOKEN}") == "401", "it is no token of this gateway"
        mum = by_session(home, link_of(daemon))
        assert status(f"Cookie: {mum.headers['Cookie']}") == "401"
        support = by_token(home, mum, "support")
        assert status(f"Authorization: {support.headers['Authorization']}") == "200"
