"""Builds the DNS answers of the gateway: blocked names, own names, safe search.

``query`` is the message as received, ``message`` the same parsed. The question is returned with its case as
sent (0x20 mixing), and the answer has EDNS only if the query has it.
"""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct

from gateway.core.errors import WireError
from gateway.wire.dns.message import (
    AAAA,
    AD,
    ANY,
    CD,
    CNAME,
    HEADER_SIZE,
    IN,
    NOERROR,
    NXDOMAIN,
    OPCODE_MASK,
    OPT,
    QR,
    RA,
    RCODE_MASK,
    RD,
    REFUSED,
    SOA,
    TC,
    TXT,
    A,
    DnsQuestion,
    Encoder,
    Message,
    host_labels,
    name_text,
    parse_message,
    read_head,
    split_wire_name,
    wire_name,
)

EDE_BLOCKED, EDE_CENSORED, EDE_FILTERED = 15, 16, 17  # RFC 8914 §4.16 to §4.18

DEFAULT_TTL = 10  # seconds; short, since a blocked name may be allowed in a minute
MAX_EXTRA_TEXT = 160  # bytes of UTF-8; keeps any refusal below the 512 bytes that every client accepts
UDP_SIZE = 1232  # bytes announced in answers with EDNS (DNS flag day 2020)
_RENAMED_TTL = 60  # seconds; TTL of the CNAME if the response has no answer or authority record

NULL_ADDRESSES = (bytes(4), bytes(16))  # 0.0.0.0 and ::
_OWNER = b"\xc0\x0c"  # a pointer to the question's name
_ROOT = b"\0"
_SOA_TIMERS = Struct("!IIIII")
_HEADER = Struct("!HHHHHH")
_RECORD = Struct("!HHIH")
_OPT = Struct("!BHHBBHH")
_OPTION = Struct("!HHH")
_OPTION_EDE = 15
_DNSSEC_OK = 0x8000


def refuse(
    query: bytes,
    message: Message,
    *,
    addresses: Sequence[bytes] | None = None,
    ede: int | None = EDE_BLOCKED,
    text: str = "",
    ttl: int = DEFAULT_TTL,
    soa: bool = False,
) -> bytes:
    """Return a DNS response that refuses a blocked query.

    ``addresses``: packed; the answer has those of the queried type, and is empty for other types, so that the
    name has no IPv6 address or service record of its own. None: the answer is NXDOMAIN (no such name).
    ``soa`` adds the record that lets a resolver cache a negative answer for ``ttl`` seconds; without it most
    do not. ``ede`` and ``text`` are an Extended DNS Error (RFC 8914), sent only if the query has EDNS. A
    message without a question is answered with REFUSED.
    """
    question = message.question
    if question is None:
        return fail(query, message, ede=ede, text=text)
    answers = _address_records(message, addresses or (), ttl)
    authority: list[bytes] = []
    if soa and not answers:
        authority = [_record(SOA, ttl, _ROOT + _ROOT + _SOA_TIMERS.pack(1, ttl, ttl, ttl, ttl))]
    rcode = NXDOMAIN if addresses is None else NOERROR
    return _reply(query, message, rcode, answers, authority, _error_option(ede, text))


def fail(
    query: bytes, message: Message, *, rcode: int = REFUSED, ede: int | None = None, text: str = ""
) -> bytes:
    """Return a response with an error code and no records: REFUSED, SERVFAIL, NOTIMP or FORMERR.

    ``ede`` and ``text``: an Extended DNS Error (RFC 8914), sent only if the query has EDNS; None: without.
    """
    return _reply(query, message, rcode, option=_error_option(ede, text))


def answer(
    query: bytes, message: Message, addresses: Sequence[bytes], *, ttl: int = DEFAULT_TTL, text: str = ""
) -> bytes:
    """Return the response for one of the gateway's own names.

    It has those of the packed ``addresses`` that the question asks for, or ``text`` (at most 255 bytes, RFC
    1035 §3.3.14) for TXT. Other types, HTTPS and SVCB among them, get an empty answer. Raises WireError for a
    message without a question, ValueError if the question asks for a longer text.
    """
    question, said = _one_question(message), text.encode()
    if said and (question.qtype, question.qclass) == (TXT, IN):
        return _reply(query, message, NOERROR, [_record(TXT, ttl, bytes((len(said),)) + said)])
    return _reply(query, message, NOERROR, _address_records(message, addresses, ttl))


def answer_with_cname(
    query: bytes, message: Message, target: str, addresses: Sequence[bytes], *, ttl: int = DEFAULT_TTL
) -> bytes:
    """Return a response with a CNAME to ``target``, and those of ``addresses`` of the queried type.

    ``addresses``: the packed ones of ``target``. Raises WireError for a message without a question, or if
    ``target`` is no host name.
    """
    question = _one_question(message)
    cname = _record(CNAME, ttl, wire_name(host_labels(target)))
    target_offset = question.end + len(_OWNER) + _RECORD.size  # in the CNAME, the first record
    owner = (0xC000 | target_offset).to_bytes(2, "big")
    return _reply(query, message, NOERROR, [cname, *_address_records(message, addresses, ttl, owner)])


def rename_question(query: bytes, message: Message, new_name: str) -> bytes:
    """Return ``query`` with another name in its question; id, flags, type and other records are unchanged.

    Raises WireError for a message without a question or with invalid record data, or if ``new_name`` is no
    host name.
    """
    question = _one_question(message)
    labels = host_labels(new_name)
    if all(record.rtype == OPT for record in message.records):
        name_end = HEADER_SIZE + len(question.raw)  # OPT has no pointer that would have to change
        return query[:HEADER_SIZE] + wire_name(labels) + query[name_end : message.end]
    encoder = Encoder(message.id, message.flags, message.counts)
    encoder.question(labels, question.qtype, question.qclass)
    encoder.copy(query, message.records)
    return encoder.message()


