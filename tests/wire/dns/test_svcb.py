"""What leads around a filter goes out of every HTTPS and SVCB record, and all the rest stays valid."""

from __future__ import annotations

import dns.flags
import dns.message
import dns.rdatatype
import dns.rrset
import pytest
from dns.rdtypes.svcbbase import ParamKey
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import WireError
from gateway.wire.dns.message import parse_message
from gateway.wire.dns.svcb import ServiceBinding, parse_service, strip_bypass, without_bypass

ECH = "ech=AAj+DQAEYWJjZA=="  # an ECHConfigList with one config of four bytes
FULL = f'1 . alpn="h3,h2" ipv4hint=192.0.2.1 {ECH} ipv6hint=2001:db8::1'
BARE = '1 . alpn="h3,h2" ipv4hint=192.0.2.1 ipv6hint=2001:db8::1'


def response(
    *answers: tuple[str, str, str], section: str = "answer", qtype: str = "HTTPS"
) -> dns.message.Message:
    made = dns.message.make_response(dns.message.make_query("wWw.example.com", qtype, use_edns=0))
    made.flags |= dns.flags.AD
    for owner, rtype, text in answers:
        getattr(made, section).append(dns.rrset.from_text(owner, 300, "IN", rtype, text))
    return made


def stripped(message: dns.message.Message) -> dns.message.Message:
    data = strip_bypass(message.to_wire())
    assert data is not None
    return dns.message.from_wire(data)


@pytest.mark.parametrize("rtype", ["HTTPS", "SVCB"])
@pytest.mark.parametrize("section", ["answer", "authority", "additional"])
def test_ech_is_taken_out_in_every_section(rtype: str, section: str) -> None:
    result = stripped(response(("www.example.com.", rtype, FULL), section=section))
    expected = response(("www.example.com.", rtype, BARE), section=section)
    assert getattr(result, section) == getattr(expected, section)
    assert strip_bypass(result.to_wire()) is None


def test_everything_else_stays_valid() -> None:
    before = response(
        ("www.example.com.", "CNAME", "cdn.example.net."),
        ("cdn.example.net.", "HTTPS", FULL),
        ("cdn.example.net.", "A", "192.0.2.1"),
        ("example.net.", "SOA", "ns.cdn.example.net. host.example.net. 1 2 3 4 5"),
        ("example.net.", "MX", "5 cdn.example.net."),
    )
    before.id = 99
    result = stripped(before)
    assert result.id == 99
    assert result.question == before.question
    assert result.answer[0] == before.answer[0]
    assert str(result.answer[1][0]) == str(dns.rrset.from_text("x.", 1, "IN", "HTTPS", BARE)[0])
    assert result.answer[2:] == before.answer[2:]
    assert [rrset.ttl for rrset in result.answer] == [300] * 5
    assert (result.edns, result.payload) == (before.edns, before.payload)
    assert result.rcode() == before.rcode()


def test_the_question_keeps_its_letters() -> None:
    data = strip_bypass(response(("www.example.com.", "HTTPS", FULL)).to_wire())
    assert data is not None
    question = parse_message(data).question
    assert question is not None
    assert question.raw == b"\x03wWw\x07example\x03com\x00"


def test_an_altered_answer_is_no_longer_authenticated() -> None:
    before = response(("www.example.com.", "HTTPS", FULL))
    assert before.flags & dns.flags.AD
    assert stripped(before).flags == before.flags & ~dns.flags.AD


def test_several_records_each_lose_theirs_alone() -> None:
    before = response(
        ("www.example.com.", "HTTPS", FULL),
        ("www.example.com.", "HTTPS", BARE.replace("1 .", "2 backup.example.com.")),
        ("www.example.com.", "HTTPS", f"3 third.example.com. {ECH}"),
    )
    texts = sorted(str(rdata) for rrset in stripped(before).answer for rdata in rrset)
    assert texts == [
        '1 . alpn="h3,h2" ipv4hint="192.0.2.1" ipv6hint="2001:db8::1"',
        '2 backup.example.com. alpn="h3,h2" ipv4hint="192.0.2.1" ipv6hint="2001:db8::1"',
        "3 third.example.com.",
    ]


