"""Records moved from one message into another stay the same to dnspython, whatever compression was used."""

from __future__ import annotations

import dns.message
import dns.rdatatype
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import WireError
from gateway.wire.dns.message import Encoder, Message, parse_message, split_wire_name

# One of every type that holds names, and some that hold none.
RECORDS = {
    "A": "192.0.2.1",
    "NS": "ns.Example.com.",
    "CNAME": "b.example.com.",
    "SOA": "ns.example.com. host.example.com. 1 2 3 4 5",
    "PTR": "host.example.com.",
    "MX": "10 mail.example.com.",
    "TXT": '"looks like a name \\003www"',
    "RP": "mbox.example.com. txt.example.com.",
    "AFSDB": "1 afs.example.com.",
    "RT": "1 rt.example.com.",
    "PX": "1 map822.example.com. mapx400.example.com.",
    "AAAA": "2001:db8::1",
    "SRV": "1 2 443 srv.example.com.",
    "NAPTR": '1 2 "s" "SIP+D2U" "" _sip._udp.example.com.',
    "KX": "1 kx.example.com.",
    "DNAME": "other.example.com.",
    "RRSIG": "A 13 3 60 20300101000000 20200101000000 1 example.com. c2ln",
    "NSEC": "next.example.com. A RRSIG",
    "SVCB": "1 svc.example.com. alpn=h2 port=443",
    "HTTPS": "0 alias.example.com.",
    "CAA": '0 issue "ca.example.net"',
    "DS": "1 13 2 " + "ab" * 32,
}


def message(*records: tuple[str, str, str]) -> dns.message.Message:
    made = dns.message.make_response(dns.message.make_query("www.example.com", "A"))
    for owner, rtype, text in records:
        made.answer.append(dns.rrset.from_text(owner, 60, "IN", rtype, text))
    return made


def moved(data: bytes, question: str = "a-name-of-another-length.example.net") -> bytes:
    """The records of ``data`` behind another question, so that every offset differs."""
    parsed = parse_message(data)
    encoder = Encoder(parsed.id, parsed.flags, parsed.counts)
    encoder.question([label.encode() for label in question.split(".")], 1, 1)
    encoder.copy(data, parsed.records)
    return encoder.message()


@pytest.mark.parametrize("rtype", RECORDS)
def test_every_type_survives_the_move(rtype: str) -> None:
    original = message(
        ("www.example.com.", rtype, RECORDS[rtype]), ("Mail.EXAMPLE.com.", rtype, RECORDS[rtype])
    )
    before = dns.message.from_wire(original.to_wire())
    after = dns.message.from_wire(moved(original.to_wire()))
    assert after.answer == original.answer
    assert [str(rrset) for rrset in after.answer] == [str(rrset) for rrset in before.answer]  # case too


def test_a_large_response_survives_and_does_not_grow_much() -> None:
    original = message(*((f"{rtype}.example.com.", rtype, text) for rtype, text in RECORDS.items()))
    data = original.to_wire()
    result = moved(data)
    assert dns.message.from_wire(result).answer == original.answer
    assert len(result) <= len(data) + 40  # the longer question, and example.com once more


@given(
    st.lists(st.sampled_from(sorted(RECORDS)), max_size=10),
    st.lists(st.sampled_from("abc"), min_size=10, max_size=10),
)
def test_any_records_survive_in_any_order(rtypes: list[str], owners: list[str]) -> None:
    original = message(
        *(
            (f"{owner}.example.com.", rtype, RECORDS[rtype])
            for rtype, owner in zip(rtypes, owners, strict=False)
        )
    )
    # dnspython keeps answers as sets, so a repeated record would be one there and two here.
    assert (
        dns.message.from_wire(moved(original.to_wire())).answer
        == dns.message.from_wire(original.to_wire()).answer
    )


def hand_made(rtype: int, rdata: bytes, count: int = 1) -> bytes:
    """A response to www.example.com with one record; offset 12 is www, 16 example, 24 com."""
    head = bytes.fromhex("1234818000010001000000000377777707 6578616d706c6503636f6d0000010001")
    record = (
        b"\xc0\x0c"
        + rtype.to_bytes(2, "big")
        + b"\x00\x01\x00\x00\x00\x3c"
        + len(rdata).to_bytes(2, "big")
        + rdata
    )
    return head[:6] + count.to_bytes(2, "big") + head[8:] + record * count


