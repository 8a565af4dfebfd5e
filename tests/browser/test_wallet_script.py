"""The script that asks a wallet, where the gateway gives it something else than a question."""

from __future__ import annotations

from pathlib import Path

import pytest

import webui
from tests.browser import states
from tests.browser.chromium import Chromium, eventually
from tests.browser.conftest import Site

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("fresh")]

SCRIPT = Path(webui.__file__).parent / "static" / "wallet.js"
GONE = "The gateway did not answer."
# As parts/wallet.html has it, before a page that reaches no wallet here.
PART = """
const part = document.createElement("section");
part.id = "wallet";
part.innerHTML = "<p id=wallet-message hidden></p><p id=no-script></p>" +
  "<button id=show-proof hidden>Show</button>";
part.dataset.ask = arguments[0];
part.dataset.gone = arguments[1];
document.querySelector("main").append(part);
window.DigitalCredential = window.DigitalCredential || class {};
"""


@pytest.mark.parametrize(
    ("ask", "told"),
    [
        ("/my/adult/wallet/ask", "Wallets do not work here. A parent's password unlocks this device."),
        ("/no-such-page", GONE),
        ("http://127.0.0.1:9/", GONE),
    ],
    ids=["a refusal", "a page of an error", "nobody"],
)
def test_what_is_no_question_is_told_in_a_readers_words(
    browser: Chromium, site: Site, ask: str, told: str
) -> None:
    site.happens(lambda: states.new(site))
    browser.driver.get(f"{site.url}/my/adult/unlock")
    browser.driver.execute_script(PART, ask, GONE)
    browser.driver.execute_script(SCRIPT.read_text())
    browser.tap("#show-proof")
    eventually(lambda: browser.text("#wallet-message") == told)
    assert browser.measure("return document.getElementById('show-proof').disabled") is False, "once more"
    browser.complaints()  # of what it asked for, which is not there
