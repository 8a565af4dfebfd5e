"""What goes wrong is told as problem details, whatever goes wrong."""

from __future__ import annotations

import json
from gettext import NullTranslations

import pytest
from flask import Flask

from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from tests.control.running import Running
from tests.webui.api.clients import Program
from tests.webui.conftest import GATEWAY
from tests.webui.standin.household import TABLET, Household
from webui import Settings, create_app
from webui.api.problems import of_refusal


def told(answer: object) -> tuple[int, str]:
    status, values = answer.status_code, answer.get_json()  # type: ignore[attr-defined]
    assert answer.mimetype == "application/problem+json"  # type: ignore[attr-defined]
    assert answer.headers["Cache-Control"] == "no-store"  # type: ignore[attr-defined]
    assert values["status"] == status
    assert values["type"] == f"/api/problems/{values['code']}"
    assert values["title"]
    assert values["detail"]
    return status, values["code"]


def test_what_does_not_fit_names_its_place(hall: Program) -> None:
    for body, pointer in (
        ({"minutes": "x"}, "/minutes"),
        ({"minutes": 0}, "/minutes"),
        ({"minutes": True}, "/minutes"),
        ({"much": 1}, "/much"),
        ([], ""),
    ):
        answer = hall.post("/children/daughter/pause", body)
        assert told(answer) == (400, "malformed")
        assert answer.get_json()["pointer"] == pointer
    assert told(hall.get("/audit-log?limit=0")) == (400, "malformed")
    assert told(hall.get("/audit-log?limit=1&limit=2")) == (400, "malformed")
    assert told(hall.get("/audit-log?page=1")) == (400, "malformed")


def test_places_and_ways_that_are_not_there(hall: Program) -> None:
    assert told(hall.get("/nothing")) == (404, "not_found")
    assert told(hall.get("/children/nobody")) == (404, "no_profile")
    assert told(hall.get("/devices/tablet")) == (404, "not_found")
    answer = hall.ask("DELETE", "/children")
    assert told(answer) == (405, "method_not_allowed")
    assert "GET" in answer.headers["Allow"]
    assert hall.ask("HEAD", "/children").status_code == 200


def test_an_id_of_a_child_may_have_capital_letters(hall: Program) -> None:
    assert told(hall.get("/children/Unknown")) == (404, "no_profile")
    assert hall.ask("PUT", f"/devices/{TABLET}/owner", {"owner": "Nobody"}).status_code != 400
    assert hall.post("/codes", {"child": "N" * 40, "minutes": 15}).status_code == 201
    assert told(hall.post("/codes", {"child": "N" * 41, "minutes": 15})) == (400, "malformed")


def test_bodies_that_are_no_json_or_too_long(hall: Program) -> None:
    client = hall.app.test_client()
    url, headers = "http://192.168.1.1:8080/api/v1/children/daughter/pause", dict(hall.headers)
    form = client.post(url, data={"minutes": "5"}, headers=headers)
    assert told(form) == (415, "json_only")
    utf16 = '{"minutes": 5}'.encode("utf-16")
    for data in (
        b"{", b"[" * 10_000, b'{"minutes": NaN}', b'{"minutes": 1e999}', b'{"minutes": -Infinity}',
        b"\xff\xfe",
        b'{"minutes": 5}\xff', b'\xef\xbb\xbf{"minutes": 5}', utf16, b'{"minutes": 5} 6', b"", b"null",
        b'{"minutes": 5, "minutes": 6}', b'{"minutes": ' + b"9" * 9000 + b"}", b'"\\ud800"',
    ):  # fmt: skip
        broken = client.post(url, data=data, content_type="application/json", headers=headers)
        assert told(broken) == (400, "malformed")
    long = client.post(url, data=b" " * 20_000, content_type="application/json", headers=headers)
    assert told(long) == (413, "too_large")
    assert long.get_json()["title"] == "That is too long"
    assert told(client.get("http://evil.example/api/v1/children", headers=headers)) == (421, "wrong_host")


def test_what_goes_on_to_a_file_is_as_bounded(hall: Program, household: Household) -> None:
    url, household.asked[:] = "/children/daughter/rules", []
    nested = "x"
    for _ in range(30):
        nested = [nested]  # type: ignore[assignment]
    client, headers = hall.app.test_client(), dict(hall.headers)
    for value in (json.dumps(nested), '{"a": 1, "a": 2}', "1e999", '"\\ud83d"', '{"\\udc00": 1}', "NaN"):
        data = f'{{"set": {{"allow": {value}}}}}'
        answer = client.patch(
            f"{GATEWAY}/api/v1{url}", data=data, content_type="application/json", headers=headers
        )
        assert told(answer) == (400, "malformed"), value
    assert "edit" not in {do for do, _ in household.asked}
    assert hall.ask("PATCH", url, {"set": {"allow/😀.example": True}}).status_code != 400