def restore_answer(
    response: bytes, original: DnsQuestion, safe_name: str, *, limit: int | None = None
) -> bytes:
    """Return the DNS ``response`` for ``safe_name``, changed into one for the ``original`` question.

    The question has its original case, the first record is a CNAME from it to ``safe_name`` (not with an
    error code other than NXDOMAIN), and every other record stays. The CNAME has the lowest TTL of the
    answers, without these that of the authority section, else 60 seconds. AD is cleared: the validation no
    longer applies. ``limit`` is the largest payload in bytes that the client accepts (``Message.udp_limit``
    of its query); a longer answer is truncated, so that the client queries again over TCP. Raises WireError
    if ``response`` is invalid or answers another question, or if ``safe_name`` is no host name.
    """
    message = parse_message(response)
    asked = message.question
    safe_labels = host_labels(safe_name)
    expected = (name_text(safe_labels), original.qtype)
    if asked is None or not message.is_response or (asked.name, asked.qtype) != expected:
        msg = f"a response that does not answer for {safe_name}"
        raise WireError(msg)
    original_labels = split_wire_name(original.raw)
    flags = message.flags & ~AD
    questions, answers, authority, additional = message.counts
    named = message.flags & RCODE_MASK in (NOERROR, NXDOMAIN)  # an error gets no CNAME
    encoder = Encoder(message.id, flags, (questions, answers + named, authority, additional))
    encoder.question(original_labels, original.qtype, original.qclass)
    if named:
        ttls = [record.ttl for record in message.answers or message.authority]
        encoder.cname(original_labels, min(ttls, default=_RENAMED_TTL), safe_labels)
    encoder.copy(response, message.records)
    restored = encoder.message()
    if limit is None or len(restored) <= limit:
        return restored
    return _truncated(message, flags, original, original_labels)


def truncated_head(response: bytes) -> bytes | None:
    """Return a message of only the header and question of a truncated ``response`` (RFC 2181 §9).

    A truncated response may end inside a record. With this message the client queries again over
    TCP. Returns None for a message that is not truncated, is a query, or has no question. Raises
    WireError if header or question are incomplete, and for more than one question.
    """
    head = read_head(response)
    question = head.question
    if not head.is_response or not head.flags & TC or question is None:
        return None
    ident = int.from_bytes(response[:2], "big")
    return _HEADER.pack(ident, head.flags, 1, 0, 0, 0) + response[HEADER_SIZE : question.end]


def _truncated(message: Message, flags: int, original: DnsQuestion, labels: Sequence[bytes]) -> bytes:
    opts = [record for record in message.additional if record.rtype == OPT]
    encoder = Encoder(message.id, flags | TC, (1, 0, 0, len(opts)))
    encoder.question(labels, original.qtype, original.qclass)
    for record in opts:
        encoder.plain((), OPT, record.rclass, record.ttl, record.rdata)
    return encoder.message()


def _one_question(message: Message) -> DnsQuestion:
    question = message.question
    if question is None:
        msg = "DNS message without a question"
        raise WireError(msg)
    return question


def _address_records(
    message: Message, addresses: Sequence[bytes], ttl: int, owner: bytes = _OWNER
) -> list[bytes]:
    question = _one_question(message)
    if question.qclass != IN:
        return []
    types = {4: A, 16: AAAA}
    wanted = (A, AAAA) if question.qtype == ANY else (question.qtype,)
    return [
        _record(types[len(address)], ttl, address, owner)
        for address in addresses
        if types.get(len(address)) in wanted
    ]


def _record(rtype: int, ttl: int, rdata: bytes, owner: bytes = _OWNER) -> bytes:
    return owner + _RECORD.pack(rtype, IN, ttl, len(rdata)) + rdata


def _error_option(code: int | None, text: str) -> bytes:
    """Return the EDNS option of an Extended DNS Error (RFC 8914 §2); no bytes if ``code`` is None.

    The text is cut to MAX_EXTRA_TEXT bytes, between characters.
    """
    if code is None:
        return b""
    extra = text.encode("utf-8", "replace")[:MAX_EXTRA_TEXT].decode("utf-8", "ignore").encode("utf-8")
    return _OPTION.pack(_OPTION_EDE, 2 + len(extra), code) + extra


def _reply(
    query: bytes,
    message: Message,
    rcode: int,
    answers: Sequence[bytes] = (),
    authority: Sequence[bytes] = (),
    option: bytes = b"",
) -> bytes:
    """Build a DNS response with these records: it has the query's id, opcode, RD, CD and question.

    It has an OPT record, with the EDNS ``option``, only if the query has one.
    """
    flags = QR | RA | message.flags & (OPCODE_MASK | RD | CD) | rcode
    edns = message.edns
    counts = (len(message.questions), len(answers), len(authority), edns is not None)
    question = query[HEADER_SIZE : message.question.end] if message.question else b""
    opt = b""
    if edns is not None:
        dnssec_ok = _DNSSEC_OK if edns.dnssec_ok else 0
        opt = _OPT.pack(0, OPT, UDP_SIZE, 0, 0, dnssec_ok, len(option)) + option
    return b"".join((_HEADER.pack(message.id, flags, *counts), question, *answers, *authority, opt))
