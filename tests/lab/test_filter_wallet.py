"""A new device that a wallet's adult proof opens, in real Chromium on that device: from its own page at the
home's trusted name to the internet, and back at its end. And nothing of the proof is anywhere afterwards.

The browser's wallet call is answered by a wallet of our own; everything behind it is real, the front too.
"""

from __future__ import annotations

import json
import mmap
import os
import secrets
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import cbor2
import pytest
from selenium.webdriver.common.by import By

from tests.age.wallet import EU_AV, Wallet, unb64
from tests.browser.chromium import SMALL_TARGETS, Chromium, eventually
from tests.lab import clients, markers, names
from tests.lab.filtering import set_time, until
from tests.lab.home import ROOT, Home
from tests.lab.trusted import ORIGIN, PLAIN
from tests.lab.wallets import (
    ISSUERS_NAME,
    LONG,
    NEW,
    UNLOCK,
    Scene,
    Talkative,
    at_home,
    begin,
    give,
    opened,
    told,
)
from tests.web.authority import NAME

pytestmark = [
    pytest.mark.lab,
    pytest.mark.browser,
    pytest.mark.needs("root"),
    pytest.mark.needs("certutil"),
    pytest.mark.timeout(300),
]

ASK = "/my/adult/wallet/ask"
ELSEWHERE = "https://elsewhere.test"
FAMILY_NAME = f"Family {secrets.token_hex(8)}"

SEND = """
return fetch("/my/adult/wallet/answer", {method: "POST", body: arguments[0]}).then(one => one.status);
"""
NO_WALLET = "delete window.DigitalCredential;"


