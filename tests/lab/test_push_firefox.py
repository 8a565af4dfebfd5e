"""Web Push to a real Firefox: it subscribes on the page, and its service worker shows what the home sends."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests import pace
from tests.control.running import Running
from tests.lab import firefox
from tests.lab.home import ROOT
from tests.lab.netns import Namespace, stopping
from tests.lists.outside_world import RESOLVER, SITE
from tests.lists.test_outside import _until_ready, _wire
from tests.web.authority import NAME, TrustedAuthority
from tests.webui.serving import command
from tests.webui.standin.household import Household, at_home

pytestmark = [pytest.mark.lab, pytest.mark.needs("firefox-esr", "firefox")]

ORIGIN = f"https://{NAME}"
PAGES, BROWSERS = 8080, 8090  # ports
DELIVERED = 100
PREFERENCES = {
    "dom.push.connection.enabled": True,
    "dom.push.serverURL": f"ws://127.0.0.1:{BROWSERS}/",
    "dom.push.testing.allowInsecureServerURL": True,
    "network.dns.forceResolve": "127.0.0.1",
    "permissions.default.desktop-notification": 1,
    "alerts.useSystemBackend": False,  # there is no desktop
}
SHOWN = """
    const worker = await navigator.serviceWorker.ready;
    return (await worker.getNotifications()).map(one => [one.title, one.body, one.data]);
"""


@dataclass
class Place:
    household: Household
    daemon: Running
    gateway: Namespace
    root: str
    folder: Path

    def sent(self) -> list[dict[str, Any]]:
        return self._lines("senders")

    def acknowledged(self) -> list[int]:
        """Firefox's codes: 100 when the service worker had a message, 101 if it could not be decrypted."""
        acks = (said for said in self._lines("browsers") if said.get("messageType") == "ack")
        return [update.get("code", 0) for ack in acks for update in ack["updates"]]

    def _lines(self, name: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.folder / name).read_text().splitlines()[1:]]


@pytest.fixture
def place(namespaces: None, tmp_path: Path) -> Iterator[Place]:
    """The pages on a gateway, and a push service on the internet beyond it."""
    name = f"qq{os.getpid()}x{os.urandom(2).hex()}"
    gateway, internet = Namespace(f"{name}-gw"), Namespace(f"{name}-net")
    authority = TrustedAuthority()
    root = tmp_path / "root.pem"
    root.write_bytes(authority.root_pem)
    messages = tmp_path / "messages"
    for folder, pair in (("own", authority.issue()), ("push", authority.issue("good.test"))):
        (tmp_path / folder).mkdir()
        pair.put(tmp_path / folder)
    messages.mkdir()
    control = tmp_path / "control.sock"
    own = {key: str(tmp_path / "own" / f"{key}.pem") for key in ("chain", "key")}
    https: dict[str, str | int] = {"name": NAME, "certificate": own["chain"], "key": own["key"], "port": 443}
    theirs = [str(tmp_path / "push" / file) for file in ("chain.pem", "key.pem")]
    autopush = [sys.executable, "-m", "tests.lab.autopush"]
    programs: dict[str, tuple[Namespace, list[str]]] = {
        "names": (internet, [sys.executable, "-m", "tests.lists.outside_world", "names", RESOLVER]),
        "senders": (internet, [*autopush, "senders", SITE, str(messages), *theirs]),
        "browsers": (gateway, [*autopush, "browsers", str(BROWSERS), str(messages)]),
        "pages": (gateway, command(control, PAGES, https=https)),
    }
    household = Household()
    with ExitStack() as ends:
        ends.callback(household.close)
        for namespace in (gateway, internet):
            subprocess.run(["ip", "netns", "add", namespace.name], check=True)
            ends.callback(subprocess.run, ["ip", "netns", "del", namespace.name], check=False)
        _wire(gateway, internet)
        gateway.set_resolvers(RESOLVER)
        ends.callback(shutil.rmtree, Path("/etc/netns", gateway.name), ignore_errors=True)
        daemon = ends.enter_context(at_home(control, household))
        environment = {**os.environ, "SSL_CERT_FILE": str(root)}
        for key, (namespace, argv) in programs.items():
            out = ends.enter_context((tmp_path / key).open("wb"))
            ends.enter_context(stopping(namespace.popen(argv, stdout=out, cwd=ROOT, env=environment)))
            if key != "pages":
                _until_ready(tmp_path / key)
        known = ["--cacert", str(root), "--resolve", f"{NAME}:443:127.0.0.1"]
        check = ["curl", "-sSf", *known, f"{ORIGIN}/offline"]
        assert pace.until(lambda: gateway.run(check).returncode == 0, 30.0), (tmp_path / "pages").read_text()
        yield Place(household, daemon, gateway, root.read_text(), tmp_path)


