"""Debian's prometheus-node-exporter reads the file that the daemon writes, and serves every sample of it."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

from gateway.features.status import vitals
from gateway.features.status.metrics import FILE
from tests import pace
from tests.features.conftest import Make
from tests.features.desk import NOON, Desk
from tests.figures import HEALTH_FIGURES
from tests.lab.netns import stop

pytestmark = [pytest.mark.system, pytest.mark.needs("prometheus-node-exporter")]

LISTENS = re.compile(r'msg="Listening on" address=(127\.0\.0\.1:\d+)')
LABEL = re.compile(r'\w+="[^"]*"')


@pytest.fixture
def desk(make: Make, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setattr(vitals.Vitals, "figures", lambda _: HEALTH_FIGURES)
    return make(NOON, metrics={"textfile": True})


@pytest.fixture
def exporter(desk: Desk, tmp_path: Path) -> Iterator[str]:
    """The address of one that has only this file, by a link as docs/providers/metrics.md makes it."""
    folder, log = tmp_path / "node-exporter", tmp_path / "log"
    folder.mkdir()
    (folder / "qalqan.prom").symlink_to(desk.folder / "run" / FILE)
    command = ("prometheus-node-exporter", "--collector.disable-defaults", "--collector.textfile")
    options = (f"--collector.textfile.directory={folder}", "--web.listen-address=127.0.0.1:0")
    with log.open("wb") as out:
        process = subprocess.Popen([*command, *options], stderr=out)
    try:
        pace.until(lambda: LISTENS.search(log.read_text()), 3.0)
        found = LISTENS.search(log.read_text())
        assert found is not None, log.read_text()
        yield found[1]
    finally:
        stop(process)


def scraped(address: str) -> list[str]:
    with urlopen(f"http://{address}/metrics", timeout=10) as answer:
        return str(answer.read().decode()).splitlines()


def numbers(lines: list[str]) -> dict[str, float]:
    """Samples by name and labels, whose order is the exporter's."""
    found = {}
    for line in lines:
        if line.startswith("qalqan_"):
            name, _, value = line.rpartition(" ")
            head, _, labels = name.partition("{")
            found[" ".join([head, *sorted(LABEL.findall(labels))])] = float(value)
    return found


def test_every_sample_of_the_file_is_served(desk: Desk, exporter: str) -> None:
    written = (desk.folder / "run" / FILE).read_text().splitlines()
    lines = scraped(exporter)
    assert "node_textfile_scrape_error 0" in lines
    assert any(line.startswith("node_textfile_mtime_seconds{") for line in lines), "of an alert"
    assert numbers(lines) == numbers(written)
    assert len(numbers(written)) > 30
    assert {line for line in written if line.startswith("# TYPE")} <= set(lines)


def test_without_the_daemon_nothing_of_it_is_served(desk: Desk, exporter: str) -> None:
    desk.features.metrics.close()
    assert not numbers(scraped(exporter))
