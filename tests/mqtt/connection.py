"""The real process `qalqan mqtt` next to a daemon, with the token of a parent."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from tests import pace
from tests.lab import names
from tests.lab.daemon import Daemon
from tests.lab.home import ROOT
from tests.lab.netns import stop
from tests.mqtt.broker import PASSWORD, USER, Listener, Mosquitto

WEB_ID = 64_991  # of the pages' user in the virtual home (tests/lab/daemon.py)
LABEL = "Home Assistant"


def token_of(daemon: Daemon, name: str, role: str = "guardian") -> tuple[str, str]:
    """A new token of a parent, who is added if needed, and its id. The daemon then knows Mum or the like."""
    accounts = daemon.client.call("guardian", action="list")["guardians"]
    link = daemon.client.call("guardian", action="link" if name in accounts else "add", name=name)["token"]
    session = daemon.client.call("guardian", action="signin", token=link, origin=names.PARENT.ipv4)["session"]
    made = daemon.client.call(
        "guardian", action="token_make", session=session, label=LABEL, role=role, origin=names.PARENT.ipv4
    )
    return made["token"], made["id"]


class Connection:
    """Starts the process as the pages' user, as on a gateway.

    ``settings`` are added to `mqtt` of qalqan.yaml. The environment variable QALQAN_PAHO
    names a folder with another version of paho.
    """

    def __init__(self, daemon: Daemon, broker: Mosquitto, folder: Path, token: str, **settings: Any) -> None:
        self._daemon = daemon
        self.log = folder / "mqtt.log"
        self.token_file, password = folder / "token", folder / "password"
        for path, secret in ((self.token_file, token), (password, PASSWORD)):
            path.write_text(secret + "\n")
            path.chmod(0o640)
            os.chown(path, 0, WEB_ID)
        self.settings: dict[str, Any] = {
            "address": "127.0.0.1",
            "port": broker.port,
            "user": USER,
            "password_file": str(password),
            "token_file": str(self.token_file),
            **settings,
        }
        self._process: subprocess.Popen[bytes] | None = None
        paho = os.environ.get("QALQAN_PAHO")
        self._environment = {**os.environ, **({"PYTHONPATH": paho} if paho else {})}
        self.write(self.settings)

    def write(self, settings: Mapping[str, Any] | None, **others: Any) -> None:
        """Set `mqtt` in qalqan.yaml; None: take it out. ``others``: automatic backups."""
        path = self._daemon.config
        # As text: YAML 1.1 reads the daemon's `off` as false.
        found = yaml.load(path.read_text(), yaml.BaseLoader)
        for key in ("mqtt", "backup"):
            found.pop(key, None)
        found |= others
        if settings is not None:
            found["mqtt"] = dict(settings)
        path.write_text(yaml.safe_dump(found, allow_unicode=True))

    def start(self) -> None:
        command: Sequence[str] = (
            sys.executable,
            "-m",
            "gateway",
            "mqtt",
            "--config",
            str(self._daemon.config),
        )
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                ["setpriv", f"--reuid={WEB_ID}", f"--regid={WEB_ID}", "--clear-groups", *command],
                cwd=ROOT, stdout=log, stderr=subprocess.STDOUT, env=self._environment,
            )  # fmt: skip

    @property
    def pid(self) -> int:
        assert self._process is not None, "it does not run"
        return self._process.pid

    def stop(self) -> int:
        status = 0
        if self._process is not None:
            status = stop(self._process)
            self._process = None
        return status

    def wait(self, seconds: float) -> int:
        """Wait until it ends, and return its status."""
        assert self._process is not None, "it does not run"
        return self._process.wait(pace.longest(seconds))

    def kill(self) -> None:
        assert self._process is not None, "it does not run"
        self._process.kill()
        self._process.wait()
        self._process = None

    def await_online(self, listener: Listener) -> None:
        listener.await_last("qalqan/availability", "online", 5.0)

    def logged(self, words: str) -> bool:
        return words in self.log.read_text()

    def await_logged(self, words: str, seconds: float = 5.0) -> None:
        found = pace.until(lambda: self.logged(words), seconds)
        assert found is not None, f"{words!r} is not in the log: {self.log.read_text()[-2000:]}"