def until_said(browser: firefox.Session, script: str) -> Any:
    found: list[Any] = []

    def asks() -> bool:
        found.append(browser.run(script))
        return bool(found[-1])

    assert pace.within(asks, 25.0) is not None, browser.run("return document.body.innerText")
    return found[-1]


def tap(browser: firefox.Session, number: int) -> None:
    buttons = 'document.querySelectorAll("#push button")'
    until_said(browser, f"return {buttons}[{number}] && !{buttons}[{number}].hidden")
    browser.run(f"{buttons}[{number}].click()")
    until_said(browser, f"return {buttons}[{1 - number}] && !{buttons}[{1 - number}].hidden")


def test_a_message_reaches_the_service_worker_of_firefox(place: Place) -> None:
    household, alerting = place.household, place.household.alerting
    with firefox.session(place.gateway, place.folder / "firefox", place.root, PREFERENCES) as browser:
        browser.go(f"{ORIGIN}/signin?code={household.guardians.link('Mum')}")
        browser.run('setTimeout(() => document.querySelector("main form button").click(), 50)')
        until_said(browser, 'return location.pathname !== "/signin"')
        browser.go(f"{ORIGIN}/parent/alerts/")
        tap(browser, 0)
        [stored] = alerting.push.values()
        assert (stored.guardian, stored.endpoint.startswith("https://good.test/wpush/")) == ("Mum", True)

        place.daemon.submit(
            lambda: place.daemon.server.publish("alerts", by="Mum")  # as the daemon does after `push_on`
        )
        request = {"id": 1, "state": "pending", "name": "Aruzhan", "site": "chess.com"}

        def asks() -> bool:
            place.daemon.submit(lambda: place.daemon.server.publish("request", **request))
            return bool(place.sent())

        assert pace.until(asks, 30.0, every=2.0) is not None, (place.folder / "pages").read_text()
        assert pace.until(place.acknowledged, 20.0) is not None, place.sent()
        assert place.acknowledged()[0] == DELIVERED
        assert until_said(browser, SHOWN)[0][0::2] == ["Qalqan", "/parent/requests"], place.acknowledged()
        assert "wait" in browser.run(SHOWN)[0][1]
        seen = place.sent()[0]
        assert seen["headers"]["content-encoding"] == "aes128gcm"
        assert seen["headers"]["authorization"].startswith("vapid t=")
        assert "chess.com" not in json.dumps(browser.run(SHOWN))

        tap(browser, 1)
        assert alerting.push == {}


def test_a_browser_that_is_gone_is_forgotten(place: Place) -> None:
    from gateway.policy.alerts.notifications import Alerts
    from gateway.policy.alerts.push_subscriptions import PushSubscription

    alerting = place.household.alerting
    key = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
    gone = PushSubscription("https://good.test/wpush/gone", key, "BTBZMqHH6r4Tts7J_aSIgg", guardian="Mum")
    alerting.book["Mum"], alerting.push[gone.endpoint] = Alerts("", frozenset({"request"})), gone

    def ends() -> bool:
        place.daemon.submit(lambda: place.daemon.server.publish("alerts", by="Mum"))
        place.daemon.submit(lambda: place.daemon.server.publish("request", id=1, state="pending"))
        return not alerting.push

    assert pace.until(ends, 30.0, every=2.0) is not None, (place.folder / "pages").read_text()
    assert [sent["path"] for sent in place.sent()] == ["/wpush/gone"]
