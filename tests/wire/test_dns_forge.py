"""Forged answers are valid to dnspython, and a rewritten question comes back as it was asked."""

from __future__ import annotations

import ipaddress

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.dns import DNS

from gateway.errors import WireError
from gateway.wire.dns import NOTIMP, SERVFAIL, Question, parse_message
from gateway.wire.dns_forge import (
    EDE_BLOCKED,
    EDE_CENSORED,
    EDE_FILTERED,
    MAX_EXTRA_TEXT,
    Refusal,
    answer,
    answer_with_cname,
    fail,
    refuse,
    rename_question,
    restore_answer,
)

NAME = "wWw.YouTube.com"
SAFE = "restrict.youtube.com"
V4 = bytes((192, 0, 2, 1))
V6 = ipaddress.IPv6Address("2001:db8::1").packed
LONGEST = ".".join(["a" * 63] * 3 + ["b" * 61])


def question(qtype: str = "A", name: str = NAME, *, edns: bool = False, dnssec: bool = False) -> bytes:
    made = dns.message.make_query(name, qtype, use_edns=0 if edns or dnssec else -1, want_dnssec=dnssec)
    return made.to_wire()


def checked(data: bytes, query: bytes) -> dns.message.Message:
    """The answer as dnspython reads it, once it is known to answer ``query`` letter for letter."""
    asked, response = dns.message.from_wire(query), dns.message.from_wire(data)
    assert asked.is_response(response)
    end = 12 + len(asked.question[0].name.to_text()) + 1 + 4
    assert data[12:end] == query[12:end]
    assert DNS(data).qr == 1
    return response


def errors(response: dns.message.Message) -> list[tuple[int, str | None]]:
    return [
        (option.code, option.text) for option in response.options if isinstance(option, dns.edns.EDEOption)
    ]


def rrsets(response: dns.message.Message) -> list[str]:
    return [str(rrset) for rrset in response.answer]


@pytest.mark.parametrize("qtype", ["A", "AAAA", "HTTPS", "TXT", "ANY"])
def test_nxdomain_says_that_there_is_no_such_name(qtype: str) -> None:
    query = question(qtype)
    response = checked(refuse(query, parse_message(query)), query)
    assert response.rcode() == dns.rcode.NXDOMAIN
    assert (response.answer, response.authority, response.additional) == ([], [], [])
    assert response.edns == -1
    assert response.flags & ~0xF == dns.flags.QR | dns.flags.RD | dns.flags.RA


def test_the_soa_says_how_long_the_refusal_may_be_kept() -> None:
    query = question()
    response = checked(refuse(query, parse_message(query), soa=True, ttl=30), query)
    assert response.rcode() == dns.rcode.NXDOMAIN
    (soa,) = response.authority
    assert (soa.rdtype, soa.ttl, soa[0].minimum) == (dns.rdatatype.SOA, 30, 30)
    assert response.question[0].name.is_subdomain(soa.name)


@pytest.mark.parametrize(
    ("qtype", "expected"),
    [
        ("A", [f"{NAME}. 10 IN A 0.0.0.0"]),
        ("AAAA", [f"{NAME}. 10 IN AAAA ::"]),
        ("ANY", [f"{NAME}. 10 IN A 0.0.0.0", f"{NAME}. 10 IN AAAA ::"]),
        ("HTTPS", []),
        ("SVCB", []),
        ("TXT", []),
    ],
)
def test_null_answers_have_an_address_that_leads_nowhere(qtype: str, expected: list[str]) -> None:
    query = question(qtype)
    response = checked(refuse(query, parse_message(query), answer="null"), query)
    assert response.rcode() == dns.rcode.NOERROR
    assert rrsets(response) == expected
    with_soa = checked(refuse(query, parse_message(query), answer="null", soa=True), query)
    assert rrsets(with_soa) == expected
    assert len(with_soa.authority) == (not expected)


def test_addresses_are_of_the_internet_class() -> None:
    query = dns.message.make_query("version.bind", "A", "CH").to_wire()
    message = parse_message(query)
    assert checked(refuse(query, message, answer="null"), query).answer == []
    assert checked(answer(query, message, [V4]), query).answer == []


@pytest.mark.parametrize("code", [EDE_BLOCKED, EDE_CENSORED, EDE_FILTERED])
@pytest.mark.parametrize("kind", ["nxdomain", "null"])
def test_an_extended_error_tells_who_asks_with_edns(code: int, kind: Refusal) -> None:
    query = question(edns=True)
    text = "Закрыто до 07:00"
    data = refuse(query, parse_message(query), answer=kind, ede=code, text=text)
    response = checked(data, query)
    assert errors(response) == [(code, text)]
    assert response.payload == 1232
    assert not response.ednsflags & dns.flags.DO


def test_without_edns_nobody_is_told() -> None:
    query = question()
    response = checked(refuse(query, parse_message(query), ede=EDE_FILTERED, text="closed"), query)
    assert response.options == ()
    assert response.edns == -1


