from __future__ import annotations

import http.client
import os
import signal
import subprocess
import threading
import time
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.control.running import Running
from tests.webui.serving import ROOT, ask, command, free_port, serving
from tests.webui.standin.accounts import MUMS_PASSWORD
from tests.webui.standin.household import Household


def sign_in(port: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=90)
    try:
        form = urlencode({"name": "Mum", "password": MUMS_PASSWORD})
        kind = "application/x-www-form-urlencoded"
        headers = {"Content-Type": kind, "Origin": f"http://127.0.0.1:{port}"}
        connection.request("POST", "/signin/password", form, headers)
        assert connection.getresponse().getheader("Location") == "/parent/"
    finally:
        connection.close()


@pytest.fixture
def port() -> int:
    return free_port()


def test_it_serves_and_ends_on_sigterm(
    tmp_path: Path, household: Household, daemon: Running, port: int
) -> None:
    household.devices["127.0.0.1"] = {"mac": "02:00:00:00:00:0a", "profile": "daughter", "name": "Tablet"}
    with serving(daemon.path, port) as process:
        status, headers, body = ask(port, "/my")
        assert status == 200
        assert b"Aruzhan" in body
        assert "server" not in headers
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0


def test_a_forged_source_is_not_believed(household: Household, daemon: Running, port: int) -> None:
    forged = {"X_Forwarded_For": "192.168.1.20", "X_Real_IP": "192.168.1.20", "Forwarded": "for=192.168.1.20"}
    with serving(daemon.path, port):
        assert ask(port, "/my", **forged)[0] == 303
    assert {values["ip"] for do, values in household.asked if do == "device"} == {"127.0.0.1"}


def test_a_long_header_is_refused(daemon: Running, port: int) -> None:
    with serving(daemon.path, port):
        assert ask(port, "/", X="x" * 100_000)[0] in {400, 431}
        assert ask(port, "/why")[0] == 200


def test_it_stays_small(daemon: Running, port: int) -> None:
    """Also after passwords, whose hashes take 8 MB each, and the API's document."""
    with serving(daemon.path, port) as process:
        threads = [threading.Thread(target=sign_in, args=(port,)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for _ in range(50):
            ask(port, "/why")
        assert ask(port, "/api/v1/openapi.json")[0] == 200
        for thread in threads:
            thread.join()
        status = Path(f"/proc/{process.pid}/status").read_text()
        resident = int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")))
        assert resident <= 40 * 1000, "half of the pages' templates are still to come"


@pytest.mark.lab
def test_an_interface_that_is_made_anew_ends_the_process_to_be_started_again(
    tmp_path: Path, port: int
) -> None:
    name = f"qw-serve-{os.getpid()}"
    subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        make = ["ip", "-n", name, "link", "add", "lan0", "type", "veth", "peer", "name", "lan1"]
        subprocess.run(make, check=True)
        argv = command(tmp_path / "none.sock", port, "lan0")
        with subprocess.Popen(
            ["ip", "netns", "exec", name, *argv], cwd=ROOT, stderr=subprocess.PIPE
        ) as process:
            assert process.stderr is not None
            assert f"port {port} of lan0".encode() in process.stderr.readline()
            time.sleep(0.5)
            assert process.poll() is None
            subprocess.run(["ip", "-n", name, "link", "delete", "lan0"], check=True)
            subprocess.run(make, check=True)
            assert process.wait(60) == 1
    finally:
        subprocess.run(["ip", "netns", "delete", name], check=True)