@pytest.mark.parametrize(
    ("mandatory", "left"),
    [("alpn,ech", "alpn"), ("ech", None), ("alpn,port,ech", "alpn,port"), ("alpn", "alpn")],
)
def test_ech_is_no_longer_mandatory(mandatory: str, left: str | None) -> None:
    result = stripped(
        response(("www.example.com.", "HTTPS", f'1 . mandatory={mandatory} alpn="h2" port=443 {ECH}'))
    )
    params = result.answer[0][0].params
    assert ParamKey.ECH not in params
    assert ParamKey.ALPN in params
    if left is None:
        assert ParamKey.MANDATORY not in params
    else:
        assert params[ParamKey.MANDATORY].to_text() == f'"{left}"'


@pytest.mark.parametrize("rtype", ["HTTPS", "SVCB"])
@pytest.mark.parametrize(
    ("text", "left"),
    [
        ('1 dns.example.com. alpn="dot"', "1 dns.example.com."),
        ('1 dns.example.com. alpn="h2,h3" dohpath="/dns-query{?dns}"', '1 dns.example.com. alpn="h2,h3"'),
        ('1 . alpn="dot,h2,doq" port=8443', '1 . alpn="h2" port="8443"'),
        ('1 . alpn="doq,dot" no-default-alpn port=853', '1 . port="853"'),
        ('1 . mandatory=alpn,port alpn="dot" port=853', '1 . mandatory="port" port="853"'),
        ('1 . mandatory=alpn,no-default-alpn alpn="dot" no-default-alpn', "1 ."),
        ('1 . mandatory=alpn,key7 alpn="h2" key7="/q{?dns}"', '1 . mandatory="alpn" alpn="h2"'),
        (f'1 . alpn="h3,doq" {ECH} key7="/q{{?dns}}"', '1 . alpn="h3"'),
    ],
)
def test_encrypted_dns_is_taken_out(rtype: str, text: str, left: str) -> None:
    result = stripped(response(("www.example.com.", rtype, text), qtype=rtype))
    assert str(result.answer[0][0]) == left
    assert strip_bypass(result.to_wire()) is None


@pytest.mark.parametrize("text", ['1 . alpn="h2,h3" no-default-alpn', '1 . alpn="dotted,xdoq,DOT" port=853'])
def test_other_protocols_stay(text: str) -> None:
    assert strip_bypass(response(("www.example.com.", "HTTPS", text)).to_wire()) is None


def test_a_list_of_protocols_that_is_cut_is_none() -> None:
    data = hand_made(b"\x00\x01\x00" + param(1, b"\x03dot\x09h2") + param(2, b"") + param(3, b"\x01\xbb"))
    result = strip_bypass(data)
    assert result is not None
    (record,) = parse_message(result).answers
    assert parse_service(result, record).params == ((3, b"\x01\xbb"),)


def test_an_alias_is_stripped_too() -> None:
    data = hand_made(b"\x00\x00\x03cdn\xc0\x10" + b"\x00\x05\x00\x02xx")
    result = strip_bypass(data)
    assert result is not None
    assert str(dns.message.from_wire(result).answer[0][0]) == "0 cdn.example.com."


@pytest.mark.parametrize(
    "message",
    [
        response(("www.example.com.", "HTTPS", BARE)),
        response(("www.example.com.", "HTTPS", "0 alias.example.com.")),
        response(("www.example.com.", "A", "192.0.2.1"), qtype="A"),
        response(),
    ],
)
def test_nothing_to_do(message: dns.message.Message) -> None:
    assert strip_bypass(message.to_wire()) is None


def test_a_type_number_that_only_looks_like_one_is_nothing_to_do() -> None:
    assert strip_bypass(response(("www.example.com.", "A", "192.0.0.65"), qtype="A").to_wire()) is None


