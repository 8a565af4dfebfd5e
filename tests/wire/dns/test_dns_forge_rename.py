"""Safe search: a question is asked under another name, and its answer comes back as it was asked."""

from __future__ import annotations

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.rcode
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import WireError
from gateway.wire.dns.answers import rename_question, restore_answer
from gateway.wire.dns.message import DnsQuestion, parse_message

NAME = "wWw.YouTube.com"
SAFE = "restrict.youtube.com"
V4 = bytes((192, 0, 2, 1))


def question(qtype: str = "A", name: str = NAME) -> bytes:
    return dns.message.make_query(name, qtype).to_wire()


def rrsets(response: dns.message.Message) -> list[str]:
    return [str(rrset) for rrset in response.answer]


@pytest.mark.parametrize("edns", [False, True])
def test_rename_question_changes_the_name_alone(edns: bool) -> None:
    made = dns.message.make_query(NAME, "HTTPS", use_edns=0 if edns else -1)
    if edns:
        made.use_edns(0, payload=1400, options=[dns.edns.ECSOption("192.0.2.0", 24)])
    query = made.to_wire()
    renamed = dns.message.from_wire(rename_question(query, parse_message(query), SAFE))
    made.question[0].name = dns.name.from_text(SAFE)
    assert renamed == made
    assert (renamed.options, renamed.payload, renamed.edns) == (made.options, made.payload, made.edns)


def test_rename_question_mends_pointers_into_the_old_name() -> None:
    query = bytearray(question())
    query[11] = 2
    query += (
        b"\xc0\x0c\x00\x01\x00\x01" + bytes(4) + b"\x00\x04" + V4
    )  # an odd record that points at the name
    query += b"\x00\x00\x29\x04\xd0" + bytes(6)
    renamed = rename_question(bytes(query), parse_message(bytes(query)), SAFE)
    message = parse_message(renamed)
    assert message.question is not None
    assert message.question.name == SAFE
    assert [record.name for record in message.additional] == ["www.youtube.com", "."]
    assert message.edns is not None
    assert dns.message.from_wire(renamed).additional[0].name == dns.name.from_text(NAME)


def test_rename_question_takes_host_names_alone() -> None:
    query = question()
    for bad in ("", "a..b", "a b", "1.2.3.4"):
        with pytest.raises(WireError):
            rename_question(query, parse_message(query), bad)


def test_there_must_be_a_question_to_rename() -> None:
    query = b"\x12\x34\x01\x00" + bytes(8)
    with pytest.raises(WireError, match="without a question"):
        rename_question(query, parse_message(query), SAFE)


def original(qtype: str = "A", name: str = NAME) -> DnsQuestion:
    asked = parse_message(question(qtype, name)).question
    assert asked is not None
    return asked


def upstream(text: str, qtype: str = "A", flags: str = "QR RD RA AD", rcode: str = "NOERROR") -> bytes:
    """What a resolver says for the safe name; ``text`` holds the sections."""
    head = f"id 7\nopcode QUERY\nrcode {rcode}\nflags {flags}\nedns 0\npayload 1400\n"
    return dns.message.from_text(f"{head};QUESTION\n{SAFE}. IN {qtype}\n{text}").to_wire()


ANSWER = f""";ANSWER
{SAFE}. 300 IN CNAME safe.l.google.com.
safe.l.google.com. 120 IN A 192.0.2.1
safe.l.google.com. 120 IN A 192.0.2.2
;AUTHORITY
google.com. 900 IN NS ns1.google.com.
google.com. 900 IN SOA ns1.google.com. dns.google.com. 1 2 3 4 5
google.com. 900 IN MX 5 mx.l.google.com.
google.com. 900 IN SRV 1 2 3 ns1.google.com.
;ADDITIONAL
ns1.google.com. 60 IN A 192.0.2.53
"""


