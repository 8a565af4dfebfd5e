"""The head alone says of a question what the whole message says of it."""

from __future__ import annotations

import dns.message
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import WireError
from gateway.wire.dns.message import parse_message, read_head

PLAIN = dns.message.make_query("wWw.Example.org", "AAAA").to_wire()
EDNS = dns.message.make_query("example.org", "HTTPS", use_edns=0, payload=1232).to_wire()
RESPONSE = dns.message.make_response(dns.message.from_wire(EDNS)).to_wire()
EMPTY = bytes(12)


@pytest.mark.parametrize("data", [PLAIN, EDNS, RESPONSE, EMPTY], ids=["plain", "edns", "response", "empty"])
def test_as_the_whole_message_has_it(data: bytes) -> None:
    head, message = read_head(data), parse_message(data)
    assert head.flags == message.flags
    assert head.question == message.question
    assert (head.is_response, head.opcode) == (message.is_response, message.opcode)


def test_records_are_not_looked_at() -> None:
    cut = EDNS[:-5]
    assert read_head(cut).question == read_head(EDNS).question
    with pytest.raises(WireError):
        parse_message(cut)


@pytest.mark.parametrize("data", [PLAIN, EDNS], ids=["plain", "edns"])
def test_cut_in_the_head_or_the_question(data: bytes) -> None:
    question = read_head(data).question
    assert question is not None
    for end in range(question.end):
        with pytest.raises(WireError):
            read_head(data[:end])


def test_two_questions_are_none() -> None:
    with pytest.raises(WireError, match="2 questions"):
        read_head(PLAIN[:5] + b"\x02" + PLAIN[6:])


@given(st.binary(max_size=60))
def test_any_bytes(data: bytes) -> None:
    try:
        read_head(PLAIN[:12] + data)
    except WireError:
        return
