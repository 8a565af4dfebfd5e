"""A home that takes adult proofs at its trusted name, its new device's browser, and who holds the wallet."""

from __future__ import annotations

import base64
import json
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.age.wallet import TRUST_PUBLIC, Authority, Issuer, Wallet, trust_file
from tests.browser.chromium import Chromium, eventually
from tests.browser.seated import seated
from tests.lab import names
from tests.lab.daemon import Daemon
from tests.lab.filtering import ALLOWED, DAUGHTER, MUM, REFUSED, ZONE, fetch, until
from tests.lab.home import Home
from tests.lab.trusted import ORIGIN, Trusted, trusting_home

NEW = names.NEW.mac
LONG = 30.0  # seconds: the front looks at its files every two, and reads a certificate in some more
UNLOCK = "/my/adult/unlock"
PROFILES = {"daughter": {**DAUGHTER, "devices": [names.TABLET.mac]}, "mum": MUM}
ISSUERS_NAME = f"Issuer {secrets.token_hex(8)}"  # another one each time: what is found is of this run

# What a browser with a wallet has. The test answers for the person who holds it.
WALLET = """
window.DigitalCredential = window.DigitalCredential || class {};
Object.defineProperty(navigator.credentials, "get", {value: asked => new Promise((give, refuse) => {
  window.asked = JSON.stringify(asked);
  window.give = text => give(JSON.parse(text));
  window.refuse = name => refuse(new DOMException("no", name));
})});
"""


@dataclass
class Scene:
    home: Home
    trusted: Trusted
    issuer: Issuer
    trust: Path
    folder: Path  # of the browsers

    @property
    def daemon(self) -> Daemon:
        return self.trusted.daemon

    @contextmanager
    def browser(self, does: str = WALLET, *, script: bool = True) -> Iterator[Chromium]:
        """On the new device, with its resolver; its own store of authorities has the lab's."""
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        environment = trusting_home(folder, self.trusted.root)
        with seated(self.home, "new", folder, environment, script=script) as it:
            it.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": does})
            yield it

    def is_open(self) -> bool:
        device = self.home.devices["new"]
        return all(
            fetch(device, f"https://{host}/", version, timeout=2.0).reached
            for host in (ALLOWED, REFUSED)
            for version in (4, 6)
        )

    def is_shut(self) -> bool:
        device = self.home.devices["new"]
        return not any(fetch(device, f"https://{ALLOWED}/", one, timeout=1.0).reached for one in (4, 6))


@contextmanager
def at_home(home: Home, folder: Path, *, web_user: bool = True) -> Iterator[Scene]:
    """``folder``: for what browsers keep. ``web_user``: the pages are not root's."""
    home.join("new")
    now = datetime.now(UTC)
    issuer = Issuer(root=Authority(ISSUERS_NAME, now=now), now=now)
    trust = home.folder / "age-trust.json"
    trust.write_bytes(trust_file(issuer))
    key = base64.b64encode(TRUST_PUBLIC).decode()
    made = Trusted(
        home,
        PROFILES,
        web_user=web_user,
        timezone=ZONE.key,
        unknown_devices="quarantine",
        age_trust={"file": str(trust), "key": key},
    )
    with made.daemon as daemon:
        daemon.client.call("forget", mac=NEW)  # it may have been there at the first run
        daemon.client.call("guardian", action="add", name="Mum")
        assert made.renew(made.authority.issue()).returncode == 0
        assert until(made.met, LONG) is not None
        yield Scene(home, made, issuer, trust, folder)


class Talkative(Wallet):
    """Sends all that it has."""

    def response(self, session: list[Any], wanted: dict[str, list[str]]) -> dict[str, Any]:
        spaces = {space: list(items) for space, items in self.credential.items.items()}
        return super().response(session, {**wanted, **spaces})


def begin(browser: Chromium, length: str = "4h") -> dict[str, Any]:
    """Tap the button; what the page asks the wallet."""
    browser.driver.get(f"{ORIGIN}{UNLOCK}")
    browser.tap(f"input[value='{length}']")
    browser.tap("#show-proof")
    eventually(lambda: bool(browser.measure("return window.asked")))
    found: dict[str, Any] = json.loads(browser.measure("return window.asked"))
    return found


def give(browser: Chromium, text: str) -> None:
    browser.driver.execute_script("window.give(arguments[0])", text)


def told(browser: Chromium) -> str:
    eventually(lambda: bool(browser.text("#wallet-message")))
    return browser.text("#wallet-message")


def opened(browser: Chromium) -> bool:
    return "with a wallet's adult proof" in browser.text("main").replace("\u2019", "'")