@pytest.fixture(scope="module")
def scene(home: Home, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with at_home(home, tmp_path_factory.mktemp("browsers")) as it:
        yield it


@pytest.fixture(scope="module")
def browser(scene: Scene) -> Iterator[Chromium]:
    with scene.browser() as it:
        yield it


@pytest.fixture
def clock(scene: Scene) -> Iterator[None]:
    """The daemon has the machine's time again after a test that moved its clock."""
    yield
    scene.daemon.client.call("clock", offset=0)


@pytest.fixture(autouse=True)
def shut(scene: Scene) -> None:
    if "adult_proof" in scene.daemon.client.call("device", mac=NEW):
        scene.daemon.client.call("adult_proof", action="end", device=NEW)


def test_the_wallet_opens_the_device_and_it_closes_again_where_its_holder_says_so(
    scene: Scene, browser: Chromium
) -> None:
    assert scene.is_shut()
    browser.complaints()  # of the pages of other tests
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
    assert "This question has ended. Start again." in told(browser)
    message = json.dumps({"length": "4h", "response": json.loads(text)})
    assert browser.driver.execute_script(SEND, message) == 403, "nor by itself"
    assert scene.is_shut()


@pytest.mark.parametrize(
    ("wallet", "changed", "origin", "words"),
    [
        (Wallet, {}, ELSEWHERE, "Start again."),
        (
            Talkative,
            {"elements": {"age_over_18": True, "family_name": FAMILY_NAME}},
            ORIGIN,
            "The wallet sent more than we asked for. We deleted it all. Nothing was unlocked.",
        ),
        (
            Wallet,
            {"elements": {"age_over_18": False}},
            ORIGIN,
            "The proof does not show an age of 18 or older.",
        ),
        (Wallet, {"ends": timedelta(hours=-1)}, ORIGIN, "The wallet has no valid proof."),
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


def test_a_browser_without_the_call_is_told_so(scene: Scene) -> None:
    with scene.browser(NO_WALLET) as plain:
        plain.driver.get(f"{ORIGIN}{UNLOCK}")
        assert "This browser cannot ask a wallet." in told(plain)
        assert not plain.driver.find_element(By.ID, "show-proof").is_displayed()


def test_without_script_the_password_alone_is_offered(scene: Scene) -> None:
    with scene.browser(script=False) as plain:
        plain.driver.get(f"{ORIGIN}{UNLOCK}")
        page = plain.driver.find_element(By.TAG_NAME, "main").text
        assert "A wallet needs a script, and scripts are off in this browser." in page
        assert plain.driver.find_element(By.ID, "password").is_displayed()


def test_over_plain_http_the_password_alone_is_offered_and_the_way_to_the_name(
    scene: Scene, browser: Chromium
) -> None:
    for plain in (PLAIN, f"http://{NAME}"):
        browser.driver.get(f"{plain}{UNLOCK}")
        assert browser.measure("return window.isSecureContext") is False
        assert "This page is not encrypted." in browser.text("main")
        assert browser.driver.find_element(By.ID, "password").is_displayed()
        assert not browser.driver.find_elements(By.ID, "show-proof")
        assert browser.overflow() <= 0
        assert browser.measure(SMALL_TARGETS) == []
        browser.tap("main a[href^='https:']")
        eventually(lambda: str(browser.measure("return location.href")) == f"{ORIGIN}{UNLOCK}")
        assert browser.driver.find_element(By.ID, "show-proof").is_displayed()


def test_nobody_says_of_himself_that_he_came_through_the_front(scene: Scene) -> None:
    device = scene.home.devices["new"]
    said = ["X-Forwarded-Proto: https", "Forwarded: proto=https", "X-Forwarded-Ssl: on", f"Host: {NAME}"]
    heads = [part for one in said for part in ("-H", one)]
    for target in (UNLOCK, f"{ORIGIN}{UNLOCK}"):
        page = clients.curl(device, f"{PLAIN}/", extra=[*heads, "--request-target", target])
        assert page.status == 200
        assert "show-proof" not in page.body
    for target in (ASK, f"{ORIGIN}{ASK}"):
        for origin, status in ((ORIGIN, 403), (f"http://{NAME}", 409)):
            ask = ["-X", "POST", "-H", f"Origin: {origin}", "--request-target", target]
            assert clients.curl(device, f"{PLAIN}/", extra=[*heads, *ask]).status == status, (target, origin)
    # Through it, and by another name or address than its own: no page, and so no question for another origin.
    for host in ("elsewhere.test", "qalqan.home.arpa", names.GATEWAY_IPV4, f"{NAME}:8443", f"{NAME}."):
        assert scene.trusted.ask("new", UNLOCK, "-H", f"Host: {host}").status == 421, host


def test_nothing_of_a_proof_is_anywhere_afterwards(scene: Scene, browser: Chromium, tmp_path: Path) -> None:
    """One that opened, and one that was refused for what else it sent."""
    began = time.time() - 1.0
    known: dict[str, bytes] = {"the issuer's name": ISSUERS_NAME.encode(), "a name": FAMILY_NAME.encode()}
    elements = {"age_over_18": True, "family_name": FAMILY_NAME}
    talkative = Talkative(scene.issuer, EU_AV, {"elements": elements})
    found: list[str] = []
    for wallet in (talkative, Wallet(scene.issuer)):
        asked = begin(browser)
        text = wallet.answer(asked, ORIGIN)
        known |= _markers(wallet, asked, text, "opened" if wallet is not talkative else "refused")
        found += held(scene, known)
        give(browser, text)
        eventually(lambda: bool(browser.text("#wallet-message")) or opened(browser))
        found += held(scene, known)
    assert opened(browser)
    assert scene.is_open()
    scene.daemon.client.call("status")

    daemon, lab = scene.daemon, scene.home.folder
    memory = Path("/dev/shm"), Path("/var/tmp")
    found += markers.in_files(markers.below(lab, *memory, leave_out=[scene.trust]), known)
    # What the browser and this test keep is on other disks than the gateway's.
    machine = Path(tempfile.gettempdir())
    others = tmp_path.parent.parent, lab, ROOT, *machine.glob(".org.chromium*")
    found += markers.in_files(markers.fresh_in(machine, began, others), known)
    found += markers.in_files(markers.below(Path("/var/log"), Path("/run")), known)
    found += held(scene, known)
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
    assert markers.in_files(markers.below(lab, leave_out=[scene.trust]), known) == [], (
        "nor is it written at the end"
    )
    _finds(scene, known, tmp_path)
    daemon.start()
    assert until(scene.trusted.met, LONG) is not None


def held(scene: Scene, known: dict[str, bytes]) -> list[str]:
    """By what serves: the daemon, the pages, and the front, through which all of it came in the clear."""
    pids = scene.daemon.pid, scene.daemon.web_pid, scene.trusted.front_pid
    return [one for pid in pids for one in markers.in_files(markers.opened(pid), known)]


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
    memory = os.memfd_create("ours")
    os.write(memory, known[name])
    assert len(markers.in_files(markers.opened(os.getpid()), known)) == 1, "in memory alone"
    os.close(memory)
    with mmap.mmap(-1, mmap.PAGESIZE) as piece:
        piece.write(known[name])
        assert len(markers.in_files(markers.opened(os.getpid()), known)) == 1, "shared, with no descriptor"


@pytest.mark.slow  # tests/webui/pages/test_wallet.py and tests/web/test_front.py have its two halves
def test_when_the_certificate_has_ended_no_wallet_is_asked_and_no_link_leads_there(
    scene: Scene, browser: Chromium
) -> None:
    """Also not on a page that is open already."""
    text = Wallet(scene.issuer).answer(begin(browser), ORIGIN)
    scene.trusted.put(scene.trusted.authority.issue(days=(-60, 5 / 86400)))
    ended = "This home’s certificate is not valid now."
    assert until(lambda: ended in plain_page(scene), LONG) is not None
    assert "https:" not in plain_page(scene)
    assert not scene.trusted.met()
    give(browser, text)
    assert told(browser)
    assert scene.is_shut()
    assert scene.trusted.renew(scene.trusted.authority.issue()).returncode == 0
    assert until(scene.trusted.met, LONG) is not None, "a new one brings it back"


def plain_page(scene: Scene) -> str:
    page = clients.curl(scene.home.devices["new"], f"{PLAIN}{UNLOCK}")
    assert page.status == 200
    return page.body


@pytest.mark.usefixtures("clock")
def test_it_closes_at_its_end_when_the_clock_comes_there(scene: Scene, browser: Chromium) -> None:
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
