"""Forged answers are valid to dnspython, and answer the question letter for letter."""

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

from gateway.core.errors import WireError
from gateway.wire.dns.answers import (
    EDE_BLOCKED,
    EDE_CENSORED,
    EDE_FILTERED,
    MAX_EXTRA_TEXT,
    NULL_ADDRESSES,
    answer,
    answer_with_cname,
    fail,
    refuse,
)
from gateway.wire.dns.message import NOTIMP, SERVFAIL, parse_message

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
    response = checked(refuse(query, parse_message(query), addresses=NULL_ADDRESSES), query)
    assert response.rcode() == dns.rcode.NOERROR
    assert rrsets(response) == expected
    with_soa = checked(refuse(query, parse_message(query), addresses=NULL_ADDRESSES, soa=True), query)
    assert rrsets(with_soa) == expected
    assert len(with_soa.authority) == (not expected)


def test_addresses_are_of_the_internet_class() -> None:
    query = dns.message.make_query("version.bind", "A", "CH").to_wire()
    message = parse_message(query)
    assert checked(refuse(query, message, addresses=NULL_ADDRESSES), query).answer == []
    assert checked(answer(query, message, [V4]), query).answer == []


@pytest.mark.parametrize("code", [EDE_BLOCKED, EDE_CENSORED, EDE_FILTERED])
@pytest.mark.parametrize("addresses", [None, NULL_ADDRESSES])
def test_an_extended_error_tells_who_asks_with_edns(code: int, addresses: tuple[bytes, ...] | None) -> None:
    query = question(edns=True)
    text = "Закрыто до 07:00"
    data = refuse(query, parse_message(query), addresses=addresses, ede=code, text=text)
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
    for addresses in (None, NULL_ADDRESSES):
        query = question("ANY" if addresses else "A", LONGEST, edns=True)
        data = refuse(query, parse_message(query), addresses=addresses, text="ж" * 500, soa=True)
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


@given(st.binary(max_size=100))
def test_whatever_parses_can_be_refused(data: bytes) -> None:
    query = data[:2] + b"\x01\x00\x00\x01\x00\x00\x00\x00\x00" + data[2:]
    try:
        message = parse_message(query)
    except WireError:
        return
    reply = parse_message(refuse(query, message, addresses=NULL_ADDRESSES, text="closed", soa=True))
    assert reply.id == message.id
    assert [asked[:4] for asked in reply.questions] == [asked[:4] for asked in message.questions]
