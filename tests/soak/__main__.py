"""`make soak`: a family's traffic in the virtual home for hours, and what the gateway takes meanwhile.

python -m tests.soak [--minutes 120] [--rate 8]

Exit status 1: a figure still grows after the warm-up, or a process ended.
"""

from __future__ import annotations

import argparse
import json
import random
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from gateway.core.errors import ControlError
from gateway.lan.inventory import MAX_DEVICES
from tests.bench.pages import Reader, paths
from tests.lab import names, sample
from tests.lab.apicaller import link_of
from tests.lab.daemon import Daemon
from tests.lab.home import ROOT, Home
from tests.lab.names import GATEWAY_IPV4, NEW, PARENT, PHONE, TABLET
from tests.lab.netns import LabError, stop
from tests.soak.plateau import WARM_UP_S, Sample, growths, table
from webui import Settings, create_app

EVERY_S = 10.0  # between two samples
SEATS = (TABLET, PHONE, PARENT)  # the fourth device is another one every few seconds
CHILD = "daughter"
LANGUAGES = ("en", "ru", "kk")
MOST_FAILED = 20  # one chore of so many may fail, for example because the machine is busy
END_S = 60.0  # until the traffic has ended
Counts = dict[str, dict[str, int]]  # "tried" and "answered", by kind of traffic


@dataclass(frozen=True, slots=True)
class Chore:
    """Something that a family does every so often."""

    name: str
    every: float  # seconds
    act: Callable[[], object]


@dataclass(slots=True)
class Family:
    """What parents and children do besides surfing: pages, requests, pauses, new devices, new rules."""

    home: Home
    daemon: Daemon
    chance: random.Random = field(default_factory=lambda: random.Random(1))
    _numbers: Iterator[int] = field(default_factory=count)
    _readers: dict[str, Reader] = field(default_factory=dict)
    _paths: dict[str, list[str]] = field(default_factory=dict)

    def sign_in(self) -> None:
        """Open a parent's session, and learn which pages there are."""
        self._paths = paths(create_app(Settings(self.daemon.socket)))
        self._readers = {"guardian": Reader(self.home, PARENT.key), TABLET.key: Reader(self.home, TABLET.key)}
        self._readers["guardian"].read(forms=[("/signin", {"code": link_of(self.daemon)})])

    def fill(self, devices: int) -> None:
        """Let ``devices`` devices join, and read every page in each language, as a family does over weeks.

        What is stored of devices and pages then has its full size before the first sample.
        """
        for _ in range(devices):
            self.join()
        for language in LANGUAGES:
            for who, reader in self._readers.items():
                reader.read(language, paths=self._paths[who])

    def chores(self) -> list[Chore]:
        """Return everything that repeats."""
        return [
            Chore("pages", 7.0, self.read_pages),
            Chore("new device", 11.0, self.join),
            Chore("request", 23.0, self.request_and_answer),
            Chore("new rules", 29.0, self.change_rules),
            Chore("pause", 41.0, self.pause_and_resume),
        ]

    def read_pages(self) -> None:
        """Read three pages, as a parent and as a child."""
        for who, reader in self._readers.items():
            reader.read(self.chance.choice(LANGUAGES), paths=self.chance.sample(self._paths[who], 3))

    def join(self) -> None:
        """Let a device join that was never there before."""
        number = next(self._numbers)
        address = f"192.168.77.{20 + number % 200}"
        mac = f"02:00:00:01:{number >> 8 & 255:02x}:{number & 255:02x}"
        device = self.home.devices[NEW.key]
        for words in ("set dev eth0 down", f"set dev eth0 address {mac}", "set dev eth0 up"):
            device.run(["ip", "link", *words.split()], check=True)
        device.run(["ip", "addr", "flush", "dev", "eth0", "scope", "global"], check=True)
        device.run(["ip", "addr", "add", f"{address}/24", "dev", "eth0"], check=True)
        device.run(["ip", "route", "replace", "default", "via", GATEWAY_IPV4], check=True)
        device.run(["curl", "-s", "-m", "2", "-o", "/dev/null", f"http://{GATEWAY_IPV4}/"])
        device.run(["curl", "-sk", "-m", "2", "-o", "/dev/null", "--connect-to",
                    f"::{names.ipv4_of('www.example.org')}:", "https://www.example.org/"])  # fmt: skip

    def request_and_answer(self) -> None:
        """Request a site on the child's page, and decline all open requests."""
        site = f"www.wish-{next(self._numbers) % 50}.example"
        self._readers[TABLET.key].read(forms=[("/my/ask/site", {"host": site, "reason": "homework"})])
        for request in self.daemon.client.call("requests")["requests"]:
            if request["state"] == "pending":
                self.daemon.client.call("answer", id=request["id"], answer="no", by="Mum")

    def change_rules(self) -> None:
        """Write another rule file, and reload."""
        rules = {**sample.PROFILES[CHILD], "block": [f"site-{next(self._numbers) % 100}.example"]}
        self.daemon.write_profile(CHILD, rules)
        self.daemon.client.call("reload")

    def pause_and_resume(self) -> None:
        """Pause the child for a moment, and give extra time."""
        self.daemon.client.call("pause", who=CHILD, minutes=5, by="Mum")
        self.daemon.client.call("resume", who=CHILD, by="Mum")
        self.daemon.client.call("grant", who=CHILD, minutes=1, by="Mum")


