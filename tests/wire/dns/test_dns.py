"""DNS messages agree with dnspython's; a message that contradicts itself is refused."""

from __future__ import annotations

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import WireError
from gateway.wire.dns import message as wire
from gateway.wire.dns.message import (
    AAAA,
    CNAME,
    IN,
    MAX_RECORDS,
    OPT,
    SOA,
    TXT,
    A,
    Message,
    parse_message,
)

RESPONSE = """id 4711
opcode QUERY
rcode NOERROR
flags QR RD RA
edns 0
eflags DO
payload 1400
;QUESTION
wWw.Google.com. IN A
;ANSWER
www.google.com. 300 IN CNAME a.l.google.com.
a.l.google.com. 20 IN A 192.0.2.1
a.l.google.com. 20 IN A 192.0.2.2
a.l.google.com. 20 IN AAAA 2001:db8::1
;AUTHORITY
google.com. 900 IN NS ns1.google.com.
google.com. 900 IN SOA ns1.google.com. dns.google.com. 1 2 3 4 5
;ADDITIONAL
ns1.google.com. 60 IN TXT "text"
"""


def query(name: str = "www.example.com", qtype: str = "A", **options: object) -> bytes:
    return dns.message.make_query(name, qtype, **options).to_wire()  # type: ignore[arg-type]


def response() -> bytes:
    return dns.message.from_text(RESPONSE).to_wire()


MESSAGES = {
    "plain": query(),
    "edns": query(use_edns=0, payload=4096, want_dnssec=True),
    "edns options": query(use_edns=0, options=[dns.edns.CookieOption(b"c" * 8, b"")]),
    "https": query("example.com", "HTTPS"),
    "response": response(),
}


@pytest.mark.parametrize("qtype", ["A", "AAAA", "HTTPS", "SVCB", "TXT", "ANY", "NS", "PTR"])
def test_a_question_is_read(qtype: str) -> None:
    data = query("wWw.eXample.COM", qtype)
    message = parse_message(data)
    question = message.question
    assert question is not None
    assert message.questions == (question,)
    assert (question.name, question.qtype, question.qclass) == (
        "www.example.com",
        dns.rdatatype.from_text(qtype),
        IN,
    )
    assert question.raw == b"\x03wWw\x07eXample\x03COM\x00"
    assert question.end == message.end == len(data)
    assert question.host() == "www.example.com"
    assert message.id == int.from_bytes(data[:2], "big")
    assert (message.is_response, message.opcode, message.rcode, message.truncated) == (False, 0, 0, False)
    assert message.edns is None
    assert message.udp_limit == 512


@pytest.mark.parametrize(
    ("name", "text"),
    [("_dns.resolver.arpa", "_dns.resolver.arpa"), ("*.a b.com", "*.a\\032b.com"), (".", ".")],
)
def test_a_name_need_not_be_a_host_name(name: str, text: str) -> None:
    question = parse_message(query(name.replace(" ", "\\032"), "SVCB")).question
    assert question is not None
    assert question.name == text
    if text != "_dns.resolver.arpa":
        with pytest.raises(WireError):
            question.host()


def test_edns_is_read() -> None:
    edns = parse_message(MESSAGES["edns"]).edns
    assert edns is not None
    assert (edns.udp_size, edns.version, edns.dnssec_ok, edns.options) == (4096, 0, True, b"")
    assert parse_message(MESSAGES["edns"]).udp_limit == 4096
    with_cookie = parse_message(MESSAGES["edns options"]).edns
    assert with_cookie is not None
    assert with_cookie.options == b"\x00\x0a\x00\x08" + b"c" * 8
    assert not with_cookie.dnssec_ok
    badvers = dns.message.make_response(dns.message.from_wire(MESSAGES["edns"]))
    badvers.set_rcode(dns.rcode.BADVERS)
    assert parse_message(badvers.to_wire()).rcode == 16


def test_records_of_every_section_are_read() -> None:
    data = response()
    message = parse_message(data)
    assert message.is_response
    assert message.question is not None
    assert message.question.name == "www.google.com"
    assert [(record.name, record.rtype, record.ttl) for record in message.answers] == [
        ("www.google.com", CNAME, 300),
        ("a.l.google.com", A, 20),
        ("a.l.google.com", A, 20),
        ("a.l.google.com", AAAA, 20),
    ]
    assert [record.rtype for record in message.authority] == [2, SOA]
    assert [record.rtype for record in message.additional] == [TXT, OPT]
    assert message.records == message.answers + message.authority + message.additional
    assert message.counts == (1, 4, 2, 2)
    assert sorted(message.addresses()) == [
        b"\x20\x01\x0d\xb8" + bytes(11) + b"\x01",
        b"\xc0\x00\x02\x01",
        b"\xc0\x00\x02\x02",
    ]
    for record in message.records:
        assert data[record.offset : record.offset + len(record.rdata)] == record.rdata


def test_addresses_are_those_of_the_internet_class_and_the_right_size() -> None:
    odd = b"\xc0\x0c" + b"\x00\x01\x00\x03" + bytes(4) + b"\x00\x04\x7f\x00\x00\x01"
    short = b"\xc0\x0c" + b"\x00\x01\x00\x01" + bytes(4) + b"\x00\x03\x7f\x00\x00"
    data = bytearray(query() + odd + short)
    data[7] = 2
    assert len(parse_message(bytes(data)).answers) == 2
    assert parse_message(bytes(data)).addresses() == []


