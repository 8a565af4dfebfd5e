from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.errors import PolicyError
from gateway.policy.yaml.documents import MAX_BYTES, MAX_DEPTH, locate, parse_document
from gateway.policy.yaml.fields import Mapping, Scalar, Sequence, shown


def test_every_key_and_value_knows_its_line_and_path() -> None:
    document = parse_document("name: Daughter\nlimits:\n  play: 90m\ndevices: [a,\n b]\n", "kid.yaml")
    limits = document.entries["limits"]
    assert isinstance(limits, Mapping)
    assert (limits.keys["play"].line, limits.keys["play"].path) == (3, "limits.play")
    devices = document.entries["devices"]
    assert isinstance(devices, Sequence)
    assert (devices.items[1].place.line, devices.items[1].place.path) == (5, "devices[2]")


@pytest.mark.parametrize("text", ["off", "no", "20:45", "012", "1e3", "10-12", "2026-01-01", "~"])
def test_scalars_stay_as_written(text: str) -> None:
    """YAML 1.1 would make booleans, base-60 numbers and dates of these."""
    node = parse_document(f"key: {text}", "f").entries["key"]
    assert isinstance(node, Scalar)
    assert node.text == text
    assert not node.quoted


def test_null_is_told_from_a_quoted_empty_text() -> None:
    document = parse_document("a:\nb: ''\nc: ~\n", "f")
    nodes = [node for node in document.entries.values() if isinstance(node, Scalar)]
    assert [node.is_null for node in nodes] == [True, False, True]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "f:1: is empty"),
        ("# only a comment\n", "is empty"),
        ("- a\n- b\n", "is not a mapping"),
        ("word", "is not a mapping"),
        ("a: 1\nb: 2\na: 3\n", "f:3: a: is there twice, first on line 1"),
        ("x:\n  a: 1\n  a: 2\n", "f:3: x.a: is there twice"),
        ("a: &x 1\n", "defines an anchor"),
        ("a: 1\nb: *x\n", "f:2: b: refers to an anchor"),
        ("<<: {a: 1}\nb: *c", "refers to an anchor"),
        ("a: !!python/object:os.system x\n", "has a YAML tag"),
        ("a: !!str x\n", "has a YAML tag"),
        ("a: 1\n---\nb: 2\n", "starts a second document"),
        ("? [a, b]\n: c\n", "has a key that is not plain text"),
        ("a:\n\tb: 1\n", "indent with spaces, never with tabs"),
        ("a: [1, 2\n", "is not YAML"),
        ("a: 'open\n", "is not YAML"),
        ("a: 1\nb: \x07\n", "f:2: holds a character that no text has: '\\x07'; take it out"),
        ("a: 1\n\nb: \x7f\n", "f:3: holds a character"),
        ("a: 1\nb: \0\n", "f:2: holds a NUL character"),
        ("a: " + "[" * 40 + "]" * 40, f"is nested deeper than {MAX_DEPTH} levels"),
        ("a: " + "[" * 200_000, "nesting depth"),
        ("a: [" + "x," * 45_000 + "]", "more than 8000 values"),
        ("a: " + "x" * MAX_BYTES, f"more than {MAX_BYTES}"),
    ],
)
def test_what_is_refused(text: str, says: str) -> None:
    with pytest.raises(PolicyError, match="; ") as refused:
        parse_document(text, "f")
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 400


@pytest.mark.parametrize("data", [b"\xff\xfea\0", "имя: дочь".encode("cp1251"), b"a: \x80"])
def test_other_encodings_are_refused(data: bytes) -> None:
    with pytest.raises(PolicyError, match="is not UTF-8 text"):
        parse_document(data, "f")


@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"])
def test_what_is_not_utf_8_is_told_with_its_line(start: bytes) -> None:
    with pytest.raises(PolicyError, match=r"^f:3: is not UTF-8"):
        parse_document(start + b"a: 1\nb: 2\n\xff", "f")


def test_a_place_is_found_again() -> None:
    text = "a:\n  b:\n    - x\n    - y\nc: 1\n"
    place = locate(text, "f", "a".__eq__, "b".__eq__, 1)
    assert (place.line, place.path) == (4, "a.b[2]")
    assert locate(text, "f", "a".__eq__, "b".__eq__, 7).line == 2
    assert locate(text, "f", "none".__eq__).line == 1


def test_a_byte_order_mark_is_no_part_of_the_first_key() -> None:
    assert list(parse_document(b"\xef\xbb\xbfname: x", "f").entries) == ["name"]


def test_what_an_error_repeats_is_short_and_on_one_line() -> None:
    assert shown("a\nb\x1b[31m") == "'a\\nb\\x1b[31m'"
    assert len(shown("x" * 5000)) < 50


@given(st.one_of(st.text(), st.binary(), st.text(alphabet="{}[]:,-#&*!|>'\"%@` \n\tab\0")))
@settings(max_examples=400, deadline=None)
def test_any_text_gives_a_mapping_or_one_line(source: str | bytes) -> None:
    message = "f:"
    try:
        assert isinstance(parse_document(source, "f"), Mapping)
    except PolicyError as refused:
        message = str(refused)
    assert message.startswith("f:")
    assert "\n" not in message