def test_restore_answer_puts_the_cname_in_front_and_keeps_the_rest() -> None:
    data = upstream(ANSWER)
    query = question()
    before = dns.message.from_wire(data)
    after = dns.message.from_wire(restore_answer(data, original(), SAFE))
    assert after.question == dns.message.from_wire(query).question
    assert after.question[0].name.to_text() == f"{NAME}."
    assert str(after.answer[0]) == f"{NAME}. 120 IN CNAME {SAFE}."
    assert after.answer[1:] == before.answer
    assert [str(rrset) for rrset in after.answer[1:]] == [str(rrset) for rrset in before.answer]
    assert (after.authority, after.additional) == (before.authority, before.additional)
    assert (after.id, after.rcode(), after.payload) == (7, dns.rcode.NOERROR, 1400)
    assert after.flags == before.flags & ~dns.flags.AD


def test_the_resolver_of_dnspython_finds_the_addresses_through_the_cname() -> None:
    after = dns.message.from_wire(restore_answer(upstream(ANSWER), original(), SAFE))
    assert isinstance(after, dns.message.QueryMessage)
    chain = after.resolve_chaining()
    assert chain.answer is not None
    assert sorted(str(rdata) for rdata in chain.answer) == ["192.0.2.1", "192.0.2.2"]


@pytest.mark.parametrize(
    ("text", "rcode", "expected"),
    [
        (f";AUTHORITY\n{SAFE}. 33 IN SOA a. b. 1 2 3 4 5\n", "NOERROR", [f"{NAME}. 33 IN CNAME {SAFE}."]),
        (f";AUTHORITY\n{SAFE}. 33 IN SOA a. b. 1 2 3 4 5\n", "NXDOMAIN", [f"{NAME}. 33 IN CNAME {SAFE}."]),
        ("", "NOERROR", [f"{NAME}. 60 IN CNAME {SAFE}."]),
        ("", "SERVFAIL", []),
        ("", "REFUSED", []),
    ],
)
def test_an_empty_answer_is_restored_too(text: str, rcode: str, expected: list[str]) -> None:
    after = dns.message.from_wire(
        restore_answer(upstream(text, "HTTPS", rcode=rcode), original("HTTPS"), SAFE)
    )
    assert rrsets(after) == expected
    assert dns.rcode.to_text(after.rcode()) == rcode
    assert after.question[0].name.to_text() == f"{NAME}."


@given(st.integers(0, 2**15))
def test_the_letters_of_the_question_come_back_whatever_they_were(mix: int) -> None:
    name = "".join(c.upper() if mix >> i & 1 else c for i, c in enumerate("www.youtube.com"))
    restored = restore_answer(upstream(ANSWER), original(name=name), SAFE)
    asked = parse_message(restored).question
    assert asked == original(name=name)


def test_an_answer_too_large_for_the_client_comes_truncated() -> None:
    data = upstream(ANSWER)
    whole = restore_answer(data, original(), SAFE)
    assert restore_answer(data, original(), SAFE, limit=len(whole)) == whole
    after = dns.message.from_wire(restore_answer(data, original(), SAFE, limit=len(whole) - 1))
    assert after.flags & dns.flags.TC
    assert (after.answer, after.authority, after.additional) == ([], [], [])
    assert after.question[0].name.to_text() == f"{NAME}."
    assert after.payload == 1400


def test_only_the_answer_to_the_renamed_question_is_restored() -> None:
    other = dns.message.make_response(dns.message.make_query("other.example", "A")).to_wire()
    question_itself = rename_question(question(), parse_message(question()), SAFE)
    for data, asked in (
        (other, original()),
        (upstream(ANSWER), original("AAAA")),
        (question_itself, original()),
    ):
        with pytest.raises(WireError, match="does not answer"):
            restore_answer(data, asked, SAFE)
    with pytest.raises(WireError):
        restore_answer(b"\x00\x07\x81\x80" + bytes(8), original(), SAFE)


def test_a_cut_answer_is_refused_at_each_offset() -> None:
    data = upstream(ANSWER)
    for cut in range(len(data)):
        with pytest.raises(WireError):
            restore_answer(data[:cut], original(), SAFE)


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=5))
def test_any_change_of_an_answer_raises_only_wire_errors(changes: list[tuple[int, int]]) -> None:
    changed = bytearray(upstream(ANSWER))
    for place, value in changes:
        changed[place % len(changed)] = value
    try:
        restored = restore_answer(bytes(changed), original(), SAFE)
    except WireError:
        return
    assert parse_message(restored).question == original()
