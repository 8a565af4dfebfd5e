"""A Chromium that runs on a device of the virtual home: its own resolver, addresses and trust."""

from __future__ import annotations

import itertools
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, cast

from selenium import webdriver
from selenium.webdriver.chrome.remote_connection import ChromeRemoteConnection

from tests.browser.chromium import PHONE, Chromium, options
from tests.lab.chromium import WITHOUT_PRELOAD
from tests.lab.home import ROOT, Home
from tests.lab.netns import Namespace, stop

DRIVER_PORTS = itertools.count(9515)  # a device may have several browsers
PATIENCE = 20.0  # seconds


class Remote(webdriver.Remote):
    """With what a driver of this machine can do besides."""

    def execute_cdp_cmd(self, command: str, values: dict[str, Any]) -> Any:
        return self.execute("executeCdpCommand", {"cmd": command, "params": values})["value"]

    def get_log(self, kind: str) -> Any:
        return self.execute("getLog", {"type": kind})["value"]


@contextmanager
def seated(
    home: Home, device: str, folder: Path, environment: Mapping[str, str], *, script: bool = True
) -> Iterator[Chromium]:
    """``environment``: of the browser, as `tests.lab.trusted.trusting_home` makes it."""
    with ExitStack() as stack:
        door = stack.enter_context(socket.socket())
        door.bind(("127.0.0.1", 0))
        door.listen()
        at, port = home.devices[device], next(DRIVER_PORTS)
        quiet = subprocess.DEVNULL
        argv = [*WITHOUT_PRELOAD, "/usr/bin/chromedriver", f"--port={port}"]
        driver = at.popen(argv, stdout=quiet, stderr=quiet, env=dict(environment))
        stack.callback(stop, driver)
        _wait(at, port)
        relay = [sys.executable, "-m", "tests.lab.relay", str(door.fileno()), "127.0.0.1", str(port)]
        stack.callback(stop, at.popen(relay, cwd=ROOT, pass_fds=[door.fileno()], stdout=quiet, stderr=quiet))
        url = f"http://127.0.0.1:{door.getsockname()[1]}"
        remote = Remote(ChromeRemoteConnection(url), options=options(folder / "profile", script=script))
        stack.callback(remote.quit)
        one = Chromium(cast("webdriver.Chrome", remote))
        one.resize(PHONE)
        one.theme("light")
        yield one


def _wait(at: Namespace, port: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while not at.run(["ss", "-Hltn", f"sport = :{port}"]).stdout.strip():
        assert time.monotonic() < deadline, "chromedriver did not start"
        time.sleep(0.05)