def test_each_way_of_asking_that_there_is_not_is_a_problem(hall: Program) -> None:
    for method, path, expected in (
        ("OPTIONS", "/nothing", (404, "not_found")),
        ("PUT", "/children", (405, "method_not_allowed")),
        ("HEAD", "/children/daughter/pause", (405, "")),
        ("TRACE", "/children", (405, "method_not_allowed")),
        ("PROPFIND", "/children", (405, "method_not_allowed")),
        ("GET", "/children/", (404, "not_found")),
        ("GET", "/children/%2e%2e/home", (404, "not_found")),
        ("GET", "/children/daughter%00", (404, "not_found")),
        ("GET", "/children/%ff", (404, "not_found")),
        ("DELETE", "/grants/0", (404, "not_found")),
        ("DELETE", "/grants/2147483648", (404, "not_found")),
        ("DELETE", "/grants/١", (404, "not_found")),
        ("GET", "/audit-log?limit=51", (400, "malformed")),
        ("GET", "/audit-log?skip=-1", (400, "malformed")),
        ("GET", "/audit-log?limit=1.5", (400, "malformed")),
        ("GET", "/audit-log?limit=99999999999999999999", (400, "malformed")),
        ("GET", "/events?seconds=601", (400, "malformed")),
    ):
        answer = hall.ask(method, path)
        assert answer.mimetype == "application/problem+json", (method, path)
        code = answer.get_json()["code"] if answer.data else ""
        assert (answer.status_code, code) == expected, (method, path)
    ways = hall.ask("OPTIONS", "/children")
    assert (ways.status_code, ways.headers["Allow"]) == (204, "GET, HEAD, OPTIONS, POST")
    for base in ("/api", "/api/", "/api/v1", "/api/v1/", "/api/v2/home"):
        answer = hall.app.test_client().get(base, base_url=GATEWAY)
        assert told(answer) == (404, "not_found"), base


def test_a_change_of_what_was_changed_meanwhile_is_a_conflict(
    hall: Program, household: Household, ruled: None
) -> None:
    revision = hall.get("/children/daughter/rules").get_json()["revision"]
    body = {"set": {"block/example.com": True}, "revision": revision}
    assert hall.ask("PATCH", "/children/daughter/rules", body).status_code == 200
    late = hall.ask("PATCH", "/children/daughter/rules", {**body, "set": {"block/example.org": True}})
    assert told(late) == (409, "changed_meanwhile")
    kept = hall.get("/children/daughter/rules").get_json()["own"]["block"]
    assert "example.com" in kept
    assert "example.org" not in kept


def test_nobody_answers(app: Flask, daemon: Running, household: Household) -> None:
    lost = create_app(Settings(daemon.path.with_name("none.sock")))
    answer = Program(lost, {"Authorization": "Bearer qalqan_x"}).get("/home")
    assert told(answer) == (503, "unreachable")
    assert answer.headers["Retry-After"]
    for headers in ({}, {"Authorization": "Bearer qalqan_x"}):
        assert Program(lost, headers).get("/home/help-lines").status_code == 200


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (Code.CHANGED_MEANWHILE, 409), (Code.BAD_RULE, 422), (Code.NO_DEVICE, 404),
        (Code.HELPER_MINUTES, 403), (Code.TRIED_TOO_OFTEN, 429), (Code.BUSY, 503),
        (Code.SESSION_ENDED, 401), (Code.REFUSED, 422),
    ],
)  # fmt: skip
def test_each_refusal_has_its_status(app: Flask, code: Code, status: int) -> None:
    with app.test_request_context():
        found = of_refusal(ControlError("one line").coded(code, key="limits/service:x", minutes=2))
        assert (found.status, found.code) == (status, str(code))
        assert found.more["pointer"] == "/limits~1service:x"
        assert found.headers.get("Retry-After") == {429: "120", 503: "5"}.get(status)


def test_a_refusal_without_its_waiting_time_is_for_a_minute(app: Flask) -> None:
    with app.test_request_context():
        found = of_refusal(ControlError.of(Code.ASK_LATER))
        assert (found.status, found.headers["Retry-After"]) == (429, "60")


class Loud(NullTranslations):
    def gettext(self, message: str) -> str:
        return message.upper()


def test_it_speaks_the_reader_s_language(hall: Program) -> None:
    hall.app.extensions["qalqan-languages"].catalogues["ru"] = Loud()
    path = "/devices/02:00:00:00:00:ee"
    english, russian = (hall.get(path, Accept_Language=one).get_json() for one in ("en", "ru"))
    assert english["code"] == russian["code"] == "no_device"
    assert russian["detail"] == english["detail"].upper()
    assert russian["title"] == english["title"].upper()


def test_an_answer_of_another_shape_is_no_traceback(hall: Program, household: Household) -> None:
    household.extra["profiles"] = "none"
    household.extra["now"] = "yesterday"
    assert told(hall.get("/home"))[0] == 503