def hand_made(rdata: bytes) -> bytes:
    """A response to www.example.com with one HTTPS record; offset 16 is example.com."""
    head = bytes.fromhex("12348180000100010000000003777777076578616d706c6503636f6d0000410001")
    return head + b"\xc0\x0c\x00\x41\x00\x01\x00\x00\x00\x3c" + len(rdata).to_bytes(2, "big") + rdata


def param(key: int, value: bytes) -> bytes:
    return key.to_bytes(2, "big") + len(value).to_bytes(2, "big") + value


def test_repeated_and_unordered_parameters_are_all_found() -> None:
    data = hand_made(
        b"\x00\x01\x00" + param(5, b"one") + param(3, b"\x01\xbb") + param(5, b"two") + param(0, b"\0\5")
    )
    result = strip_bypass(data)
    assert result is not None
    assert b"one" not in result
    assert b"two" not in result
    (record,) = parse_message(result).answers
    assert parse_service(result, record) == ServiceBinding(1, (), ((3, b"\x01\xbb"),))


@pytest.mark.parametrize(
    "rdata",
    [
        b"\x00",
        b"\x00\x01",
        b"\x00\x01\x00\x00",
        b"\x00\x01\x00\x00\x05\x00\x02x",
        b"\x00\x01\x03cdn",
        b"\x00\x01\x00" + param(0, b"\x05"),
    ],
)
def test_a_record_that_is_cut_is_refused(rdata: bytes) -> None:
    with pytest.raises(WireError):
        strip_bypass(hand_made(rdata) + b"more than the message")


def test_a_record_without_data_is_left_alone() -> None:
    assert strip_bypass(hand_made(b"")) is None


SERVICES = st.builds(
    ServiceBinding,
    st.integers(0, 65535),
    st.lists(st.binary(min_size=1, max_size=20), max_size=3).map(tuple),
    st.lists(st.tuples(st.integers(1, 9), st.binary(max_size=9)), max_size=5).map(tuple),
)
PROTOCOLS = st.lists(st.sampled_from([b"dot", b"doq", b"h2", b"h3"]), min_size=1, max_size=4)


@given(PROTOCOLS, st.booleans())
def test_of_protocols_the_others_are_left(protocols: list[bytes], no_default: bool) -> None:
    def listed(ids: list[bytes]) -> bytes:
        return b"".join(bytes([len(one)]) + one for one in ids)

    before = ((1, listed(protocols)), *([(2, b"")] if no_default else []), (3, b"\x01\xbb"))
    left = [one for one in protocols if one[:1] == b"h"]
    after = ((1, listed(left)), *before[1:]) if left else before[-1:]
    assert without_bypass(ServiceBinding(1, (), before)) == ServiceBinding(1, (), after)


@given(SERVICES)
def test_services_survive_the_wire(service: ServiceBinding) -> None:
    data = hand_made(service.to_wire())
    assert parse_service(data, parse_message(data).answers[0]) == service
    kept = without_bypass(service)
    others = [pair for pair in service.params if pair[0] not in (1, 2, 5, 7)]
    assert [pair for pair in kept.params if pair[0] not in (1, 2)] == others
    result = strip_bypass(data)
    if kept == service:
        assert result is None
    else:
        assert result is not None
        assert parse_service(result, parse_message(result).answers[0]) == kept


@given(st.binary(max_size=60))
def test_any_record_data_raises_only_wire_errors(rdata: bytes) -> None:
    try:
        strip_bypass(hand_made(rdata))
    except WireError:
        pass


REAL = response(("www.example.com.", "HTTPS", FULL), ("www.example.com.", "NS", "ns.example.com.")).to_wire()


def test_a_cut_response_is_refused_at_each_offset() -> None:
    for cut in range(REAL.index(b"\0\x41") + 2, len(REAL)):
        with pytest.raises(WireError):
            strip_bypass(REAL[:cut])


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=5))
def test_any_change_raises_only_wire_errors_and_leaves_no_way(changes: list[tuple[int, int]]) -> None:
    changed = bytearray(REAL)
    for place, value in changes:
        changed[place % len(changed)] = value
    try:
        result = strip_bypass(bytes(changed))
        if result is not None:
            assert strip_bypass(result) is None
    except WireError:
        pass
