"""A new device that a wallet's adult proof opens, in real Chromium on that device: from its own page to the
internet, and back at its end. And that nothing of the proof is anywhere afterwards.

The browser's wallet call is answered by a wallet of our own; everything behind it is real.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cbor2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from selenium.webdriver.common.by import By

from gateway.daemon.lan import PAGES
from tests.age.wallet import EU_AV, TRUST_PUBLIC, Authority, Issuer, Wallet, trust_file, unb64
from tests.browser.chromium import Chromium, chromium, eventually
from tests.front.authority import NAME, Pair
from tests.lab import markers, names
from tests.lab.daemon import Daemon
from tests.lab.filtering import ALLOWED, DAUGHTER, MUM, REFUSED, ZONE, fetch, set_time, until
from tests.lab.home import ROOT, Home
from tests.lab.netns import stop
from tests.lab.trusted import ORIGIN, Trusted

pytestmark = [pytest.mark.lab, pytest.mark.browser, pytest.mark.timeout(300)]

NEW = names.NEW.mac
ELSEWHERE = "https://elsewhere.test"
PROFILES = {"daughter": {**DAUGHTER, "devices": [names.TABLET.mac]}, "mum": MUM}
ISSUERS_NAME = f"Issuer {secrets.token_hex(8)}"  # another one each time: what is found is of this run
FAMILY_NAME = f"Family {secrets.token_hex(8)}"

# What a browser with a wallet has. The test answers for the person who holds it.
WALLET = """
window.DigitalCredential = window.DigitalCredential || class {};
Object.defineProperty(navigator.credentials, "get", {value: asked => new Promise((give, refuse) => {
  window.asked = JSON.stringify(asked);
  window.give = text => give(JSON.parse(text));
  window.refuse = name => refuse(new DOMException("no", name));
})});
"""
SEND = """
return fetch("/my/adult/wallet/answer", {method: "POST", body: arguments[0]}).then(one => one.status);
"""
NO_WALLET = "delete window.DigitalCredential;"


@dataclass
class Scene:
    home: Home
    daemon: Daemon
    issuer: Issuer
    trust: Path
    door: int  # of this machine, which leads through the new device
    trusted: Trusted
    spki: str  # of the certificate there

    def flags(self) -> list[str]:
        return [
            f"--host-resolver-rules=MAP {NAME}:443 127.0.0.1:{self.door}",
            f"--ignore-certificate-errors-spki-list={self.spki}",
        ]

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


@pytest.fixture(scope="module")
def scene(home: Home) -> Iterator[Scene]:
    home.join("new")
    now = datetime.now(UTC)
    issuer = Issuer(root=Authority(ISSUERS_NAME, now=now), now=now)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.chmod(0o755)  # the pages are another user's
        trust = folder / "age-trust.json"
        trust.write_bytes(trust_file(issuer))
        key = base64.b64encode(TRUST_PUBLIC).decode()
        proofs = {"age_trust": {"file": str(trust), "key": key}}
        trusted = Trusted(home, PROFILES, timezone=ZONE.key, unknown_devices="quarantine", **proofs)
        daemon = stack.enter_context(trusted.daemon)
        pair = trusted.authority.issue()
        assert trusted.renew(pair).returncode == 0
        daemon.client.call("forget", mac=NEW)  # it may have been there at the first run
        daemon.client.call("guardian", action="add", name="Mum")
        assert until(trusted.met, 20.0) is not None
        door = stack.enter_context(socket.socket())
        door.bind(("127.0.0.1", 0))
        door.listen()
        relay = [sys.executable, "-m", "tests.lab.relay", str(door.fileno()), PAGES[0], "443"]
        process = home.devices["new"].popen(relay, cwd=ROOT, pass_fds=[door.fileno()])
        stack.callback(stop, process)
        yield Scene(home, daemon, issuer, trust, door.getsockname()[1], trusted, _spki(pair))


def _spki(pair: Pair) -> str:
    key = x509.load_pem_x509_certificate(pair.leaf).public_key()
    sha256 = hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    return base64.b64encode(sha256.digest()).decode()


@pytest.fixture(scope="module")
def browser(scene: Scene, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    with chromium(tmp_path_factory.mktemp("browser"), more=scene.flags()) as it:
        it.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": WALLET})
        yield it


@pytest.fixture(autouse=True)
def shut(scene: Scene) -> None:
    if "adult_proof" in scene.daemon.client.call("device", mac=NEW):
        scene.daemon.client.call("adult_proof", action="end", device=NEW)


class Talkative(Wallet):
    """Sends all that it has."""

    def response(self, session: list[Any], wanted: dict[str, list[str]]) -> dict[str, Any]:
        spaces = {space: list(items) for space, items in self.credential.items.items()}
        return super().response(session, {**wanted, **spaces})


def begin(browser: Chromium, length: str = "4h") -> dict[str, Any]:
    """Tap the button; what the page asks the wallet."""
    browser.driver.get(f"{ORIGIN}/my/adult/unlock")
    browser.tap(f"input[value='{length}']")
    browser.tap("#show-proof")
    eventually(lambda: bool(browser.measure("return window.asked")))
    found: dict[str, Any] = json.loads(browser.measure("return window.asked"))
    return found


def give(browser: Chromium, text: str) -> None:
    browser.driver.execute_script("window.give(arguments[0])", text)


def told(browser: Chromium) -> str:
    eventually(lambda: bool(browser.text("#wallet-told")))
    return browser.text("#wallet-told")


def opened(browser: Chromium) -> bool:
    return "by a wallet's adult proof" in browser.text("main").replace("\u2019", "'")


def test_the_wallet_opens_the_device_and_it_closes_again_where_its_holder_says_so(
    scene: Scene, browser: Chromium
) -> None:
    assert scene.is_shut()
    asked = begin(browser)
    assert {one["protocol"] for one in asked["digital"]["requests"]} == {"org-iso-mdoc"}
    give(browser, Wallet(scene.issuer).answer(asked, ORIGIN))
    eventually(lambda: opened(browser))
    assert scene.is_open()
    assert browser.complaints() == []
    browser.tap("form[action='/my/adult/lock'] button")
    eventually(lambda: not opened(browser))
    assert until(scene.is_shut, 5.0) is not None


def test_an_answer_that_was_used_is_no_answer(scene: Scene, browser: Chromium) -> None:
    text = Wallet(scene.issuer).answer(begin(browser), ORIGIN)
    give(browser, text)
    eventually(lambda: opened(browser))
    scene.daemon.client.call("adult_proof", action="end", device=NEW)
    begin(browser)
    give(browser, text)
    assert "This question is over, or it was answered before. Begin anew." in told(browser)
    message = json.dumps({"length": "4h", "response": json.loads(text)})
    assert browser.driver.execute_script(SEND, message) == 403, "nor by itself"
    assert scene.is_shut()


@pytest.mark.parametrize(
    ("wallet", "changed", "origin", "words"),
    [
        (Wallet, {}, ELSEWHERE, "Begin anew."),
        (
            Talkative,
            {"elements": {"age_over_18": True, "family_name": FAMILY_NAME}},
            ORIGIN,
            "The wallet sent more than was asked. All of it was dropped, nothing was opened.",
        ),
        (Wallet, {"elements": {"age_over_18": False}}, ORIGIN, "does not say that somebody is 18"),
        (Wallet, {"ends": timedelta(hours=-1)}, ORIGIN, "no proof that is good now"),
    ],
    ids=["another origin", "over-disclosure", "a minor", "ended"],
)
def test_what_the_gateway_refuses_is_told_on_the_page(
    scene: Scene, browser: Chromium, wallet: type[Wallet], changed: dict[str, Any], origin: str, words: str
) -> None:
    give(browser, wallet(scene.issuer, changed=changed).answer(begin(browser), origin))
    assert words in told(browser)
    assert browser.driver.find_element(By.ID, "show-proof").is_enabled(), "one may begin anew"
    assert scene.is_shut()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("NotAllowedError", "The wallet was closed, or has no adult proof."),
        ("NotSupportedError", "No wallet on"),
    ],
)
def test_a_wallet_that_was_closed_and_one_that_is_not_there(
    scene: Scene, browser: Chromium, name: str, words: str
) -> None:
    begin(browser)
    browser.driver.execute_script("window.refuse(arguments[0])", name)
    assert words in told(browser)
    assert scene.is_shut()


def test_a_browser_without_the_call_is_told_so(scene: Scene, tmp_path: Path) -> None:
    with chromium(tmp_path, more=scene.flags()) as plain:
        plain.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": NO_WALLET})
        plain.driver.get(f"{ORIGIN}/my/adult/unlock")
        assert "This browser cannot ask a wallet." in told(plain)
        assert not plain.driver.find_element(By.ID, "show-proof").is_displayed()


def test_without_script_the_password_alone_is_offered(scene: Scene, tmp_path: Path) -> None:
    with chromium(tmp_path, script=False, more=scene.flags()) as plain:
        plain.driver.get(f"{ORIGIN}/my/adult/unlock")
        page = plain.driver.find_element(By.TAG_NAME, "main").text
        assert "A wallet is asked by a script, and none runs in this browser." in page
        assert plain.driver.find_element(By.ID, "password").is_displayed()


def test_nothing_of_a_proof_is_anywhere_afterwards(scene: Scene, browser: Chromium, tmp_path: Path) -> None:
    """One that opened, and one that was refused for what else it sent."""
    began = time.time() - 1.0
    known: dict[str, bytes] = {"the issuer's name": ISSUERS_NAME.encode(), "a name": FAMILY_NAME.encode()}
    elements = {"age_over_18": True, "family_name": FAMILY_NAME}
    talkative = Talkative(scene.issuer, EU_AV, {"elements": elements})
    for wallet in (talkative, Wallet(scene.issuer)):
        asked = begin(browser)
        text = wallet.answer(asked, ORIGIN)
        known |= _markers(wallet, asked, text, "opened" if wallet is not talkative else "refused")
        give(browser, text)
        eventually(lambda: bool(browser.text("#wallet-told")) or opened(browser))
    assert opened(browser)
    assert scene.is_open()
    scene.daemon.client.call("status")

    daemon, lab = scene.daemon, scene.home.folder
    found = markers.in_files(markers.below(lab, Path("/dev/shm"), Path("/var/tmp")), known)
    # What the browser and this test keep is on other disks than the gateway's.
    machine = Path(tempfile.gettempdir())
    others = tmp_path.parent.parent, lab, ROOT, *machine.glob(".org.chromium*")
    found += markers.in_files(markers.fresh_in(machine, began, others), known)
    found += markers.in_files(markers.below(Path("/var/log"), Path("/run")), known)
    for pid in (daemon.pid, daemon.web_pid):
        found += markers.in_files(markers.opened(pid), known)
    assert found == []
    for verb, values in (
        ("status", {}),
        ("devices", {}),
        ("device", {"mac": NEW}),
        ("audit_log", {}),
        ("support", {}),
        ("health", {}),
        ("backup", {"by": "Mum"}),
        ("changes", {}),
    ):
        answer = json.dumps(daemon.client.call(verb, **values), ensure_ascii=False).encode()
        assert markers.in_bytes(answer, known) == [], verb
    daemon.stop()
    assert markers.in_files(markers.below(lab), known) == [], "nor is it written at the end"
    _finds(scene, known, tmp_path)
    daemon.start()
    assert until(scene.trusted.met, 20.0) is not None


def _markers(wallet: Wallet, asked: dict[str, Any], text: str, which: str) -> dict[str, bytes]:
    numbers = wallet.key.public_key().public_numbers()
    info = cbor2.loads(unb64(asked["digital"]["requests"][0]["data"]["encryptionInfo"]))[1]
    inner = cbor2.loads(unb64(json.loads(text)["data"]["response"]))[1]
    mso, signature = wallet.credential.auth[2], wallet.credential.auth[3]
    return {
        f"{which}: the device's key": numbers.x.to_bytes(32, "big"),
        f"{which}: the nonce": info["nonce"],
        f"{which}: our key": info["recipientPublicKey"][-2],
        f"{which}: the wallet's key": inner["enc"][1:33],
        f"{which}: what was sealed": inner["cipherText"][:48],
        f"{which}: what the issuer signed": mso[60:108],
        f"{which}: the issuer's signature": signature[:32],
    }


def _finds(scene: Scene, known: dict[str, bytes], folder: Path) -> None:
    """Where such bytes are they are found, in each form."""
    (name,) = (one for one in known if one == "the issuer's name")
    assert [one.rpartition(": ")[2] for one in markers.in_files([scene.trust], known)] == [name]
    for number, marker in enumerate(known.values()):
        for form in markers.forms(marker):
            (folder / f"{number}").write_bytes(b"x" * 1_048_570 + form + b"x")
            assert len(markers.in_files([folder / f"{number}"], known)) == 1


def test_it_closes_at_its_end_when_the_clock_comes_there(scene: Scene, browser: Chromium) -> None:
    """The last test here: it moves the clock."""
    give(browser, Wallet(scene.issuer).answer(begin(browser, "morning"), ORIGIN))
    eventually(lambda: opened(browser))
    assert scene.is_open()
    until_ = datetime.fromisoformat(scene.daemon.client.call("device", mac=NEW)["adult_proof"]["until"])
    set_time(scene.daemon, (until_ - timedelta(seconds=3)).strftime("%Y-%m-%dT%H:%M:%S"))
    assert scene.daemon.client.call("device", mac=NEW)["profile"] == "adult"
    assert until(lambda: scene.daemon.client.call("device", mac=NEW)["profile"] == "quarantine", 10.0)
    assert until(scene.is_shut, 5.0) is not None
    browser.driver.get(f"{ORIGIN}/")
    assert not opened(browser)