@pytest.mark.parametrize(
    ("rtype", "rdata", "text"),
    [
        ("SRV", b"\x00\x01\x00\x02\x01\xbb\x03srv\xc0\x10", "1 2 443 srv.example.com."),
        (
            "RRSIG",
            b"\x00\x01\x0d\x03" + bytes(14) + b"\xc0\x10" + b"sig",
            "A 13 3 0 19700101000000 19700101000000 0 example.com. c2ln",
        ),
        ("HTTPS", b"\x00\x00\x03svc\xc0\x10", "0 svc.example.com."),
        ("NAPTR", b"\x00\x01\x00\x02\x01s\x00\x00\x03sip\xc0\x10", '1 2 "s" "" "" sip.example.com.'),
        ("DNAME", b"\xc0\x18", "com."),
    ],
)
def test_pointers_where_none_should_be_are_read_and_not_written(rtype: str, rdata: bytes, text: str) -> None:
    data = hand_made(dns.rdatatype.from_text(rtype), rdata)
    result = moved(data)
    (record,) = parse_message(result).answers
    assert b"\xc0" not in record.rdata
    assert str(dns.message.from_wire(result).answer[0][0]) == text


@pytest.mark.parametrize(
    ("rtype", "rdata"),
    [
        (2, b"\x03www"),  # a name that runs out of the data into what follows
        (15, b"\x00"),
        (15, b"\x00\x0a"),
        (6, b"\x00"),
        (33, bytes(5)),
        (35, bytes(5)),
        (35, bytes(4) + b"\xff"),
        (35, bytes(4) + b"\x00\x00\x05"),
        (64, b"\x00\x01\x05svc"),
    ],
)
def test_data_that_does_not_fit_its_type_is_refused(rtype: int, rdata: bytes) -> None:
    with pytest.raises(WireError):
        moved(hand_made(rtype, rdata, count=2))


@pytest.mark.parametrize("rtype", [2, 6, 15, 33, 35, 65])
def test_a_record_without_data_stays_without(rtype: int) -> None:
    (record,) = parse_message(moved(hand_made(rtype, b""))).answers
    assert (record.rtype, record.rdata) == (rtype, b"")


def test_letters_keep_their_case() -> None:
    encoder = Encoder(1, 0, (1, 1, 0, 0))
    encoder.question([b"wWw", b"eXample", b"com"], 1, 1)
    encoder.cname([b"www", b"example", b"com"], 5, [b"wWw", b"eXample", b"com"])
    data = encoder.message()
    parsed = parse_message(data)
    assert parsed.question is not None
    assert parsed.question.raw == b"\x03wWw\x07eXample\x03com\x00"
    (record,) = parsed.answers
    assert data[record.start :].startswith(b"\x03www\x07example\xc0")  # com is shared, example is not
    assert record.rdata == b"\xc0\x0c"


def test_pointers_reach_no_further_than_14_bits() -> None:
    encoder = Encoder(1, 0x8000, (1, 102, 0, 0))
    encoder.question([b"q"], 1, 1)
    for _ in range(100):
        encoder.plain([b"q"], 16, 1, 0, b"\xff" + b"t" * 255)
    for _ in range(2):
        encoder.plain([b"late"], 1, 1, 0, bytes(4))
    data = encoder.message()
    assert len(data) > 0x4000
    parsed = parse_message(data)
    assert [record.name for record in parsed.answers[-2:]] == ["late", "late"]
    assert dns.message.from_wire(data).answer[-1].name.to_text() == "late."


def test_a_message_that_grows_past_65535_bytes_is_refused() -> None:
    labels = b"".join(b"\x3f" + bytes((65 + i,)) * 63 for i in range(3)) + b"\x00"
    srv = bytes(6) + b"\xc0\x0c"
    record = b"\xc0\x0c\x00\x21\x00\x01" + bytes(4) + len(srv).to_bytes(2, "big") + srv
    data = (
        b"\x00\x01\x80\x00\x00\x01"
        + (400).to_bytes(2, "big")
        + bytes(4)
        + labels
        + b"\x00\x21\x00\x01"
        + record * 400
    )
    parsed = parse_message(data)
    encoder = Encoder(1, 0, parsed.counts)
    encoder.question(split_wire_name(labels), 33, 1)
    encoder.copy(data, parsed.records)
    with pytest.raises(WireError, match="DNS message of"):
        encoder.message()
    with pytest.raises(WireError, match="record data of"):
        Encoder(1, 0, (0, 1, 0, 0)).plain([], 16, 1, 0, bytes(65536))


@given(st.sampled_from([2, 6, 15, 33, 35, 46, 65, 1]), st.binary(max_size=40))
def test_any_data_raises_only_wire_errors_and_what_is_written_can_be_read(rtype: int, rdata: bytes) -> None:
    data = hand_made(rtype, rdata)
    before = parse_message(data)
    try:
        result = moved(data)
    except WireError:
        return
    after: Message = parse_message(result)
    assert [record[:4] for record in after.answers] == [record[:4] for record in before.answers]
