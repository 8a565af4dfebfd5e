"""Firefox on a device: its own resolver, its ClientHello, its QUIC. Driven by the Marionette in it.

`python -m tests.lab.firefox ORDERS` is the half that runs on the device.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import unquote

from tests.lab.clients import Outcome
from tests.lab.home import ROOT, Home
from tests.lab.netns import Namespace, stopping

PROGRAM = shutil.which("firefox-esr") or shutil.which("firefox")
_MARIONETTE = 2828  # its port, in the device's own namespace
_START_S = 60.0
_PAGE_MS = 20000
_ERROR = re.compile(r"about:(?:neterror|certerror)\?e=(\w+).*?&d=([^&]*)")

# Nothing of its own goes out: no DNS over HTTPS, no telemetry, no updates, no probes, no guesses ahead.
_QUIET: Mapping[str, object] = {
    "network.trr.mode": 5,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "network.dns.disablePrefetch": True,
    "network.http.speculative-parallel-limit": 0,
    "network.prefetch-next": False,
    "services.settings.server": "data:,#remote-settings-dummy/v1",
    "app.normandy.enabled": False,
    "app.update.enabled": False,
    "browser.newtabpage.enabled": False,
    "browser.safebrowsing.downloads.remote.enabled": False,
    "browser.safebrowsing.malware.enabled": False,
    "browser.safebrowsing.phishing.enabled": False,
    "browser.search.update": False,
    "browser.startup.homepage": "about:blank",
    "browser.startup.page": 0,
    "datareporting.healthreport.uploadEnabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "dom.push.connection.enabled": False,
    "extensions.getAddons.cache.enabled": False,
    "extensions.update.enabled": False,
    "media.gmp-manager.updateEnabled": False,
    "toolkit.telemetry.enabled": False,
    "toolkit.telemetry.unified": False,
}
# It asks for HTTPS records, and speaks HTTP/3 to a server whose authority was added by hand.
_MODERN: Mapping[str, object] = {
    "network.dns.native_https_query_in_automation": True,
    "network.http.http3.enable": True,
    "network.http.http3.disable_when_third_party_roots_found": False,
}
_TRUST = """
Cc["@mozilla.org/security/x509certdb;1"].getService(Ci.nsIX509CertDB).addCertFromBase64(arguments[0], "C,,");
"""


def visit(
    home: Home,
    device: str,
    *urls: str,
    quic_hosts: Sequence[str] = (),
    address: str = "",
    preferences: Mapping[str, object] = MappingProxyType({}),
    timeout: float = 180.0,
) -> list[Outcome]:
    """Open one page after the other in a fresh browser that trusts the pretended internet's authority.

    ``how`` of each is the page's protocol ("h3"), or the browser's own words for what went wrong. Hosts in
    ``quic_hosts`` are known to speak HTTP/3. ``address``: where every host is; no resolver is asked.
    ``wait:SECONDS`` in place of a URL waits so long for a page of the pretended internet, such as one
    that a page of ours opens.
    """
    folder = home.folder / f"firefox-{device}"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "profile").mkdir(parents=True)
    chosen: dict[str, object] = {**_QUIET, **_MODERN, "marionette.port": _MARIONETTE, **preferences}
    if quic_hosts:
        chosen["network.http.http3.alt-svc-mapping-for-testing"] = ",".join(
            f"{host};h3=:443" for host in quic_hosts
        )
        chosen["network.http.http3.force-use-alt-svc-mapping-for-testing"] = True
    if address:
        chosen["network.dns.forceResolve"] = address
    lines = [f"user_pref({json.dumps(key)}, {json.dumps(value)});\n" for key, value in chosen.items()]
    (folder / "profile" / "user.js").write_text("".join(lines))
    orders = json.dumps({"folder": str(folder), "ca": home.ca.read_text(), "urls": urls})
    argv = home.devices[device].command([sys.executable, "-m", "tests.lab.firefox", orders])
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=timeout, check=False)
    assert done.returncode == 0, done.stderr
    return [Outcome(**told) for told in json.loads(done.stdout)]


class Session:
    """A browser that does one order after the other."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def go(self, url: str) -> None:
        assert self._ask({"go": url}) == "", url

    def error_of(self, url: str) -> str:
        """Open a page and return the browser's own words for what went wrong; empty where it shows a page."""
        return str(self._ask({"go": url}))

    def run(self, script: str) -> Any:
        """The value that an asynchronous script returns; None if it failed."""
        return self._ask({"run": script})

    def _ask(self, order: Mapping[str, str]) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "Firefox went away"
        return json.loads(line)


@contextmanager
def session(
    place: Namespace, folder: Path, root_pem: str, preferences: Mapping[str, object]
) -> Iterator[Session]:
    """A fresh browser that trusts an authority, until the block ends."""
    (folder / "profile").mkdir(parents=True)
    chosen = {**_QUIET, "marionette.port": _MARIONETTE, **preferences}
    lines = [f"user_pref({json.dumps(key)}, {json.dumps(value)});\n" for key, value in chosen.items()]
    (folder / "profile" / "user.js").write_text("".join(lines))
    orders = json.dumps({"folder": str(folder), "ca": root_pem})
    argv = [sys.executable, "-m", "tests.lab.firefox", orders]
    with stopping(place.popen(argv, stdin=subprocess.PIPE, stderr=None, cwd=ROOT)) as process:
        yield Session(process)
        assert process.stdin is not None
        process.stdin.close()
        process.wait(20.0)


