from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from tests.control.running import Running
from tests.webui.standin.household import Household, at_home
from tests.webui.standin.ruling import by_hand
from webui import Settings, create_app

GATEWAY = "http://192.168.1.1:8080"


class CompiledTemplates(BytecodeCache):
    """Compiles a template once for all applications of this process."""

    def __init__(self) -> None:
        self._compiled: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if (compiled := self._compiled.get(bucket.key)) is not None:
            bucket.bytecode_from_string(compiled)

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._compiled[bucket.key] = bucket.bytecode_to_string()


def compile_routes_once() -> None:
    """Make werkzeug compile the same route once: each test has an application with some 250 of them."""
    compiled: dict[object, Any] = {}
    compile_builder = Rule._compile_builder

    def from_cache(rule: Rule, append_unknown: bool = True) -> Any:
        key = (tuple(rule._trace), repr(rule.defaults), append_unknown)
        if key not in compiled:
            compiled[key] = compile_builder(rule, append_unknown)
        return compiled[key]

    Rule._compile_builder = from_cache  # type: ignore[method-assign, assignment]


# An application of its own for each test is what takes most of the time of these tests.
Flask.jinja_options = {**Flask.jinja_options, "bytecode_cache": CompiledTemplates()}
compile_routes_once()


Form = Mapping[str, str | list[str]]  # several values of one field as a list


@dataclass
class Browser:
    """A browser on one device of the home."""

    client: FlaskClient
    ip: str

    def get(self, path: str, **headers: str) -> TestResponse:
        return self._open("GET", path, {}, headers)

    def post(self, path: str, values: Form | None = None, **headers: str) -> TestResponse:
        return self._open("POST", path, values or {}, {"Origin": GATEWAY, **headers})

    def _open(self, method: str, path: str, values: Form, headers: dict[str, str]) -> TestResponse:
        return self.client.open(
            path,
            method=method,
            base_url=GATEWAY,
            data=values or None,
            headers={name.replace("_", "-"): value for name, value in headers.items()},
            environ_overrides={"REMOTE_ADDR": self.ip},
        )


@pytest.fixture
def household() -> Iterator[Household]:
    household = Household()
    yield household
    household.close()


@pytest.fixture
def daemon(tmp_path: Path, household: Household) -> Iterator[Running]:
    with at_home(tmp_path / "control.sock", household) as running:
        yield running


@pytest.fixture
def app(tmp_path: Path) -> Flask:
    return create_app(Settings(tmp_path / "control.sock"))


def browser_on(app: Flask, ip: str) -> Browser:
    return Browser(app.test_client(), ip)


@pytest.fixture
def tablet(app: Flask, daemon: Running) -> Browser:
    """The daughter's."""
    return browser_on(app, "192.168.1.20")


@pytest.fixture
def stranger(app: Flask, daemon: Running) -> Browser:
    return browser_on(app, "192.168.1.99")


@pytest.fixture
def ruled(household: Household, daemon: Running) -> None:
    """The daughter's file is one that was written by hand."""
    by_hand(household)


@pytest.fixture
def mum(app: Flask, daemon: Running, household: Household) -> Browser:
    """Signed in."""
    browser = browser_on(app, "192.168.1.7")
    answer = browser.post("/signin", {"code": household.guardians.link("Mum")})
    assert answer.status_code == 303
    household.asked.clear()
    return browser
