"""A page's own bound of what it is sent, beside that of all others; under an older Flask too."""

from __future__ import annotations

import pytest
from flask import Flask, Request, request

from webui.request import OwnRequest


@pytest.fixture
def app() -> Flask:
    app = Flask(__name__)
    app.request_class = OwnRequest
    app.config["MAX_CONTENT_LENGTH"] = 10

    @app.post("/small")
    def small() -> str:
        return str(len(request.form["text"]))

    @app.post("/large")
    def large() -> str:
        request.max_content_length = 1000
        return str(len(request.form["text"]))

    return app


@pytest.mark.parametrize(
    ("path", "length", "status"),
    [("/small", 5, 200), ("/small", 6, 413), ("/large", 900, 200), ("/large", 1000, 413)],
)
def test_each_page_has_its_bound(app: Flask, path: str, length: int, status: int) -> None:
    assert app.test_client().post(path, data={"text": "a" * length}).status_code == status


def test_of_a_flask_that_lets_nobody_set_it(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Request, "max_content_length", property(lambda _: 10))
    assert app.test_client().post("/large", data={"text": "a" * 900}).status_code == 200
    assert app.test_client().post("/small", data={"text": "a" * 6}).status_code == 413
