"""The real daemon and the real pages in a home's gateway: configured, started, stopped, killed."""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any
from zoneinfo import ZoneInfo

import yaml

from gateway.control.client import Unreachable
from gateway.control.listener import WEB_USER
from gateway.core.errors import ControlError
from tests.lab import names
from tests.lab.home import ROOT, Home
from tests.lab.netns import LabError, stop
from tests.pace import longest
from tests.rawclient import RawClient
from webui import compiled

WEB_PORT = 8080
_WEB_ID = 64_991  # of no user here
_READY_S = longest(10.0)
_HOME_ZONE = "Asia/Almaty"
_AFTERNOON = (15, 18)  # hours in which no child of any band is in bed
_TRY_EVERY_S = 0.02
# Lets `clock` on the control socket move the daemon's idea of the time; nobody sets it outside the lab.
TEST_CLOCK = "QALQAN_TEST_CLOCK"


class Daemon:
    """``with Daemon(home, {"daughter": {...}}) as daemon:``: one child a file, as in /etc/qalqan/profiles.

    ``profiles``: id → the mapping or the text of its YAML. ``settings`` are added to qalqan.yaml. It is an
    afternoon there, whatever the hour here, so that nobody's bedtime is met by chance. ``web_user``: the
    pages run as a user of their own, as on a gateway, and the daemon knows it. ``clock`` is ``unset`` where
    the daemon does not know the time when it starts. ``program`` is that of an installed one.
    """

    def __init__(
        self,
        home: Home,
        profiles: Mapping[str, Mapping[str, Any] | str],
        *,
        settings: Mapping[str, Any] | None = None,
        web: bool = False,
        web_user: bool = False,
        clock: str = "1",
        program: Sequence[str] = (sys.executable, "-m", "gateway"),
    ) -> None:
        self.home = home
        self._program = tuple(program)
        self.folder = home.folder / "qalqan"
        self.state = self.folder / "state"
        self.config = self.folder / "qalqan.yaml"
        self.profiles = self.folder / "profiles"
        self.options: Sequence[str] = ()  # of `qalqan run`
        self.seconds_to_ready = 0.0
        self._with_web = web or web_user
        self._web_user = web_user
        self._clock = clock
        self._process: subprocess.Popen[bytes] | None = None
        self._web: subprocess.Popen[bytes] | None = None
        self.profiles.mkdir(parents=True, exist_ok=True)
        for old in (*self.profiles.glob("*.yaml"), self.log, self.web_log):
            old.unlink(missing_ok=True)  # the home is shared: what another daemon said is none of this one's
        for profile, rules in profiles.items():
            self.write_profile(profile, rules)
        self.config.write_text(yaml.safe_dump({**self._settings(), **(settings or {})}, allow_unicode=True))

    def _settings(self) -> dict[str, Any]:
        return {
            "lan": [names.LAN],
            "state": str(self.state),
            "runtime": str(self.folder / "run"),
            "profiles": str(self.profiles),
            "web": {"port": WEB_PORT},
            "country": "kz",
            "timezone": afternoon_zone(datetime.now(UTC)),
            "leases": str(self.home.leases),
            "lists": {"update": "off"},  # the virtual home has no list servers
        }

    @property
    def socket(self) -> Path:
        return self.folder / "run" / "control.sock"

    @property
    def database(self) -> Path:
        return self.state / "qalqan.db"

    @property
    def log(self) -> Path:
        return self.folder / "daemon.log"

    @property
    def web_log(self) -> Path:
        return self.folder / "web.log"

    @property
    def client(self) -> RawClient:
        """A caller on the daemon's control socket, with root's rights."""
        return RawClient(self.socket)

    @property
    def pid(self) -> int:
        assert self._process is not None, "it does not run"
        return self._process.pid

    @property
    def web_pid(self) -> int:
        assert self._web is not None, "the pages do not run"
        return self._web.pid

    def run_with(self, *program: str) -> None:
        """Start the daemon with another program in place of `python -m gateway`."""
        self._program = program

    def write_profile(self, profile: str, rules: Mapping[str, Any] | str) -> None:
        """Takes effect at the next start or ``reload``."""
        text = rules if isinstance(rules, str) else yaml.safe_dump(dict(rules), allow_unicode=True)
        (self.profiles / f"{profile}.yaml").write_text(text)

    def __enter__(self) -> Daemon:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start_at(self, ahead: float) -> None:
        """With a clock that is ``ahead`` of the machine's, in seconds, as it may be since `set_time`."""
        before, self._clock = self._clock, f"+{ahead:.0f}"
        try:
            self.start()
        finally:
            self._clock = before

    def start(self) -> None:
        """Returns when the daemon answers; raises LabError with its own last words when it does not.

        Also where another one of this home runs: its answer would be taken for this one's, and its rules
        would hold.
        """
        if self._answers():
            raise LabError(f"another daemon already answers at {self.socket}; stop it first")
        began = time.monotonic()
        if self._web_user:
            self._make_user()
        self._process = self._spawn("run", self.log, options=self.options)
        try:
            self._await_answer(began + _READY_S)
            self.seconds_to_ready = time.monotonic() - began
            if self._with_web and self._web is None:
                self.start_web()
        except BaseException:
            self.stop()
            raise

    def start_web(self) -> None:
        """Start the pages and wait until they listen. They find their templates compiled."""
        own = self.state / "web"
        with suppress(OSError):  # no room, or kept already
            shutil.copytree(_compiled_templates(), own / compiled.FOLDER)
        if self._web_user:
            for path in (own, *own.rglob("*")):
                os.chown(path, _WEB_ID, _WEB_ID)
        as_user = ["setpriv", f"--reuid={_WEB_ID}", f"--regid={_WEB_ID}", "--clear-groups"]
        self._web = self._spawn("web", self.web_log, as_user if self._web_user else [])
        until = time.monotonic() + _READY_S
        listening = ["ss", "-Hltn", f"sport = :{WEB_PORT}"]
        while not self.home.gateway.run(listening).stdout.strip():
            if self._web.poll() is not None or time.monotonic() > until:
                raise LabError(f"the pages did not start: {_last_words(self.web_log)}")
            time.sleep(_TRY_EVERY_S)

    def await_web_restart(self, patience: float = _READY_S) -> None:
        """Wait until the pages end to be started again, and start them, as the service manager does."""
        assert self._web is not None, "the pages do not run"
        assert self._web.wait(patience) == 1
        self._web = None
        self.start_web()

    def stop_web(self) -> None:
        """SIGTERM to the pages, where they run."""
        if self._web is not None:
            stop(self._web)
            self._web = None

    def stop(self) -> int:
        """SIGTERM to both; the daemon's exit status."""
        self.stop_web()
        status = 0
        if self._process is not None:
            status = stop(self._process)
            self._process = None
        for path in self._accounts() if self._web_user else ():
            path.unlink(missing_ok=True)
        return status

    def kill(self) -> None:
        """As by ``kill -9``: no last word, nothing tidied up. The pages go on."""
        assert self._process is not None, "it does not run"
        self._process.kill()
        self._process.wait()
        self._process = None

    def reload(self) -> None:
        """Profiles and lists anew, as by SIGHUP."""
        os.kill(self.pid, signal.SIGHUP)

    def _accounts(self) -> tuple[Path, Path]:
        """What `ip netns exec` shows in the gateway in place of /etc/passwd and /etc/group."""
        folder = Path("/etc/netns") / self.home.gateway.name
        return folder / "passwd", folder / "group"

    def _make_user(self) -> None:
        users, groups = self._accounts()
        users.parent.mkdir(parents=True, exist_ok=True)
        entry = f"{WEB_USER}:x:{_WEB_ID}:{_WEB_ID}::/nonexistent:/usr/sbin/nologin\n"
        users.write_text(Path("/etc/passwd").read_text() + entry)
        groups.write_text(Path("/etc/group").read_text() + f"{WEB_USER}:x:{_WEB_ID}:\n")

    def _spawn(
        self, command: str, log: Path, before: Sequence[str] = (), options: Sequence[str] = ()
    ) -> subprocess.Popen[bytes]:
        argv = [*before, *self._program, command, "--config", str(self.config), *options]
        with log.open("ab") as output:
            return self.home.gateway.popen(
                argv,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=ROOT,
                env={**os.environ, TEST_CLOCK: self._clock},
            )

    def _await_answer(self, until: float) -> None:
        assert self._process is not None
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > until:
                raise LabError(f"the daemon did not start: {_last_words(self.log)}")
            time.sleep(_TRY_EVERY_S)

    def _answers(self) -> bool:
        """Whether a daemon is there, this one or another."""
        try:
            self.client.call("status")
        except Unreachable:
            return False
        except ControlError as error:
            raise LabError(f"the daemon does not say how it is: {error}") from error
        return True


@cache
def _compiled_templates() -> Path:
    """Compiled once, as each start of the pages with nothing kept would take two seconds of the processor."""
    folder = Path(tempfile.mkdtemp(prefix="qalqan-templates-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    compiled.compile_all(folder)
    return folder


def afternoon_zone(now: datetime) -> str:
    """Asia/Almaty while it is afternoon there, else a zone where it is."""
    first, last = _AFTERNOON
    if first <= now.astimezone(ZoneInfo(_HOME_ZONE)).hour < last:
        return _HOME_ZONE
    ahead = (first + 1 - now.astimezone(UTC).hour + 12) % 24 - 12
    # The sign in these names is that of POSIX: Etc/GMT-5 is five hours ahead.
    return f"Etc/GMT{-ahead:+d}" if ahead else "Etc/GMT"


def _last_words(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
    return lines[-1] if lines else f"it said nothing in {_READY_S:g} s"
