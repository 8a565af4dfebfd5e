from __future__ import annotations

import json
import re
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.control.permissions import WEB_VERBS
from gateway.control.protocol import (
    REQUEST_LIMIT,
    ControlRequest,
    LineReader,
    Role,
    decode,
    encode,
    failure,
    parse_request,
    refusal,
)
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code


def request(**values: object) -> ControlRequest:
    return ControlRequest("pause", Role.WEB, 1000, values)


STREAM = b'{"do":"status"}\n{"do":"why","host":"x.kz"}\n'


@pytest.mark.parametrize("size", [1, 2, 7, len(STREAM)])
def test_lines_come_whole_however_the_stream_is_cut(size: int) -> None:
    reader, lines = LineReader(100), []
    for start in range(0, len(STREAM), size):
        lines += reader.feed(STREAM[start : start + size])
    assert lines == STREAM.splitlines()


def test_a_cut_line_is_no_line() -> None:
    assert LineReader(100).feed(STREAM[:10]) == []


@pytest.mark.parametrize("data", [b"x" * 11, b"ok\n" + b"x" * 11, b"x" * 11 + b"\n"])
def test_a_long_line_is_refused_before_its_end(data: bytes) -> None:
    with pytest.raises(ControlError, match="longer than 10 bytes"):
        LineReader(10).feed(data)


def test_a_line_of_exactly_the_limit_is_read() -> None:
    assert LineReader(10).feed(b"x" * 10 + b"\n") == [b"x" * 10]


@given(st.binary(max_size=200))
def test_any_bytes_are_a_request_or_a_control_error(line: bytes) -> None:
    with suppress(ControlError):
        assert parse_request(line, role=Role.WEB, uid=1).do


def test_deep_nesting_is_refused_in_one_line() -> None:
    with pytest.raises(ControlError, match="not a line of JSON"):
        decode(b"[" * REQUEST_LIMIT)


@pytest.mark.parametrize("line", [b"[]", b"3", b'"status"', b"null"])
def test_json_that_is_no_object_is_refused(line: bytes) -> None:
    with pytest.raises(ControlError, match="JSON object"):
        parse_request(line, role=Role.WEB, uid=1)


@pytest.mark.parametrize("line", [b"{}", b'{"do":3}', b'{"do":""}', b'{"do":null}'])
def test_a_request_says_what_to_do(line: bytes) -> None:
    with pytest.raises(ControlError, match='"do" is missing'):
        parse_request(line, role=Role.WEB, uid=1)


def test_text_is_trimmed_and_printable() -> None:
    assert request(who=" Aruzhan ").text("who") == "Aruzhan"
    assert request().text("by", "console") == "console"
    assert request().text_or_none("by") is None


@pytest.mark.parametrize(
    "value", ["", "  ", "a\nb", "\x1b[31m", "x" * 301, 3, ["x"], "\ud800", "a\u2028b", "a\u202eb"]
)
def test_text_that_could_forge_a_line_is_refused(value: object) -> None:
    with pytest.raises(ControlError, match='pause: "who" must be'):
        request(who=value).text("who")


def test_missing_text_names_the_key() -> None:
    with pytest.raises(ControlError, match='pause: "who" is missing'):
        request().text("who")


@pytest.mark.parametrize("value", [0, 1441, 1.5, "30", True, [30]])
def test_minutes_out_of_bounds_are_refused(value: object) -> None:
    with pytest.raises(ControlError, match='"minutes" must be a whole number from 1 to 1440'):
        request(minutes=value).whole("minutes", least=1, most=1440)


def test_minutes_within_bounds_are_read() -> None:
    assert request(minutes=30).whole("minutes", least=1, most=1440) == 30
    assert request().whole("minutes", least=1, most=1440, default=15) == 15


def test_a_moment_needs_its_offset() -> None:
    assert request(until="2026-11-24T20:45:00+00:00").moment_or_none("until") == datetime(
        2026, 11, 24, 20, 45, tzinfo=UTC
    )
    assert request().moment_or_none("until") is None
    with pytest.raises(ControlError, match="needs an offset"):
        request(until="2026-11-24T20:45:00").moment_or_none("until")
    with pytest.raises(ControlError, match="must be a time such as"):
        request(until="tomorrow").moment_or_none("until")


def test_a_choice_names_the_options() -> None:
    assert request(action="link").choice("action", ("link", "list")) == "link"
    with pytest.raises(ControlError, match="must be one of link, list"):
        request(action="x").choice("action", ("link", "list"))


def test_only_the_owner_passes_owner_only() -> None:
    ControlRequest("reload", Role.OWNER, 0, {}).owner_only()
    with pytest.raises(ControlError, match="only root"):
        request().owner_only()


def test_an_answer_is_one_ascii_line_whatever_is_in_it() -> None:
    moment = datetime(2026, 11, 24, 20, 45, tzinfo=UTC)
    line = encode({"name": "Әлия\n\u2028", "until": moment, "gates": frozenset({"play", "internet"})})
    assert line.count(b"\n") == 1
    assert line.isascii()
    assert json.loads(line) == {
        "name": "Әлия\n\u2028",
        "until": "2026-11-24T20:45:00+00:00",
        "gates": ["internet", "play"],
    }


def test_a_value_without_a_form_is_a_mistake_of_ours() -> None:
    with pytest.raises(TypeError, match="object cannot be sent"):
        encode({"x": object()})


def test_a_failure_is_one_line() -> None:
    assert failure(ControlError("first\n second")) == {
        "ok": False,
        "error": "first second",
        "code": "refused",
    }


def test_a_refusal_has_a_code_and_what_its_sentence_is_of() -> None:
    error = ControlError("Aruzhan: has landed today already").coded(Code.LANDED, name="Aruzhan")
    answer = decode(encode(failure(error)))
    assert answer == {"ok": False, "error": str(error), "code": "landed", "values": {"name": "Aruzhan"}}
    back = refusal(answer)
    assert (str(back), back.code, back.values) == (str(error), "landed", {"name": "Aruzhan"})


@pytest.mark.parametrize(
    "answer", [{}, {"code": 3, "values": []}, {"code": None, "values": {"name": ["x"], "more": {}}}]
)
def test_a_refusal_of_another_version_is_one_all_the_same(answer: dict[str, object]) -> None:
    back = refusal({"error": "no", **answer})
    assert (str(back), back.code, back.values) == ("no", "refused", {})


def test_a_wrong_value_is_named() -> None:
    with pytest.raises(ControlError) as caught:
        request(minutes="x").whole("minutes", least=1, most=9)
    assert (caught.value.code, caught.value.values) == ("invalid", {"key": "minutes"})


def test_the_pages_may_ask_what_the_document_says() -> None:
    text = (Path(__file__).parents[2] / "gateway" / "control" / "README.md").read_text()
    assert set(re.findall(r"^\| `(\w+)` W \|", text, re.MULTILINE)) == WEB_VERBS
