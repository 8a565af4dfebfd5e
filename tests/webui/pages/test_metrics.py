"""`/metrics`: who gets the counters, in which format, and how many guesses there are."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.control.running import Running
from tests.webui.api.clients import token
from tests.webui.conftest import GATEWAY, Browser
from tests.webui.standin.healthy import PROVIDERS_TOKEN
from tests.webui.standin.household import Household
from webui import Settings, create_app
from webui.accounts.limiter import TRIES
from webui.accounts.tries import FILE

RIGHT = {"Authorization": f"Bearer {PROVIDERS_TOKEN}"}
# As Prometheus 2.53 and 3 ask, shortened.
SCRAPER = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1"


def scrape(app: Flask, ip: str = "192.168.1.7", **headers: str) -> TestResponse:
    return app.test_client().get(
        "/metrics", base_url=GATEWAY, headers=headers, environ_overrides={"REMOTE_ADDR": ip}
    )


@pytest.mark.parametrize(
    ("accept", "form", "kind"),
    [
        (SCRAPER, "openmetrics", "application/openmetrics-text; version=1.0.0; charset=utf-8"),
        ("*/*", "openmetrics", "application/openmetrics-text; version=1.0.0; charset=utf-8"),
        ("text/plain;version=0.0.4", "prometheus", "text/plain; version=0.0.4; charset=utf-8"),
        ("text/html,*/*;q=0.8", "prometheus", "text/plain; version=0.0.4; charset=utf-8"),
    ],
)
def test_the_format_is_the_scraper_s(
    app: Flask, daemon: Running, household: Household, accept: str, form: str, kind: str
) -> None:
    answer = scrape(app, Accept=accept, **RIGHT)
    assert (answer.status_code, answer.text) == (200, f"# {form}\n")
    assert answer.headers["Content-Type"] == kind
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("header", ["", "Basic bXVt", "Bearer", "Bearer ", f"Bearer {'x' * 200}"])
def test_without_a_token_there_is_nothing(
    app: Flask, daemon: Running, household: Household, header: str
) -> None:
    answer = scrape(app, Authorization=header)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert household.asked == []


def test_a_session_does_not_open_it(mum: Browser) -> None:
    assert mum.get("/metrics").status_code == 401


def test_guesses_are_limited_as_those_of_the_api(app: Flask, daemon: Running, household: Household) -> None:
    assert scrape(app, **RIGHT).status_code == 200
    wrong = {"Authorization": "Bearer of-the-provider-wrong"}
    for _ in range(TRIES):
        assert scrape(app, **wrong).status_code == 401
    slowed = scrape(app, **wrong)
    assert slowed.status_code == 429
    assert int(slowed.headers["Retry-After"]) > 30
    assert scrape(app, **RIGHT).status_code == 200, "a token that was right before is no guess"
    api = {"Authorization": f"Bearer {token(household)}"}
    assert (
        app.test_client()
        .get(
            "/api/v1/account",
            base_url=GATEWAY,
            headers=api,
            environ_overrides={"REMOTE_ADDR": "192.168.1.7"},
        )
        .status_code
        == 429
    ), "guesses count together"


@pytest.mark.parametrize("unclaimed", [True, False])
def test_before_the_claim_a_guess_leaves_nothing_on_the_disk(
    tmp_path: Path, daemon: Running, household: Household, unclaimed: bool
) -> None:
    household.extra.update(unclaimed=unclaimed)
    app = create_app(Settings(tmp_path / "control.sock", tmp_path / "web"))
    for _ in range(TRIES):
        assert scrape(app, Authorization="Bearer of-the-provider-wrong").status_code == 401
    assert (tmp_path / "web" / FILE).exists() is not unclaimed
    assert scrape(app, Authorization="Bearer of-the-provider-wrong").status_code == 429


def test_without_the_daemon_it_says_so(app: Flask) -> None:
    answer = scrape(app, **RIGHT)
    assert answer.status_code == 503
    assert answer.mimetype == "application/problem+json"


def test_nothing_can_be_sent(app: Flask, daemon: Running) -> None:
    assert app.test_client().post("/metrics", base_url=GATEWAY, headers=RIGHT).status_code in (403, 405)
