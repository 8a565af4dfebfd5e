"""Messages from a parent's click in a real Firefox to the receiving end.

By Web Push, Firefox's service worker shows them. By Apprise, a web server in the home receives them.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
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
from tests.webui.messages.test_ntfy import into_the_home
from tests.webui.serving import command
from tests.webui.standin.household import Household, at_home

pytestmark = [pytest.mark.lab, pytest.mark.needs("firefox-esr", "firefox")]

ORIGIN = f"https://{NAME}"
PAGES, BROWSERS, HOOKS = 8080, 8090, 8098  # ports
HOOK_SERVER = "192.168.77.9"
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
    return (await worker.getNotifications()).map(one => [one.title, one.body, one.data, one.icon]);
"""


@dataclass
class Place:
    household: Household
    daemon: Running
    gateway: Namespace
    root: str
    folder: Path

    def hooked(self) -> list[dict[str, Any]]:
        """Return the messages that the server in the home received."""
        return [json.loads(line["body"]) for line in self._lines("hooks")]

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
    """The pages on a gateway, a push service on the internet beyond it, and a web server in the home."""
    name = f"qq{os.getpid()}x{os.urandom(2).hex()}"
    gateway, internet, home = (Namespace(f"{name}-{end}") for end in ("gw", "net", "srv"))
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
        "hooks": (home, [sys.executable, "-m", "tests.webui.standin.ntfy_world", f"{HOOK_SERVER}:{HOOKS}"]),
        "pages": (gateway, command(control, PAGES, https=https)),
    }
    household = Household()
    # It is noon: at night messages wait.
    household.alerting.timezone = f"Etc/GMT{datetime.now(UTC).hour - 12:+d}"
    with ExitStack() as ends:
        ends.callback(household.close)
        for namespace in (gateway, internet, home):
            subprocess.run(["ip", "netns", "add", namespace.name], check=True)
            ends.callback(subprocess.run, ["ip", "netns", "del", namespace.name], check=False)
        _wire(gateway, internet)
        into_the_home(gateway, home)
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


@contextmanager
def mum(place: Place) -> Iterator[firefox.Session]:
    """A browser in which a parent is signed in."""
    with firefox.session(place.gateway, place.folder / "firefox", place.root, PREFERENCES) as browser:
        browser.go(f"{ORIGIN}/signin?code={place.household.guardians.link('Mum')}")
        click(browser, "main form button")
        until_said(browser, 'return location.pathname !== "/signin"')
        yield browser


def click(browser: firefox.Session, selector: str) -> None:
    browser.run(f"setTimeout(() => document.querySelector({selector!r}).click(), 50)")


def publish(place: Place, event: str, **values: object) -> None:
    place.daemon.submit(lambda: place.daemon.server.publish(event, **values))


def test_a_message_reaches_the_service_worker_of_firefox(place: Place) -> None:
    alerting = place.household.alerting
    with mum(place) as browser:
        browser.go(f"{ORIGIN}/parent/alerts/")
        tap(browser, 0)
        [stored] = alerting.push.values()
        assert (stored.guardian, stored.endpoint.startswith("https://good.test/wpush/")) == ("Mum", True)

        publish(place, "alerts", by="Mum")  # as the daemon does after `push_on`
        request = {"id": 1, "state": "pending", "name": "Aruzhan", "site": "chess.com"}

        def asks() -> bool:
            publish(place, "request", **request)
            return bool(place.sent())

        assert pace.until(asks, 30.0, every=2.0) is not None, (place.folder / "pages").read_text()
        assert pace.until(place.acknowledged, 20.0) is not None, place.sent()
        assert place.acknowledged()[0] == DELIVERED
        title, body, path, icon = until_said(browser, SHOWN)[0]
        assert (title, path) == ("Qalqan", "/parent/requests"), place.acknowledged()
        assert icon.startswith(f"{ORIGIN}/static/app-192.png")
        assert "wait" in body
        seen = place.sent()[0]
        assert seen["headers"]["content-encoding"] == "aes128gcm"
        assert seen["headers"]["authorization"].startswith("vapid t=")
        assert "chess.com" not in json.dumps(browser.run(SHOWN))

        tap(browser, 1)
        assert alerting.push == {}


def test_a_message_reaches_a_service_in_the_home_by_apprise(place: Place) -> None:
    address = f"json://{HOOK_SERVER}:{HOOKS}/a-secret-hook"
    with mum(place) as browser:
        browser.go(f"{ORIGIN}/parent/alerts/add/other")
        browser.run(f'document.querySelector("#address").value = {address!r}')
        click(browser, "main input[name=inside]")
        until_said(browser, 'return document.querySelector("main input[name=inside]").checked')
        click(browser, "main form button.primary")
        until_said(browser, 'return location.pathname === "/parent/alerts/"')
        [channel] = place.household.alerting.book["Mum"].channels
        assert (channel.address, channel.inside) == (address, True)
        said = browser.run("return document.body.innerText")
        assert f"Webhook · {HOOK_SERVER}:{HOOKS}" in said
        assert "a-secret-hook" not in browser.run("return document.documentElement.outerHTML")

        click(browser, 'form[action="/parent/alerts/test"] button')
        assert pace.until(place.hooked, 30.0) is not None, (place.folder / "pages").read_text()
        [test] = place.hooked()
        assert (test["title"], test["message"].split("\n")[0]) == (
            "Qalqan",
            "This is a test. Messages of this kind will look like this.",
        )
        until_said(browser, 'return document.body.innerText.includes("Sent.")')

        kinds = frozenset({"request", "way"})
        place.household.alerting.book["Mum"] = replace(place.household.alerting.book["Mum"], kinds=kinds)
        publish(place, "alerts", by="Mum")
        # From 13 on, an attempt to bypass the filter has no time, and no message is about it.
        publish(place, "card", what="raised", at=None, name="Son")
        publish(place, "request", id=1, state="pending", name="Aruzhan", site="chess.com")
        assert pace.until(lambda: len(place.hooked()) > 1, 30.0) is not None
        message = place.hooked()[1]["message"]
        assert message == "1 request waits.\nhttp://qalqan.home.arpa/parent/requests"
        assert len(place.hooked()) == 2

        click(browser, 'form[action="/parent/alerts/off"] button')
        until_said(browser, 'return document.body.innerText.includes("No messages go there any more.")')
        assert place.household.alerting.book["Mum"].channels == ()


def test_a_browser_that_is_gone_is_forgotten(place: Place) -> None:
    from gateway.policy.alerts.notifications import Alerts
    from gateway.policy.alerts.push_subscriptions import PushSubscription

    alerting = place.household.alerting
    key = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
    gone = PushSubscription("https://good.test/wpush/gone", key, "BTBZMqHH6r4Tts7J_aSIgg", guardian="Mum")
    alerting.book["Mum"], alerting.push[gone.endpoint] = Alerts(frozenset({"request"})), gone

    def ends() -> bool:
        publish(place, "alerts", by="Mum")
        publish(place, "request", id=1, state="pending")
        return not alerting.push

    assert pace.until(ends, 30.0, every=2.0) is not None, (place.folder / "pages").read_text()
    assert [sent["path"] for sent in place.sent()] == ["/wpush/gone"]