def test_no_code_means_no_option_and_do_is_copied() -> None:
    query = question(dnssec=True)
    response = checked(refuse(query, parse_message(query), ede=None, text="closed"), query)
    assert response.options == ()
    assert response.ednsflags & dns.flags.DO


@given(st.text(max_size=200))
def test_the_text_is_cut_between_characters(text: str) -> None:
    query = question(edns=True)
    ((_, sent),) = errors(checked(refuse(query, parse_message(query), text=text), query))
    sent = sent or ""
    assert len(sent.encode()) <= MAX_EXTRA_TEXT
    assert text.encode("utf-8", "replace").decode().startswith(sent)
    assert len(sent.encode()) > MAX_EXTRA_TEXT - 4 or sent == text.encode("utf-8", "replace").decode().rstrip(
        "\0"
    )


def test_no_refusal_needs_more_than_512_bytes() -> None:
    kinds: tuple[Refusal, ...] = ("nxdomain", "null")
    for kind in kinds:
        query = question("ANY" if kind == "null" else "A", LONGEST, edns=True)
        data = refuse(query, parse_message(query), answer=kind, text="ж" * 500, soa=True)
        assert checked(data, query).edns == 0
        assert len(data) <= 512


def test_flags_of_the_question_come_back() -> None:
    made = dns.message.make_query(NAME, "A", flags=dns.flags.CD | dns.flags.AD)
    made.set_opcode(dns.opcode.NOTIFY)
    query = made.to_wire()
    response = checked(refuse(query, parse_message(query)), query)
    assert response.flags & dns.flags.CD
    assert not response.flags & (dns.flags.RD | dns.flags.AD | dns.flags.AA)
    assert response.opcode() == dns.opcode.NOTIFY


def test_a_message_without_a_question_is_answered_refused() -> None:
    query = b"\x12\x34\x01\x00" + bytes(8)
    response = dns.message.from_wire(refuse(query, parse_message(query)))
    assert (response.id, response.rcode(), response.question) == (0x1234, dns.rcode.REFUSED, [])
    with pytest.raises(WireError, match="without a question"):
        answer(query, parse_message(query), [V4])
    with pytest.raises(WireError, match="without a question"):
        answer_with_cname(query, parse_message(query), SAFE, [V4])
    with pytest.raises(WireError, match="without a question"):
        rename_question(query, parse_message(query), SAFE)


@pytest.mark.parametrize("rcode", [SERVFAIL, NOTIMP])
def test_fail_says_only_that_there_is_no_answer(rcode: int) -> None:
    query = question(edns=True)
    response = checked(fail(query, parse_message(query), rcode=rcode, ede=EDE_BLOCKED, text="why"), query)
    assert (response.rcode(), response.answer) == (rcode, [])
    assert errors(response) == [(EDE_BLOCKED, "why")]


@pytest.mark.parametrize(
    ("qtype", "expected"),
    [
        ("A", ["A 192.0.2.1"]),
        ("AAAA", ["AAAA 2001:db8::1"]),
        ("ANY", ["A 192.0.2.1", "AAAA 2001:db8::1"]),
        ("HTTPS", []),
        ("SVCB", []),
        ("MX", []),
    ],
)
def test_own_names_are_answered_with_what_is_asked_for(qtype: str, expected: list[str]) -> None:
    query = question(qtype, "Qalqan.home.arpa", edns=True)
    response = checked(answer(query, parse_message(query), [V4, V6], ttl=60), query)
    assert response.rcode() == dns.rcode.NOERROR
    assert rrsets(response) == [f"Qalqan.home.arpa. 60 IN {text}" for text in expected]
    assert response.edns == 0


@pytest.mark.parametrize(
    ("qtype", "expected"),
    [("A", ["A 192.0.2.1"]), ("AAAA", ["AAAA 2001:db8::1"]), ("HTTPS", [])],
)
@pytest.mark.parametrize("name", [NAME, LONGEST])
def test_a_known_safe_name_is_answered_in_place(qtype: str, expected: list[str], name: str) -> None:
    query = question(qtype, name)
    response = checked(answer_with_cname(query, parse_message(query), SAFE, [V4, V6], ttl=7), query)
    assert rrsets(response) == [f"{name}. 7 IN CNAME {SAFE}.", *(f"{SAFE}. 7 IN {text}" for text in expected)]


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


def original(qtype: str = "A", name: str = NAME) -> Question:
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


@given(st.binary(max_size=100))
def test_whatever_parses_can_be_refused(data: bytes) -> None:
    query = data[:2] + b"\x01\x00\x00\x01\x00\x00\x00\x00\x00" + data[2:]
    try:
        message = parse_message(query)
    except WireError:
        return
    reply = parse_message(refuse(query, message, answer="null", text="closed", soa=True))
    assert reply.id == message.id
    assert [asked[:4] for asked in reply.questions] == [asked[:4] for asked in message.questions]
