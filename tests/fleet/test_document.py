"""The commands of docs/providers/openwisp.md, *Try it* and *Roll-out in steps*, as a person types them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.fleet.server import ROOT, STOP
from tests.fleet.steps import SOON

DOCUMENT = (ROOT / "docs/providers/openwisp.md").read_text("utf-8")
GATEWAYS = 3
START = 300  # seconds until the server has printed its address, on a loaded machine
MISSED = 20  # seconds without a change, after which the cache is cleared as the document says


def blocks(heading: str) -> list[str]:
    """Return the shell commands below a heading, without their indentation."""
    (section,) = re.findall(rf"^## {heading}\n(.*?)^## ", DOCUMENT, re.DOTALL | re.MULTILINE)
    found = re.findall(r"^( *)```sh\n(.*?)^ *```$", section, re.DOTALL | re.MULTILINE)
    return [re.sub(rf"^{indent}", "", text, flags=re.MULTILINE) for indent, text in found]


class Terminal:
    """A command that runs until the test ends."""

    def __init__(self, command: str, log: Path) -> None:
        self._log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                ["bash", "-c", f"exec {command}"], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip

    @property
    def text(self) -> str:
        return self._log.read_text()

    def await_line(self, pattern: str, seconds: float = START) -> re.Match[str]:
        end = time.monotonic() + seconds
        while (found := re.search(pattern, self.text, re.MULTILINE)) is None:
            assert self._process.poll() is None, self.text[-2_000:]
            assert time.monotonic() < end, (pattern, self.text[-2_000:])
            time.sleep(0.2)
        return found

    def end(self) -> None:
        """As by Ctrl-C."""
        os.killpg(self._process.pid, signal.SIGINT)
        self._process.wait(3 * STOP)


@contextmanager
def running(command: str, log: Path) -> Iterator[Terminal]:
    terminal = Terminal(command, log)
    try:
        yield terminal
    finally:
        terminal.end()


class Person:
    """Types the commands, and looks at what the gateways print."""

    def __init__(self, server: Terminal) -> None:
        self.exported = server.await_line(r"^ *(export URL=.*)$")[1]
        self._clear = server.await_line(r"^To clear its cache: (.*)$")[1]
        self._shortcuts = ""

    def types(self, commands: str) -> str:
        """Run commands, and return what they print. A refusal of the server is an error."""
        script = f"{self.exported}\n{self._shortcuts}\n{commands}"
        done = subprocess.run(
            ["bash", "-euc", script], cwd=ROOT, capture_output=True, text=True, timeout=SOON, check=False
        )
        assert (done.returncode, done.stderr) == (0, ""), (commands, done)
        assert '"detail"' not in done.stdout, done.stdout
        return done.stdout

    def defines(self, shortcuts: str) -> None:
        self._shortcuts = shortcuts

    def sees(self, gateways: Terminal, pattern: str, count: int, since: int) -> None:
        """Wait until this many gateways have printed a line, from a place of the output on."""
        end, looked = time.monotonic() + SOON, time.monotonic()
        while len(set(re.findall(pattern, gateways.text[since:], re.MULTILINE))) < count:
            assert time.monotonic() < end, (pattern, gateways.text[since:])
            if time.monotonic() - looked > MISSED:
                subprocess.run(["bash", "-c", self._clear], check=True, stdout=subprocess.DEVNULL)
                looked = time.monotonic()
            time.sleep(0.2)


@pytest.fixture
def person_and_server(tmp_path: Path) -> Iterator[Person]:
    install, _ = blocks("Try it: three gateways on one machine")[:2]
    (serve,) = [line for line in install.splitlines() if line.startswith("make ")]
    with running(serve, tmp_path / "server") as server:
        yield Person(server)


def test_each_command_has_the_effect_that_the_document_says(
    person_and_server: Person, tmp_path: Path
) -> None:
    person = person_and_server
    _, shortcuts, upload, start, status, brand, group, too_much, back, check = blocks(
        "Try it: three gateways on one machine"
    )
    person.defines(shortcuts)
    assert person.types(upload).count('"name":"Qalqan: ') == 3

    start = person.types(f"cat <<END\n{start}END").strip()  # the variables of the `export` line
    with running(start, tmp_path / "gateways") as gateways:

        def sees(pattern: str, count: int = GATEWAYS, since: int = 0) -> None:
            person.sees(gateways, rf"^gateway-(\d): {pattern}", count, since)

        sees("applied; brand Alma Net, colour #7a1f5b, port 8080, feed https://feed.isp.example/qalqan/")
        assert person.types(status).count('"applied"') == GATEWAYS
        person.types(brand)
        sees("applied; brand Alma Home,")
        person.types(group)
        sees("applied; brand School 12,", 1)
        assert "gateway-2: applied; brand School 12," in gateways.text

        upload_port, add_port, take_out = blocks("Roll-out in steps")
        person.types(upload_port)
        for change in (add_port, take_out):
            here = len(gateways.text)
            person.types(change)
            sees("applied; brand School 12, .* port 8080", 1, here)

        here = len(gateways.text)
        person.types(too_much.replace("sleep 40\n", "").partition("api GET")[0])
        sees("error; brand ", since=here)
        shown = person.types("api GET" + too_much.partition("api GET")[2])
        line = "Refused: qalqan.paths.profiles: belongs to the family; remove it from the template"
        assert shown.count(line) == GATEWAYS
        assert line in DOCUMENT
        here = len(gateways.text)
        person.types(back)
        sees("applied; brand ", since=here)
        try:
            person.types(check)
        finally:
            (ROOT / "gateway-1.tar.gz").unlink(missing_ok=True)