@pytest.mark.parametrize("name", MESSAGES)
def test_a_cut_message_is_refused_at_each_offset(name: str) -> None:
    data = MESSAGES[name]
    for cut in range(len(data)):
        with pytest.raises(WireError):
            parse_message(data[:cut])


@pytest.mark.parametrize("name", MESSAGES)
def test_bytes_after_the_message_belong_to_nothing(name: str) -> None:
    assert parse_message(MESSAGES[name] + b"rest") == parse_message(MESSAGES[name])


def with_counts(data: bytes, *counts: int) -> bytes:
    return data[:4] + b"".join(count.to_bytes(2, "big") for count in counts) + data[12:]


def test_a_message_has_one_question_at_most() -> None:
    question = query()
    with pytest.raises(WireError, match="2 questions"):
        parse_message(with_counts(question, 2, 0, 0, 0) + question[12:])
    empty = parse_message(with_counts(question[:12], 0, 0, 0, 0))
    assert empty.question is None
    assert empty.questions == ()


def test_the_number_of_records_is_bounded() -> None:
    record = b"\xc0\x0c\x00\x01\x00\x01" + bytes(4) + b"\x00\x04" + bytes(4)
    most = with_counts(query(), 1, MAX_RECORDS - 1, 1, 0) + record * MAX_RECORDS
    assert len(parse_message(most).answers) == MAX_RECORDS - 1
    with pytest.raises(WireError, match="513 records"):
        parse_message(with_counts(query(), 1, MAX_RECORDS, 0, 1) + record * (MAX_RECORDS + 1))
    with pytest.raises(WireError):
        parse_message(query() + bytes(65536))


OPT_RECORD = b"\x00\x00\x29\x04\xd0" + bytes(6)


@pytest.mark.parametrize(
    ("counts", "records"),
    [
        ((1, 0, 0, 2), OPT_RECORD * 2),
        ((1, 1, 0, 0), OPT_RECORD),
        ((1, 0, 1, 0), OPT_RECORD),
        ((1, 0, 0, 1), b"\xc0\x0c" + OPT_RECORD[1:]),
        ((1, 0, 0, 1), b"\xc0\x1c" + OPT_RECORD[1:]),  # the root by a pointer: a rename would move it
    ],
)
def test_opt_out_of_its_place_is_refused(counts: tuple[int, ...], records: bytes) -> None:
    parse_message(with_counts(query(), 1, 0, 0, 1) + OPT_RECORD)
    with pytest.raises(WireError, match="OPT"):
        parse_message(with_counts(query(), *counts) + records)


TEXT_NAMES = st.lists(
    st.text(alphabet="abcdefghijklmnopqrstuvwxyzABC0123456789-_", min_size=1, max_size=20),
    min_size=1,
    max_size=5,
).map(".".join)
RECORDS = st.lists(
    st.tuples(
        TEXT_NAMES,
        st.integers(0, 2**31 - 1),
        st.one_of(
            st.ip_addresses(v=4).map(lambda address: ("A", str(address))),
            st.ip_addresses(v=6).map(lambda address: ("AAAA", str(address))),
            TEXT_NAMES.map(lambda name: ("CNAME", name + ".")),
            TEXT_NAMES.map(lambda name: ("MX", f"10 {name}.")),
        ),
    ),
    max_size=8,
)


@given(TEXT_NAMES, RECORDS, st.integers(0, 65535))
def test_any_response_of_dnspython_is_read_the_same(
    name: str, records: list[tuple[str, int, tuple[str, str]]], ident: int
) -> None:
    oracle = dns.message.make_response(dns.message.make_query(name, "A", id=ident))
    for owner, ttl, (rtype, value) in records:
        oracle.answer.append(dns.rrset.from_text(owner + ".", ttl, "IN", rtype, value))
    message = parse_message(oracle.to_wire())
    assert message.id == ident
    assert message.flags == int(oracle.flags)
    assert [(record.name, record.rtype, record.ttl) for record in message.answers] == [
        (rrset.name.canonicalize().to_text(omit_final_dot=True), rrset.rdtype, rrset.ttl)
        for rrset in oracle.answer
    ]


@given(st.binary(max_size=120))
def test_any_bytes_raise_only_wire_errors(data: bytes) -> None:
    _parses_or_refuses(data)


@given(
    st.sampled_from(sorted(MESSAGES.values())),
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=6),
)
def test_any_change_of_a_real_message_raises_only_wire_errors(
    data: bytes, changes: list[tuple[int, int]]
) -> None:
    changed = bytearray(data)
    for place, value in changes:
        changed[place % len(changed)] = value
    _parses_or_refuses(bytes(changed))


def _parses_or_refuses(data: bytes) -> Message | None:
    try:
        message = parse_message(data)
    except WireError:
        return None
    assert message.end <= len(data)
    assert len(message.records) <= MAX_RECORDS
    return message


def test_constants_are_the_registered_numbers() -> None:
    for name in ("A", "NS", "CNAME", "SOA", "PTR", "MX", "TXT", "AAAA", "SRV", "OPT", "SVCB", "HTTPS", "ANY"):
        assert getattr(wire, name) == dns.rdatatype.from_text(name), name
    for name in ("QR", "AA", "TC", "RD", "RA", "AD", "CD"):
        assert getattr(wire, name) == dns.flags.Flag[name], name
    for name in ("NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"):
        assert getattr(wire, name) == dns.rcode.from_text(name), name
