"""A Chromium that runs on a device of the virtual home: its own resolver, addresses and trust."""

from __future__ import annotations

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
from tests.lab.home import ROOT, Home
from tests.lab.netns import Namespace, stop

DRIVER_PORT = 9515
PATIENCE = 20.0  # seconds


class Remote(webdriver.Remote):
    """With what a driver of this machine can do besides."""

    def execute_cdp_cmd(self, command: str, values: dict[str, Any]) -> Any:
        return self.execute("executeCdpCommand", {"cmd": command, "params": values})["value"]

    def get_log(self, kind: str) -> Any:
        return self.execute("getLog", {"type": kind})["value"]


@contextmanager
def seated(home: Home, device: str, folder: Path, environment: Mapping[str, str]) -> Iterator[Chromium]:
    """``environment``: of the browser, as `tests.lab.trusted.trusting_home` makes it."""
    with ExitStack() as stack:
        door = stack.enter_context(socket.socket())
        door.bind(("127.0.0.1", 0))
        door.listen()
        at = home.devices[device]
        quiet = subprocess.DEVNULL
        argv = ["/usr/bin/chromedriver", f"--port={DRIVER_PORT}"]
        driver = at.popen(argv, stdout=quiet, stderr=quiet, env=dict(environment))
        stack.callback(stop, driver)
        _wait(at)
        relay = [sys.executable, "-m", "tests.lab.relay", str(door.fileno()), "127.0.0.1", str(DRIVER_PORT)]
        stack.callback(stop, at.popen(relay, cwd=ROOT, pass_fds=[door.fileno()], stdout=quiet, stderr=quiet))
        url = f"http://127.0.0.1:{door.getsockname()[1]}"
        remote = Remote(ChromeRemoteConnection(url), options=options(folder / "profile"))
        stack.callback(remote.quit)
        one = Chromium(cast("webdriver.Chrome", remote))
        one.resize(PHONE)
        one.theme("light")
        yield one


def _wait(at: Namespace) -> None:
    deadline = time.monotonic() + PATIENCE
    while not at.run(["ss", "-Hltn", f"sport = :{DRIVER_PORT}"]).stdout.strip():
        assert time.monotonic() < deadline, "chromedriver did not start"
        time.sleep(0.05)
