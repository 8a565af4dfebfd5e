"""Who signs in, and the code that a page shows."""

from __future__ import annotations

import re

from flask import Flask

from gateway.policy.accounts.people import Account
from tests.webui.conftest import Browser, browser_on
from tests.webui.standin.household import Household


def signed_in(app: Flask, household: Household, account: Account) -> Browser:
    household.stamps.put(account)
    browser = browser_on(app, "192.168.1.7")
    assert browser.post("/signin", {"code": household.guardians.link(account.name)}).status_code == 303
    household.asked.clear()
    return browser


def code_of(page: str) -> str:
    found = re.search(r"[2-9A-Z]{4}(?:-[2-9A-Z]{4}){3}", page)
    assert found is not None
    return found[0]
