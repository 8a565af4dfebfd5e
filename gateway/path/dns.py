"""DNS questions judged and answered in place, answers mended on the way back; the same over UDP and TCP."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from enum import Enum
from typing import NamedTuple

from gateway.core.errors import WireError
from gateway.path.addresses import AddressBook, ServiceBook
from gateway.path.dns_budget import Share
from gateway.path.learn_addresses import Heard, Lessons, ttl_of, untold
from gateway.path.name_addresses import NameBook
from gateway.path.probes import Probes
from gateway.path.safe_search import Safe, TrustsAll
from gateway.path.safe_search_questions import Client, Renamed, RenamedQuestions
from gateway.path.subject import Sink, Subject
from gateway.policy.judge.world import GATEWAY_NAME, signal_of
from gateway.policy.values import Decision, Observation, Proto, Reason, Verdict
from gateway.wire.dns import message as dns
from gateway.wire.dns.answers import (
    EDE_BLOCKED,
    EDE_CENSORED,
    EDE_FILTERED,
    answer,
    answer_with_cname,
    cut_short,
    fail,
    refuse,
    rename_question,
    restore_answer,
)
from gateway.wire.dns.message import Head, Message, Question, parse_message, read_head
from gateway.wire.dns.svcb import ALL, Unwanted, strip_ways
from gateway.wire.ip.build import udp_replace, udp_reply
from gateway.wire.ip.packet import UDP, Packet, checksum_ok, parse_ip

PORT = 53
REFUSAL_TTL = 10  # seconds; what a parent opens works at once
HEADS_KEPT = 256  # questions as they were sent, 300 bytes each; a page asks for some 50 names
SAFE_TTL = 60  # seconds; what the gateway knows is as old as its last question
FOR_EVER = float("inf")  # seconds; of an address that an engine publishes

# Refusals that end by themselves: never a positive answer, since browsers keep those for a minute and more.
TIMED = frozenset({Reason.QUARANTINED, Reason.PAUSED, Reason.BEDTIME, Reason.WINDOW, Reason.OUT_OF_TIME})


class Style(Enum):
    """How a refused name is answered."""

    NXDOMAIN = "nxdomain"
    NULL = "null"  # 0.0.0.0 and ::


class Asked(NamedTuple):
    """What becomes of a question: exactly one of ``forward`` (a message to send on) and ``reply``."""

    forward: bytes | None
    reply: bytes | None


class Outcome(NamedTuple):
    """A UDP packet goes on (as it is, or as ``packet``), or vanishes and ``reply`` is sent."""

    accept: bool
    packet: bytes | None = None
    reply: bytes | None = None


_new = tuple.__new__  # makes a NamedTuple in half the time
_ACCEPT = Outcome(True)
_DROP = Outcome(False)


class DnsPath:
    """Judges questions of any resolver's clients; mends answers: safe names, no ``ech``, no ``dohpath``.

    ``pages``: packed addresses of the gateway itself, the answer for the pages' name.
    ``sentence``: a decision in words, for the Extended DNS Error. ``safe``: a question for a search host to a
    resolver that is not trusted is answered in place, as far as the gateway knows the safe name's addresses.
    ``about``: how the gateway is, to who asks for TXT of the pages' name; of nobody in the home.
    """

    def __init__(
        self,
        *,
        pages: tuple[bytes, ...],
        sentence: Callable[[Observation, Decision], str],
        sink: Sink,
        book: AddressBook,
        style: Style = Style.NXDOMAIN,
        services: ServiceBook | None = None,
        safe: Safe | None = None,
        names: NameBook | None = None,
        heard: Heard = untold,
        probes: Probes | None = None,
        about: Callable[[], str] = lambda: "",
    ) -> None:
        self.pages = pages
        self._about = about
        self.style = style
        self._sentence = sentence
        self._sink = sink
        self._book = book
        self._services = services or ServiceBook(lambda _: (), lambda: 0.0)
        self._lessons = Lessons(book, self._services, NameBook() if names is None else names, heard)
        self._safe = safe or TrustsAll()
        self._renamed = RenamedQuestions()
        self._heads: dict[bytes, Head] = {}
        self._probes = probes or Probes()
        self._share = Share()
        self.malformed = 0
        self.postponed = 0  # questions and answers of a device that has too many, or too long ones

    def question_packet(self, data: bytes, subject: Subject, now: float, at: datetime) -> Outcome:
        """A packet of a device to port 53 over UDP."""
        try:
            packet = parse_ip(data)
            if packet.proto != UDP or packet.fragment or packet.more_fragments:
                return self._malformed()
            query = bytes(packet.payload)
            client = (subject.slot, packet.src, packet.sport)
            asked = self.ask(query, subject, client, packet.dst, now, at)
            if asked is None:
                return self._malformed()
            if asked.forward is query:  # what has a wrong checksum goes on with it, and no resolver takes it
                return _ACCEPT
            if not checksum_ok(data, packet):
                return self._malformed()
            if asked.reply is not None:
                return Outcome(False, reply=udp_reply(packet, asked.reply))
            return Outcome(True, packet=_replaced(data, packet, asked.forward))
        except WireError:
            return self._malformed()

    def _malformed(self) -> Outcome:
        self.malformed += 1
        return _DROP

    def ask(
        self, query: bytes, subject: Subject, client: Client, resolver: bytes, now: float, at: datetime
    ) -> Asked | None:
        """Judge one message to the packed address ``resolver``. None: it is no question at all.

        Raises WireError for bytes that are no DNS message.
        """
        head = self._heads.get(query[2:]) or self._read_head(query)
        question = head.question
        if head.flags & (dns.QR | dns.OPCODE_MASK) or question is None:
            if head.is_response:
                return None
            return Asked(None, fail(query, parse_message(query), rcode=dns.NOTIMP))
        seen = _new(Observation, (Proto.DNS, question.name, resolver, PORT, question.qtype, None, ()))
        decision = subject.decide(seen, at)
        if self._probes.full and self._is_probing(client, decision, now):
            return Asked(None, fail(query, parse_message(query), rcode=dns.SERVFAIL))
        self._sink(subject, seen, decision, at)
        if decision.reason is Reason.REFUSED_FOR_EVERYONE:
            self._probes.refused(client[0], client[1], question.name, now)
        self._services.ask(subject.slot, question.name)
        if decision.verdict is Verdict.ALLOW and decision.reason is not Reason.GATEWAY:
            if not self._share.asks(subject.slot, query, now):
                self.postponed += 1
                return Asked(None, fail(query, parse_message(query), rcode=dns.SERVFAIL))
            return _new(Asked, (query, None))
        message = parse_message(query)
        if decision.verdict is Verdict.ALLOW:
            # A name that browsers trust is its owner's: what it says is published elsewhere.
            asks = question.qtype == dns.TXT and question.name == GATEWAY_NAME
            text = self._about() if asks else ""
            return Asked(None, answer(query, message, self.pages, ttl=REFUSAL_TTL, text=text))
        if decision.verdict is Verdict.REWRITE and decision.rewrite is not None:
            return self._rewrite(query, message, question, decision.rewrite, client, resolver, now)
        return Asked(None, self._refuse(query, message, seen, decision))

    def _is_probing(self, client: Client, decision: Decision, now: float) -> bool:
        """Help and the pages answer all the same."""
        if decision.reason is Reason.HELP or decision.reason is Reason.GATEWAY:
            return False
        return self._probes.over(client[0], client[1], now)

    def _read_head(self, query: bytes) -> Head:
        """Kept without the id: devices ask the same questions again."""
        head = read_head(query)
        if len(query) <= dns.MIN_UDP_SIZE:
            if len(self._heads) >= HEADS_KEPT:
                self._heads.clear()
            self._heads[query[2:]] = head
        return head

    def _refuse(self, query: bytes, message: Message, seen: Observation, decision: Decision) -> bytes:
        null = self.style is Style.NULL and decision.reason not in TIMED
        # By whatever list: an address in place of a signal would turn on what its absence turns off.
        signal = signal_of(seen.host or "") is not None
        return refuse(
            query,
            message,
            answer="null" if null and not signal else "nxdomain",
            ede=error_code(decision),
            text=self._sentence(seen, decision) if message.edns else "",
            ttl=REFUSAL_TTL,
        )

    def _rewrite(
        self,
        query: bytes,
        message: Message,
        question: Question,
        safe: str,
        client: Client,
        resolver: bytes,
        now: float,
    ) -> Asked:
        if safe.replace(".", "").isdigit():
            address = bytes(map(int, safe.split(".")))
            self._book.learn(question.name, [address], FOR_EVER, now)
            return Asked(None, answer(query, message, (address,), ttl=REFUSAL_TTL))
        if question.qtype not in (dns.A, dns.AAAA):
            # The safe name has no record of this type; saying so keeps the browser on A and AAAA.
            return Asked(None, answer_with_cname(query, message, safe, ()))
        if (known := self._safe.of(safe)) and not self._safe.trusts(resolver):
            return Asked(None, answer_with_cname(query, message, safe, known, ttl=SAFE_TTL))
        self._renamed.put(client, message.id, Renamed(question, safe, message.udp_limit, now))
        return Asked(rename_question(query, message, safe), None)

    def answer_packet(self, data: bytes, subject: Subject, now: float) -> Outcome:
        """A packet from port 53 to a device."""
        try:
            packet = parse_ip(data)
            if packet.proto != UDP or packet.fragment or packet.more_fragments:
                return self._malformed()
            payload = bytes(packet.payload)
            if not self.takes(subject.slot, payload, now):
                return _DROP
            client, unwanted = (subject.slot, packet.dst, packet.dport), subject.unwanted
            mended = self.mend(payload, client, now, over_udp=True, resolver=packet.src, unwanted=unwanted)
            return Outcome(True, packet=_replaced(data, packet, mended))
        except WireError:
            return self._malformed()

    def takes(self, slot: int, response: bytes, now: float) -> bool:
        """Whether an answer to a filtered device may be read and handed on now."""
        taken = self._share.takes(slot, response, now)
        self.postponed += not taken
        return taken

    def mend(
        self,
        response: bytes,
        client: Client,
        now: float,
        *,
        over_udp: bool,
        resolver: bytes | None = None,
        unwanted: Unwanted = ALL,
    ) -> bytes:
        """The answer of ``resolver`` (packed address) as the client shall see it; ``response`` itself when
        nothing is to be changed. Raises WireError for bytes that are no answer.
        """
        try:
            message = parse_message(response)
        except WireError:
            short = cut_short(response)
            if short is None:
                raise
            response, message = short, parse_message(short)
        pending = self._renamed.take(client, message.id, now)
        if pending is not None and message.question is not None:
            limit = pending.limit if over_udp else None
            restored = restore_answer(response, pending.original, pending.safe_name, limit=limit)
            self._book.learn(pending.safe_name, message.addresses(), ttl_of(message), now)
            response, message = restored, parse_message(restored)
        vouched = resolver is not None and self._safe.trusts(resolver)
        self._lessons.answer(client[0], response, message, now, vouched=vouched)
        return strip_ways(response, unwanted) or response

    def forget(self, slot: int) -> None:
        """A device is gone: answers to its questions teach nobody any more."""
        self._renamed.forget(slot)
        self._share.forget(slot)


def _replaced(data: bytes, packet: Packet, payload: bytes | None) -> bytes | None:
    """The packet with another payload, or None when it is the same."""
    if payload is None or payload == packet.payload:
        return None
    return udp_replace(data, packet, payload)


def error_code(decision: Decision) -> int:
    """RFC 8914: 15 for what everyone is refused, 16 for what a law demands, 17 for what the family chose."""
    if decision.reason is Reason.REFUSED_FOR_EVERYONE:
        return EDE_BLOCKED
    return EDE_CENSORED if decision.owner.startswith("law:") else EDE_FILTERED