# ------------------------------------------------------------------ on the device


class _Marionette:
    """https://firefox-source-docs.mozilla.org/testing/marionette/Protocol.html"""

    def __init__(self, connection: socket.socket) -> None:
        self._file = connection.makefile("rwb")
        self._number = 0
        self._read()

    def call(self, command: str, **parameters: object) -> tuple[dict[str, str] | None, Any]:
        """The error and the result: one of the two."""
        self._number += 1
        message = json.dumps([0, self._number, command, parameters]).encode()
        self._file.write(b"%d:%s" % (len(message), message))
        self._file.flush()
        _, _, error, result = self._read()
        return error, result

    def must(self, command: str, **parameters: object) -> Any:
        error, result = self.call(command, **parameters)
        if error is not None:
            sys.exit(f"{command}: {error['message']}")
        return result

    def _read(self) -> Any:
        length = b""
        while (byte := self._file.read(1)) != b":":
            if not byte:
                sys.exit("Firefox went away")
            length += byte
        return json.loads(self._file.read(int(length)))


def _connected(process: subprocess.Popen[bytes]) -> socket.socket:
    deadline = time.monotonic() + _START_S
    while process.poll() is None and time.monotonic() < deadline:
        try:
            return socket.create_connection(("127.0.0.1", _MARIONETTE))
        except OSError:
            time.sleep(0.05)
    sys.exit(f"Firefox did not start: {process.poll()}")


def _opened(browser: _Marionette, url: str) -> dict[str, object]:
    began = time.monotonic()
    error, _ = browser.call("WebDriver:Navigate", url=url)
    ms = round((time.monotonic() - began) * 1000, 2)
    if error is not None:
        page = _ERROR.search(error["message"])
        how = f"{page[1]}: {unquote(page[2])}" if page else error["message"]
        return {"reached": False, "ms": ms, "how": how}
    body = browser.must("WebDriver:GetPageSource")["value"]
    script = 'return performance.getEntriesByType("navigation")[0].nextHopProtocol'
    how = browser.must("WebDriver:ExecuteScript", script=script, args=[])["value"]
    return {"reached": "pretended internet" in body, "ms": ms, "how": how, "body": body}


def _waited(browser: _Marionette, seconds: float) -> dict[str, object]:
    began = time.monotonic()
    body = ""
    while time.monotonic() - began < seconds:
        error, result = browser.call("WebDriver:GetPageSource")
        body = "" if error is not None else result["value"]
        if "pretended internet" in body:
            break
        time.sleep(0.2)
    ms = round((time.monotonic() - began) * 1000, 2)
    return {"reached": "pretended internet" in body, "ms": ms, "how": "waited", "body": body}


def _answered(browser: _Marionette, order: Mapping[str, str]) -> Any:
    if "go" in order:
        error, _ = browser.call("WebDriver:Navigate", url=order["go"])
        return "" if error is None else error["message"]
    body = order["run"]
    script = f"const done = arguments[0]; (async () => {{ {body} }})().then(done, () => done(null));"
    error, result = browser.call("WebDriver:ExecuteAsyncScript", script=script, args=[])
    if error is not None:  # the page went away meanwhile
        print(error["message"], file=sys.stderr)
        return None
    return result["value"]


def _main(orders: str) -> None:
    wanted = json.loads(orders)
    folder = Path(wanted["folder"])
    argv = [
        str(PROGRAM), "--headless", "--no-remote", "--marionette", "--remote-allow-system-access",
        "--profile", str(folder / "profile"),
    ]  # fmt: skip
    # Without the last of these a release build fetches its settings whatever its preferences say.
    environment = {"HOME": str(folder), "PATH": os.environ["PATH"], "MOZ_REMOTE_SETTINGS_DEVTOOLS": "1"}
    with (folder / "firefox.log").open("wb") as log:
        process = subprocess.Popen(argv, stdout=log, stderr=log, env=environment)
    try:
        browser = _Marionette(_connected(process))
        browser.must("WebDriver:NewSession", capabilities={})
        browser.must("WebDriver:SetTimeouts", pageLoad=_PAGE_MS)
        browser.must("Marionette:SetContext", value="chrome")
        certificate = "".join(line for line in wanted["ca"].splitlines() if not line.startswith("-"))
        browser.must("WebDriver:ExecuteScript", script=_TRUST, args=[certificate])
        browser.must("Marionette:SetContext", value="content")
        if "urls" in wanted:
            told = [
                _waited(browser, float(url[5:])) if url.startswith("wait:") else _opened(browser, url)
                for url in wanted["urls"]
            ]
            print(json.dumps(told))
        else:
            for line in sys.stdin:
                print(json.dumps(_answered(browser, json.loads(line))), flush=True)
        browser.call("Marionette:Quit", flags=["eForceQuit"])
        process.wait(10.0)
    finally:
        process.kill()
        process.wait()


if __name__ == "__main__":
    _main(sys.argv[1])
