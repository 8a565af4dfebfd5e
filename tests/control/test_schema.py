"""What a value may be: the same declaration makes the schema and reads the value."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import FrozenInstanceError, dataclass
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal

import pytest

from gateway.control.schema import (
    YEARS,
    YEARS_PATTERN,
    OneLine,
    Record,
    SchemaError,
    Text,
    Whole,
    decode,
    record,
    to_json,
    type_of,
)
from gateway.policy.requests.requests import Answer
from webui.api.document import RecordSchemas


@dataclass(frozen=True, slots=True)
class Inner:
    n: int


@dataclass(frozen=True, slots=True)
class Sample:
    word: Annotated[str, Text(1, 3, "[a-z]+")]
    number: Annotated[int, Whole(1, 5)]
    kind: Literal["a", "b"]
    at: datetime
    from_: date
    inner: Inner
    many: tuple[int, ...] = ()
    table: Mapping[str, Any] | None = None
    maybe: Annotated[str, Text(1, 3)] | None = None


GOOD: dict[str, Any] = {
    "word": "abc", "number": 5, "kind": "a", "at": "2026-11-24T20:45:00+00:00", "from": "2026-11-24",
    "inner": {"n": 1},
}  # fmt: skip


def test_what_fits_becomes_a_value_and_json_again() -> None:
    found = Record(Sample).read({**GOOD, "many": [1, 2.0], "table": {"x": [None]}}, "", True)
    at = datetime(2026, 11, 24, 20, 45, tzinfo=UTC)
    assert found == Sample("abc", 5, "a", at, at.date(), Inner(1), (1, 2), {"x": [None]})
    assert to_json(found) == {**GOOD, "many": [1, 2], "table": {"x": [None]}, "maybe": None}


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"word": "ABC"}, "/word"), ({"word": "abcd"}, "/word"), ({"word": None}, "/word"),
        ({"number": 6}, "/number"), ({"number": True}, "/number"), ({"number": 1.5}, "/number"),
        ({"kind": "c"}, "/kind"), ({"at": "2026-11-24T20:45"}, "/at"), ({"from": "today"}, "/from"),
        ({"at": "0001-01-01T00:00:00+05:00"}, "/at"), ({"at": "9999-12-31T23:59:59-05:00"}, "/at"),
        ({"from": "0001-01-01"}, "/from"), ({"from": "9999-12-31"}, "/from"),
        ({"inner": {"n": "1"}}, "/inner/n"), ({"inner": {"n": 1, "m/": 2}}, "/inner/m~1"),
        ({"many": [1, "x"]}, "/many/1"), ({"many": [1] * 300}, "/many"), ({"table": []}, "/table"),
        ({"maybe": ""}, "/maybe"), ({"more": 1}, "/more"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named_by_its_place(change: dict[str, Any], pointer: str) -> None:
    with pytest.raises(SchemaError) as error:
        Record(Sample).read({**GOOD, **change}, "", True)
    assert error.value.pointer == pointer


def test_what_is_needed_is_needed() -> None:
    for name in GOOD:
        with pytest.raises(SchemaError):
            Record(Sample).read({key: one for key, one in GOOD.items() if key != name}, "", True)


def test_a_daemon_of_another_version_may_say_more_or_less() -> None:
    told = {**GOOD, "news": 1, "number": 99}
    del told["word"]
    found = Record(Sample).read(told, "", False)
    assert isinstance(found, Sample)
    assert (found.word, found.number) == ("", 99)


def test_the_schema_says_the_same() -> None:
    sent, answered = RecordSchemas(bodies=True), RecordSchemas(bodies=False)
    sent.ref(Sample)
    answered.ref(Sample)
    schema = sent.schemas["Sample"]
    assert schema["additionalProperties"] is False
    assert schema["required"] == list(GOOD)
    assert schema["properties"]["word"] == {
        "type": "string", "minLength": 1, "maxLength": 3, "pattern": "^(?:[a-z]+)$",
    }  # fmt: skip
    assert schema["properties"]["number"] == {"type": "integer", "minimum": 1, "maximum": 5}
    assert schema["properties"]["kind"] == {"type": "string", "enum": ["a", "b"]}
    assert schema["properties"]["from"] == {"type": "string", "format": "date", "pattern": YEARS_PATTERN}
    assert schema["properties"]["inner"] == {"$ref": "#/components/schemas/Inner"}
    assert schema["properties"]["maybe"]["type"] == ["string", "null"]
    assert set(answered.schemas["Sample"]["required"]) == set(schema["properties"])


@pytest.mark.parametrize(("year", "fits"), [(1, 0), (1969, 0), (1970, 1), (2026, 1), (8999, 1), (9000, 0)])
def test_the_schema_names_the_years_of_a_date(year: int, fits: bool) -> None:
    assert (year in YEARS) == fits
    assert bool(re.search(YEARS_PATTERN, f"{year:04}-11-24")) == fits


def test_null_is_one_of_the_choices_where_it_may_be() -> None:
    schema = type_of(Literal["a"] | None).schema(RecordSchemas(bodies=True))
    assert schema == {"type": ["string", "null"], "enum": ["a", None]}


@record
class Small:
    word: str
    number: int = 3


def test_a_record_is_filled_once_and_stays() -> None:
    small = Small("a")
    assert (small.word, small.number, Small("b", number=4).number) == ("a", 3, 4)
    assert to_json(Record(Small).read({"word": "x"}, "", True)) == {"word": "x", "number": 3}
    with pytest.raises(FrozenInstanceError):
        small.word = "b"  # type: ignore[misc]
    for wrong in ((), ("a", 1, 2)):
        with pytest.raises(TypeError):
            Small(*wrong)


@record
class Words:
    line: OneLine
    answer: Answer


def test_a_line_is_trimmed_and_an_enumeration_gives_its_members() -> None:
    found = decode(Words, {"line": " once more ", "answer": "once"})
    assert (found.line, found.answer) == ("once more", Answer.ONCE)
    assert isinstance(found.answer, Answer)
    assert decode(Words, {"line": " \x1b", "answer": "no"}, strict=False).line == " \x1b"


@pytest.mark.parametrize("line", ["", "  ", "a\nb", "a\x1bb", "\u202eab", "x" * 301])
def test_a_line_is_printable_and_not_empty(line: str) -> None:
    with pytest.raises(SchemaError, match="one printable line of at most 300 characters"):
        decode(Words, {"line": line, "answer": "once"})
