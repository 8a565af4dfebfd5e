"""Lists of the real daemon in the virtual home: an update beside it, told by events, costs it no memory."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.cli.list_updates import OOM_SCORE
from gateway.features.lists.updates import FIRST_LOOK
from gateway.lists.tier import NEEDED_MEMORY
from gateway.policy.config.list_tiers import ListTier
from tests import processes
from tests.lab import clients, names
from tests.lab.daemon import Daemon
from tests.lab.filtering import PROFILES, fresh, until
from tests.lab.home import Home

pytestmark = pytest.mark.lab

# kB: what a second table of the same size needs for a moment, the catalogue of lists, and pages of programs
# that the start gave back and an update reads again.
GROWN = 4_000
DONE = 60.0  # seconds
SITE = "quiet-pebble-three.com"  # the pretended internet has every name
OWN = {"name": "Mine", "url": "https://lists.own.example/games.txt", "category": "games"}


@pytest.fixture(scope="module")
def home() -> Iterator[Home]:
    with Home(absent=("new",), journal=False, quic=False) as made:
        yield made


@pytest.fixture
def daemon(home: Home) -> Iterator[Daemon]:
    with fresh(home, PROFILES) as running:
        yield running


def rss(daemon: Daemon) -> int:
    lines = Path(f"/proc/{daemon.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


def children(daemon: Daemon) -> list[int]:
    """Of the daemon, those that are an update."""
    return processes.with_argument(processes.children(daemon.pid), b"lists\0update")


def updates(daemon: Daemon) -> int:
    return len(children(daemon))


def add_own(daemon: Daemon, category: str = "games") -> str:
    """Add a list, with the copy that an earlier update would have fetched. Return its id."""
    key = str(daemon.client.call("list_add", **OWN | {"category": category})["id"])
    shelf = daemon.state / "lists"
    shelf.mkdir(exist_ok=True)
    (shelf / f"{key}.list").write_text(f"||play.own.example^\n||{SITE}^\n")
    daemon.client.call("lists")
    return key


def test_an_update_runs_beside_the_daemon_and_its_table_is_read(daemon: Daemon) -> None:
    client = daemon.client
    add_own(daemon)
    before, told = rss(daemon), list[dict[str, Any]]()
    with client.events(("lists",), idle=0.2) as stream:
        done = threading.Event()

        def listen() -> None:
            while not done.is_set():
                if (event := next(stream)) is not None:
                    told.append(event)

        listener = threading.Thread(target=listen)
        listener.start()
        assert client.call("list_update", force=True)["running"]
        assert until(lambda: updates(daemon) == 1, 2.0) is not None, "a process of its own"
        assert until(lambda: not client.call("lists")["update"]["running"], DONE) is not None
        assert until(lambda: bool(told) and told[-1]["what"] == "ended", 2.0) is not None
        done.set()
        listener.join()
    assert updates(daemon) == 0
    assert told[0]["what"] == "begun"
    problems = client.call("lists")["update"]["problems"]
    # The virtual home's internet is in a range for benchmarks, which is no internet: each list says so.
    assert any(
        "the download is refused" in line and "which is not a public internet address" in line
        for line in problems
    )
    assert client.call("list_lookup", host="www.play.own.example")["categories"][0]["id"] == "games"
    assert rss(daemon) - before < GROWN


def test_the_first_child_starts_an_update_by_itself(home: Home) -> None:
    """The real daemon, whose virtual internet has no list servers: the update fails, and is tried again."""
    with Daemon(home, {}, settings={"lists": {"update": "daily"}}) as daemon:
        client = daemon.client
        time.sleep(FIRST_LOOK + 1.0)
        assert updates(daemon) == 0
        assert client.call("lists")["schedule"]["next"] is None
        client.call("add_profile", name="Aruzhan", band="6-9")
        assert until(lambda: updates(daemon) == 1, 3.0) is not None
        (pid,) = children(daemon)
        assert os.getpriority(os.PRIO_PROCESS, pid) == 19
        assert os.getpriority(os.PRIO_PROCESS, daemon.pid) < 0, "packets go first"
        marked = until(lambda: oom_score(pid) == str(OOM_SCORE), 5.0)
        assert marked is not None, "the kernel ends it first if memory runs out"
        assert int(oom_score(daemon.pid)) < OOM_SCORE
        assert client.call("status")["lists"]["warning"] == "none"
        assert until(lambda: not client.call("lists")["update"]["running"], DONE) is not None
        plan = client.call("lists")["schedule"]
        assert plan["failures"] == 1
        delay = datetime.fromisoformat(plan["next"]) - datetime.fromisoformat(client.call("status")["now"])
        assert timedelta(minutes=13) < delay < timedelta(minutes=19)
        client.call("edit_family", set={"lists/update": "off"})
        assert client.call("lists")["schedule"]["next"] is None


def oom_score(pid: int) -> str:
    """Return by how much the kernel prefers to end a process; empty if it has ended."""
    try:
        return Path(f"/proc/{pid}/oom_score_adj").read_text().strip()
    except OSError:
        return ""


def test_an_update_waits_for_memory_and_starts_when_there_is_enough(home: Home, tmp_path: Path) -> None:
    """The daemon's own check, with a figure of the kernel in its place: of a router with 128 MB."""
    figures = tmp_path / "meminfo"
    text = "MemTotal: 120832 kB\nMemAvailable: {} kB\nSwapFree: 0 kB\n"
    figures.write_text(text.format((NEEDED_MEMORY[ListTier.SMALL] >> 10) - 1))
    daemon = fresh(home, PROFILES, lists={"update": "daily"})
    # The daemon has a mount namespace of its own, as everything in the gateway.
    command = f'mount --bind {figures} /proc/meminfo && exec {sys.executable} -m gateway "$@"'
    daemon.run_with("sh", "-c", command, "daemon")
    with daemon:
        plan = daemon.client.call("lists")["schedule"]
        assert plan["tier"] == "small"
        time.sleep(FIRST_LOOK + 1.0)
        assert daemon.client.call("lists")["schedule"]["waits_for"] == "memory"
        assert updates(daemon) == 0
        wanted = "lists: the update waits for memory: 39 MB of memory are available"
        assert [line for line in daemon.client.call("status")["problems"] if line.startswith(wanted)]
        figures.write_text(text.format(NEEDED_MEMORY[ListTier.SMALL] >> 10))
        daemon.reload()
        assert until(lambda: updates(daemon) == 1, 5.0) is not None
        (pid,) = children(daemon)
        assert until(lambda: oom_score(pid) == str(OOM_SCORE), 5.0) is not None
        assert daemon.client.call("lists")["schedule"]["waits_for"] == ""