def run(
    seconds: float, rate: float, *, devices: int = MAX_DEVICES, say: Callable[[str], None] = print
) -> tuple[list[Sample], Counts]:
    """Return the samples, and the tries and answers of each kind of traffic.

    ``devices``: how many join before the traffic begins.
    """
    with Home(journal=False) as home:
        daemon, _ = sample.move_in(home)
        with daemon:
            family = Family(home, daemon)
            family.sign_in()
            family.fill(devices)
            log = home.folder / "traffic.log"
            with log.open("wb") as errors:
                traffic = [
                    home.devices[seat.key].popen(
                        [sys.executable, "-m", "tests.soak.traffic", str(seconds), str(rate), str(number)],
                        stderr=errors,
                        cwd=ROOT,
                    )
                    for number, seat in enumerate(SEATS)
                ]
            try:
                samples = list(_pass(seconds, family.chores(), daemon, say))
                return samples, _counted(traffic, log)
            finally:
                for process in traffic:
                    stop(process)


def _pass(
    seconds: float, chores: list[Chore], daemon: Daemon, say: Callable[[str], None]
) -> Iterator[Sample]:
    began = time.monotonic()
    due = [chore.every for chore in chores]
    next_sample = 0.0
    done = failed = 0
    while (now := time.monotonic() - began) < seconds:
        if now >= next_sample:
            taken = measure(now, daemon)
            own = f"{taken.daemon_anonymous / 1e6:.1f} MB of its own"
            say(f"  {now / 60:6.1f} min: daemon {taken.daemon_resident / 1e6:.1f} MB, {own}")
            yield taken
            next_sample += EVERY_S
        for number, chore in enumerate(chores):
            if now >= due[number]:
                try:
                    chore.act()
                except (ControlError, LabError) as error:  # the next sample finds out whether a process ended
                    say(f"  {now / 60:6.1f} min: {chore.name}: {error}")
                    failed += 1
                done += 1
                due[number] = now + chore.every
        time.sleep(0.2)
    if failed * MOST_FAILED > done:
        msg = f"{failed} of {done} chores failed"
        raise LabError(msg)


def measure(now: float, daemon: Daemon) -> Sample:
    """Return what the processes and files of the gateway take."""
    sizes = {path: _size(path) for path in daemon.state.rglob("*")}
    database = sum(size for path, size in sizes.items() if path.name.startswith(daemon.database.name))
    return Sample(
        now,
        *_process(daemon.pid),
        *_process(daemon.web_pid),
        database,
        sum(sizes.values()) - database,
        _size(daemon.log) + _size(daemon.web_log),
    )


def _size(path: Path) -> int:
    """Return the bytes of a file; 0 for a folder, and for a temporary file that is gone by now."""
    try:
        status = path.lstat()
    except FileNotFoundError:
        return 0
    return status.st_size if stat.S_ISREG(status.st_mode) else 0


def _process(pid: int) -> tuple[int, int, int]:
    """Return resident and anonymous bytes, and open descriptors. Raises LabError if it ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        descriptors = len(list(Path(f"/proc/{pid}/fd").iterdir()))
    except OSError as error:
        msg = f"process {pid} ended: {error}"
        raise LabError(msg) from error
    sizes = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines[1:]}
    return sizes["Rss"], sizes["Anonymous"], descriptors


def _counted(traffic: list[subprocess.Popen[bytes]], log: Path) -> Counts:
    """Return the sums of what all devices report. Raises LabError if one ended early."""
    total: Counts = {"tried": {}, "answered": {}}
    for process in traffic:
        out, _ = process.communicate(timeout=END_S)
        if process.returncode:
            msg = f"traffic: {log.read_text(errors='replace').strip().splitlines()[-1]}"
            raise LabError(msg)
        for what, counts in json.loads(out).items():
            for kind, number in counts.items():
                total[what][kind] = total[what].get(kind, 0) + number
    return total


def main() -> int:
    parser = argparse.ArgumentParser(prog="make soak")
    parser.add_argument("--minutes", type=float, default=120.0)
    parser.add_argument("--rate", type=float, default=8.0, help="tries of each device a second")
    options = parser.parse_args()
    try:
        samples, counted = run(options.minutes * 60, options.rate)
    except LabError as error:
        print(f"make soak: {error}", file=sys.stderr)
        return 1
    print("\n".join(table(samples)))
    for kind, number in counted["tried"].items():
        print(f"  {kind}: {number} tried, {counted['answered'].get(kind, 0)} answered")
    return verdict(samples)


def verdict(samples: Sequence[Sample]) -> int:
    """Print how fast each figure grows.

    Return 0 if all limits are met, 1 if not, and 2 if the run is too short for a verdict.
    """
    try:
        found = list(growths(samples))
    except ValueError as error:
        warm_up = f"The warm-up takes {WARM_UP_S / 60:g} minutes."
        print(f"make soak: {error}: no verdict. {warm_up}", file=sys.stderr)
        return 2
    for growth in found:
        print(growth.line())
    return 0 if all(growth.met for growth in found) else 1


if __name__ == "__main__":
    raise SystemExit(main())
