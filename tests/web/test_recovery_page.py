"""The recovery page: real web processes that cannot start, what they serve, and how they start in the end."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.web import recovery_page
from gateway.web.recovery import FAILURES, SETTINGS
from gateway.web.recovery_page import LANGUAGES, TEXTS, language_of, page
from tests.pace import longest
from tests.webui.serving import ROOT, ask, free_port

TITLES = {language: TEXTS[language]["title"] for language in LANGUAGES}
BROKEN = "country: [\n"


@dataclass
class Pages:
    """`qalqan web` of a home whose files a test breaks and repairs."""

    folder: Path
    port: int

    @property
    def config(self) -> Path:
        return self.folder / "qalqan.yaml"

    def configure(self, **more: object) -> None:
        values = {"lan": ["lo"], "state": str(self.folder), "runtime": str(self.folder),
                  "web": {"listen": f"127.0.0.1:{self.port}"}, **more}  # fmt: skip
        self.config.write_text("".join(f"{key}: {json.dumps(value)}\n" for key, value in values.items()))

    @contextmanager
    def running(
        self, *program: str, root: Path = ROOT, **environment: str
    ) -> Iterator[subprocess.Popen[bytes]]:
        """Start the pages, by `python -m gateway` or by ``program``, of the tree in ``root``."""
        argv = [sys.executable, *(program or ("-m", "gateway")), "web", "--config", str(self.config)]
        log = (self.folder / "web.log").open("ab")
        environment = {**os.environ, "QALQAN_UCI": "", **environment}
        with log, subprocess.Popen(argv, cwd=root, stderr=log, env=environment) as process:
            try:
                yield process
            finally:
                process.kill()

    def until(self, status: int) -> bytes:
        """Return the first answer with this status; the calendar page needs no daemon."""
        end = time.monotonic() + longest(20.0)
        while time.monotonic() < end:
            try:
                found, _, body = ask(self.port, "/calendar")
            except OSError:
                found = 0
            if found == status:
                return body
            time.sleep(0.1)
        pytest.fail(f"no {status}: {(self.folder / 'web.log').read_text()}")

    def started_well(self) -> None:
        """Start once, so that the settings of a good start are known."""
        self.configure()
        with self.running():
            self.until(200)


@pytest.fixture
def pages(tmp_path: Path) -> Pages:
    return Pages(tmp_path, free_port())


def test_a_broken_settings_file_is_named_and_the_pages_come_when_it_is_corrected(pages: Pages) -> None:
    pages.started_well()
    good = pages.config.read_text()
    pages.config.write_text(good + BROKEN)
    with pages.running() as process:
        text = pages.until(503).decode()
        assert "The settings cannot be read." in text
        assert f"<code>{pages.config}:" in text
        assert "<code>qalqan check</code>" in text
        assert "The filter does not answer." in text
        assert "Traceback" not in text
        with closing(socket.socket(socket.AF_UNIX)) as daemon:
            daemon.bind(str(pages.folder / "control.sock"))
            daemon.listen()
            assert "The filter runs: rules, bedtimes" in pages.until(503).decode()
        for language in LANGUAGES:
            status, headers, body = ask(pages.port, "/parent/", Accept_Language=f"{language}-KZ, de;q=0.5")
            assert (status, headers["retry-after"], headers["cache-control"]) == (503, "10", "no-store")
            assert f'<html lang="{language}">' in body.decode()
            assert TITLES[language] in body.decode()
        status, headers, body = ask(pages.port, "/api/v1/home")
        assert (status, headers["content-type"]) == (503, "application/problem+json")
        assert json.loads(body)["status"] == 503
        pages.config.write_text(good)
        pages.until(200)
        assert process.poll() is None, "the service manager has seen no exit"
    assert "qalqan.yaml:" in (pages.folder / "web.log").read_text(), "the log has the whole sentence"


def test_the_last_settings_are_found_in_the_state_folder_of_the_router_s_file(pages: Pages) -> None:
    state, uci = pages.folder / "elsewhere", pages.folder / "uci"
    state.mkdir()
    uci.write_text(f"config paths 'paths'\n\toption state '{state}'\n")
    pages.configure()
    with pages.running(QALQAN_UCI=str(uci)):
        pages.until(200)
    assert (state / "web" / SETTINGS).exists()
    pages.config.write_text(pages.config.read_text() + BROKEN)
    with pages.running(QALQAN_UCI=str(uci)):
        assert "The settings cannot be read." in pages.until(503).decode()


def test_an_exception_of_the_program_shows_no_trace_and_ends_with_its_cause(pages: Pages) -> None:
    pages.configure(language="ru")
    broken = pages.folder / "modules" / "flask.py"
    broken.parent.mkdir()
    broken.write_text("raise RuntimeError('half an update')\n")
    with pages.running(PYTHONPATH=str(broken.parent)) as process:
        text = pages.until(503).decode()
        assert TEXTS["ru"]["program"] in text, "the family's language, for a client that asks for none"
        for word in ("Traceback", "RuntimeError", "half an update", str(pages.folder)):
            assert word not in text
        assert "half an update" in (pages.folder / "web.log").read_text(), "the log has the trace"
        broken.unlink()
        os.utime(pages.config)
        pages.until(200)
        assert process.poll() is None


COMMANDS = (ROOT / "debian/bin/qalqan", ROOT / "openwrt/qalqan/files/qalqan")


def test_both_systems_have_the_same_command() -> None:
    assert COMMANDS[0].read_text() == COMMANDS[1].read_text()


@pytest.mark.parametrize(
    ("module", "installed"),
    [
        ("gateway/cli/main.py", True),
        ("gateway/core/errors.py", False),
        ("gateway/cli/web_process.py", True),
        ("webui/accounts/limiter.py", True),
    ],
)
def test_a_deleted_module_shows_the_page_until_it_is_there_again(
    pages: Pages, module: str, *, installed: bool
) -> None:
    """As in a half-done update. ``installed``: by the command of the packages."""
    pages.started_well()
    root = pages.folder / "tree"
    for package in ("gateway", "profiles", "webui"):
        shutil.copytree(ROOT / package, root / package, copy_function=os.symlink)
    program = pages.folder / "qalqan"
    program.write_text(COMMANDS[0].read_text().replace("/usr/lib/qalqan", str(root)))
    (root / module).unlink()
    with pages.running(*[str(program)] * installed, root=root) as process:
        assert TEXTS["en"]["program"] in pages.until(503).decode()
        (root / module).symlink_to(ROOT / module)
        os.utime(pages.config)
        pages.until(200)
        assert process.poll() is None, "the service manager has seen no exit"


def test_a_module_that_the_disk_does_not_return_shows_the_page(pages: Pages) -> None:
    """The command line reports an OSError in one line, and ends."""
    pages.started_well()
    broken = pages.folder / "modules" / "yaml.py"
    broken.parent.mkdir()
    broken.write_text("raise OSError(5, 'Input/output error')\n")
    with pages.running(PYTHONPATH=str(broken.parent)):
        assert TEXTS["en"]["program"] in pages.until(503).decode()
        broken.unlink()
        os.utime(pages.config)
        pages.until(200)
    assert "Input/output error" in (pages.folder / "web.log").read_text()


def test_a_folder_that_cannot_be_written_is_named(pages: Pages) -> None:
    pages.configure()
    (pages.folder / "web").write_text("a file where the folder should be")
    with pages.running():
        text = pages.until(503).decode()
        assert "cannot be written" in text
        assert f"<code>{pages.folder / 'web'}" in text
        (pages.folder / "web").unlink()
        os.utime(pages.config)
        pages.until(200)


def test_it_tries_again_without_a_change_and_rests_longer_each_time(pages: Pages) -> None:
    pages.configure()
    broken = pages.folder / "modules" / "flask.py"
    broken.parent.mkdir()
    broken.write_text("raise RuntimeError\n")
    values = {"cause": "program", "where": "", "failures": 0, "watch": [], "settings": {}}
    with pages.running(PYTHONPATH=str(broken.parent)) as process:
        pages.until(503)
        environment = Path(f"/proc/{process.pid}/environ").read_bytes()
        assert f"{FAILURES}=1\0".encode() in environment
        os.utime(pages.config)
        end = time.monotonic() + longest(20.0)
        while f"{FAILURES}=2\0".encode() not in Path(f"/proc/{process.pid}/environ").read_bytes():
            assert time.monotonic() < end
            time.sleep(0.1)
    argv = [sys.executable, "-c", "print('started again')"]
    port = free_port()
    settings = {"listen": f"127.0.0.1:{port}"}
    code = (
        "import sys; from gateway.web import recovery_page; recovery_page.FIRST_PAUSE = 0.2;"
        "recovery_page.WATCH_EVERY = 0.05; recovery_page.main(sys.argv[1])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, json.dumps({**values, "again": argv, "settings": settings})],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert done.stdout == "started again\n"


def test_silent_and_half_requests_keep_nobody_waiting(pages: Pages) -> None:
    pages.started_well()
    pages.config.write_text(pages.config.read_text() + BROKEN)
    with pages.running():
        pages.until(503)
        silent = [socket.create_connection(("127.0.0.1", pages.port)) for _ in range(100)]
        silent[0].sendall(b"GET / HTTP/1.1\r\n")
        began = time.monotonic()
        assert ask(pages.port, "/")[0] == 503
        assert time.monotonic() - began < longest(2.0)
        for one in silent:
            one.close()
        with closing(socket.create_connection(("127.0.0.1", pages.port))) as sock:
            sock.sendall(b"HEAD / HTTP/1.1\r\n\r\n")
            answer = sock.makefile("rb").read()
            assert answer.startswith(b"HTTP/1.1 503 ")
            assert answer.endswith(b"\r\n\r\n")
        with closing(socket.create_connection(("127.0.0.1", pages.port))) as sock:
            sock.sendall(b"\xff" * 20_000)
            assert sock.makefile("rb").read().startswith(b"HTTP/1.1 503 ")


def test_a_taken_port_is_one_line_as_before(pages: Pages) -> None:
    pages.configure()
    with closing(socket.socket()) as other:
        other.bind(("127.0.0.1", pages.port))
        other.listen()
        with pages.running() as process:
            assert process.wait(longest(60.0)) == 1
    assert "is taken by another program" in (pages.folder / "web.log").read_text()


@pytest.mark.parametrize("settings", [{"listen": "127.0.0.1:70000"}, {"port": 70_000, "lan": ["lo"]}])
def test_a_port_that_does_not_exist_is_one_line(settings: dict[str, object]) -> None:
    values = {"cause": "program", "where": "", "failures": 0, "watch": [], "again": [], "settings": settings}
    done = subprocess.run(
        [sys.executable, "-m", "gateway.web.recovery_page", json.dumps(values)],
        cwd=ROOT, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith("qalqan: the recovery page cannot listen: ")
    assert done.stderr.count("\n") == 1


IMPORTS = """
import sys
import gateway.web.recovery, gateway.web.recovery_page
packages = "gateway", "webui", "flask", "yaml"
print(*sorted(name for name in sys.modules if name.partition(".")[0] in packages))
"""


def test_it_needs_nothing_that_may_be_broken() -> None:
    done = subprocess.run(
        [sys.executable, "-c", IMPORTS], cwd=ROOT, capture_output=True, text=True, check=True
    )
    own = ["gateway", "gateway.web", "gateway.web.recovery", "gateway.web.recovery_page"]
    assert done.stdout.split() == own


def test_the_settings_of_the_last_good_start_are_not_written_again(pages: Pages) -> None:
    pages.started_well()
    stored = pages.folder / "web" / SETTINGS
    before = stored.stat().st_ino
    with pages.running():
        pages.until(200)
    assert stored.stat().st_ino == before


@pytest.mark.parametrize(
    ("accepted", "found"),
    [("kk-KZ,kk;q=0.9,ru;q=0.8", "kk"), ("de, ru", "ru"), ("de", "kk"), ("", "kk"), ("*;q=0.1, EN", "en")],
)
def test_the_reader_s_language_comes_first_then_the_family_s(accepted: str, found: str) -> None:
    assert language_of(accepted, "kk") == found


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("cause", ["config", "storage", "program"])
def test_each_page_is_whole_in_each_language(language: str, cause: str) -> None:
    assert TEXTS[language].keys() == TEXTS["en"].keys()
    brand: Mapping[str, str] = {"name": "<Alma>", "support": "+7 700 000 00 00"}
    values = {"cause": cause, "where": "<script>", "settings": {"brand": brand}}
    text = page(values, language, runs=True)
    assert "&lt;Alma&gt;" in text
    assert "+7 700 000 00 00" in text
    assert "<code>&lt;script&gt;</code>" in text
    assert text.count("<script>") == 1
    assert "{" not in text.replace(recovery_page.STYLE, "").replace(recovery_page.SCRIPT, "")