def test_what_is_taken_out_is_gone_after_the_next_update(daemon: Daemon) -> None:
    client = daemon.client
    key = add_own(daemon)
    client.call("list_update")
    assert until(lambda: not client.call("lists")["update"]["running"], DONE) is not None
    assert client.call("list_lookup", host="www.play.own.example")["matches"] != []
    client.call("list_remove", id=key)
    assert not (daemon.state / "lists" / f"{key}.list").exists()
    client.call("list_update")
    assert until(lambda: not client.call("lists")["update"]["running"], DONE) is not None
    assert client.call("list_lookup", host="www.play.own.example")["matches"] == []


def test_a_wrong_block_that_a_parent_undid_stays_undone_after_updates(home: Home, daemon: Daemon) -> None:
    client, tablet = daemon.client, home.devices[names.TABLET.key]
    add_own(daemon, "gambling")
    built = []

    def update() -> None:
        assert client.call("list_update", force=True)["running"]
        assert until(lambda: not client.call("lists")["update"]["running"], DONE) is not None
        built.append(client.call("lists")["table"]["built"])

    def why(profile: str) -> tuple[str, str]:
        answer = client.call("why", host=SITE, profile=profile)
        return answer["verdict"], answer["reason"]

    update()
    assert why("daughter") == why("son") == ("block", "category")
    assert not clients.curl(tablet, f"https://{SITE}/").reached
    asked = client.call("request", device=names.TABLET.mac, site=SITE, wrong=True)["request"]
    client.call("answer", id=asked["id"], answer="always", confirmed=True)
    client.call("list_report", host=SITE, open=[])
    assert clients.curl(tablet, f"https://{SITE}/").reached
    time.sleep(1.0)  # the table says to the second when it was built
    update()
    assert built[0] != built[1]
    assert client.call("list_lookup", host=SITE)["categories"][0]["id"] == "gambling", "the list has it still"
    assert why("daughter")[0] == "allow"
    assert why("son") == ("block", "category"), "the other child's rules stay"
    assert clients.curl(tablet, f"https://{SITE}/").reached
    (wrong,) = client.call("lists")["wrong"]
    assert (wrong["host"], wrong["category"]) == (SITE, "gambling")
