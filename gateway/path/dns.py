"""Judges DNS queries, answers refused ones, and edits answers to clients, over UDP and TCP."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from enum import Enum
from typing import NamedTuple

from gateway.core.errors import WireError
from gateway.path.addresses import (
    AddressBook,
    AnswerObserver,
    AnswerRecorder,
    NameBook,
    ServiceBook,
    ignore_answer,
    ttl_of,
)
from gateway.path.guess_limit import GuessLimit
from gateway.path.nat64 import Nat64Prefixes
from gateway.path.queried_resolvers import QueriedResolvers
from gateway.path.renamed_questions import Client, RenamedQuestion, RenamedQuestions, SafeAddresses, TrustsAll
from gateway.path.subject import LiveDecisions, Sink, Subject
from gateway.policy.judge.world import GATEWAY_NAME, bypass_signal
from gateway.policy.values import TEMPORARY_REASONS, Decision, Observation, Proto, Reason, Verdict
from gateway.wire.dns import message as dns
from gateway.wire.dns.answers import (
    EDE_BLOCKED,
    EDE_CENSORED,
    EDE_FILTERED,
    NULL_ADDRESSES,
    answer,
    answer_with_cname,
    fail,
    refuse,
    rename_question,
    restore_answer,
    truncated_head,
)
from gateway.wire.dns.message import MIN_UDP_SIZE, DnsQuestion, Head, Message, parse_message, read_head
from gateway.wire.dns.svcb import ALL, Unwanted, strip_bypass
from gateway.wire.flows.limits import Effort, Limits
from gateway.wire.ip.build import udp_replace, udp_reply
from gateway.wire.ip.packet import UDP, Packet, checksum_ok, parse_ip

PORT = 53
REFUSAL_TTL = 10  # seconds; a name that a parent allows works almost immediately
HEADS_KEPT = 256  # queries as sent, 300 bytes each; a page queries about 50 names
SAFE_TTL = 60  # seconds; the gateway's addresses are as old as its last query
# Of an unfiltered device. Others stay refused: a lenient resolver could treat them as queries.
UNJUDGED_OPCODES = frozenset({dns.STATUS, dns.NOTIFY, dns.UPDATE})
NO_EXPIRY = float("inf")  # seconds; for an address that a search engine publishes

# Bytes of queries and answers, per second and as a burst. A page without cached names needs about 20 kB, and
# a browser may reopen fifty pages at its start. A DNS tunnel then has 64 kbit/s, with any resolver and
# transport.
BULK = Limits(work_rate=8_000, work_burst=1_024_000)
ASKED_BULK = 64_000  # more bytes for answers: a query that was forwarded should get its answer
_new = tuple.__new__  # builds a NamedTuple in half the time

Explains = Callable[[str, Decision], bool]


class Style(Enum):
    """The form of the DNS answer for a refused name: "no such name", or the addresses 0.0.0.0 and ::."""

    NXDOMAIN = "nxdomain"
    NULL = "null"  # 0.0.0.0 and ::


class QueryResult(NamedTuple):
    """The result for a DNS query: exactly one of ``forward`` (a message to send on) and ``reply``."""

    forward: bytes | None
    reply: bytes | None


class PacketOutcome(NamedTuple):
    """The result for a UDP packet: forward it (unchanged or as ``packet``), or drop it and send a ``reply``.

    ``packet`` None: unchanged. ``reply`` None: send nothing. ``resolvers``: for the reply to a later query of
    a connection, the packed addresses that the device may have queried; empty if unknown.
    """

    accept: bool
    packet: bytes | None = None
    reply: bytes | None = None
    resolvers: tuple[bytes, ...] = ()


_ACCEPT = PacketOutcome(True)
_DROP = PacketOutcome(False)


def never_explained(_host: str, _decision: Decision) -> bool:
    return False


class DnsPath:
    """Judges DNS queries to any resolver, and edits answers: safe search names, no ``ech``, no ``dohpath``.

    ``pages`` are packed addresses of the gateway, the answer for the name of the pages. ``sentence`` returns
    a decision as text, for the Extended DNS Error. ``sink`` is called with each decision, except for a
    device over the limit of ``guesses``. ``explains`` returns whether a refused name of a filtered device is
    answered with the IPv4 address of the pages.
    ``safe`` has the addresses of safe search names. Queries for a search host to an untrusted resolver are
    answered with these, as far as they are known. ``about`` returns the gateway's health, the TXT answer for
    the pages' name. It contains nothing about persons. ``nat64`` has the prefixes of translated addresses in
    answers.
    """

    def __init__(
        self,
        *,
        pages: tuple[bytes, ...],
        sentence: Callable[[Observation, Decision], str],
        sink: Sink,
        book: AddressBook,
        style: Style = Style.NXDOMAIN,
        explains: Explains = never_explained,
        services: ServiceBook | None = None,
        safe: SafeAddresses | None = None,
        names: NameBook | None = None,
        on_answer: AnswerObserver = ignore_answer,
        guesses: GuessLimit | None = None,
        about: Callable[[], str] = lambda: "",
        nat64: Nat64Prefixes | None = None,
        decisions: LiveDecisions | None = None,
    ) -> None:
        self.pages = pages
        self._about = about
        self.style = style
        self._explains = explains
        # The answer has no IPv6 address: one more for browsers to try before they fall back to plain HTTP.
        self._explanation = tuple(address for address in pages if len(address) == 4)
        self._sentence = sentence
        self._sink = sink
        self._book = book
        self._services = services or ServiceBook(lambda _: (), lambda: 0.0)
        self._recorder = AnswerRecorder(
            book, self._services, NameBook() if names is None else names, on_answer, nat64
        )
        self._safe = safe or TrustsAll()
        self._renamed = RenamedQuestions()
        self._resolvers = QueriedResolvers()
        self._heads: dict[bytes, Head] = {}
        self._guesses = guesses or GuessLimit()
        self._allowance = DnsAllowance()
        self._decisions = decisions or LiveDecisions()
        self.malformed = 0
        self.postponed = 0  # queries and answers over a device's limits

    def question_packet(
        self, data: bytes, subject: Subject, now: float, at: datetime, *, first: bool
    ) -> PacketOutcome:
        """Judge a device's UDP packet to port 53; return whether to forward it, with the edit or the reply.

        A malformed packet is dropped and counted. ``now``: monotonic seconds; ``at``: the household's time.
        ``first``: the packet begins a connection, and its address is not translated yet.
        """
        try:
            packet = parse_ip(data)
            if packet.proto != UDP or packet.fragment or packet.more_fragments:
                return self._malformed()
            query = bytes(packet.payload)
            client = (subject.slot, packet.src, packet.sport)
            if first:
                self._resolvers.record(client, packet.dst)
            asked = self.judge_query(query, subject, client, packet.dst, now, at)
            if asked is None:
                return self._malformed()
            if asked.forward is query:  # a wrong checksum is forwarded too, and no resolver accepts it
                return _ACCEPT
            if not checksum_ok(data, packet):
                return self._malformed()
            if asked.reply is not None:
                resolvers = () if first else self._resolvers.of(client)
                return PacketOutcome(False, reply=udp_reply(packet, asked.reply), resolvers=resolvers)
            return PacketOutcome(True, packet=_replaced(data, packet, asked.forward))
        except WireError:
            return self._malformed()

    def _malformed(self) -> PacketOutcome:
        self.malformed += 1
        return _DROP

    def judge_query(
        self, query: bytes, subject: Subject, client: Client, resolver: bytes, now: float, at: datetime
    ) -> QueryResult | None:
        """Judge one DNS query to the packed address ``resolver``; return the message to forward or the reply.

        ``client``: slot, packed address and port of the sender; over its limits, the reply is SERVFAIL. A
        message that is no standard query gets NOTIMP; an unfiltered device's zone updates, notifications
        and status queries are forwarded. Returns None if the message is a response. Raises WireError for
        bytes that are no DNS message.
        """
        head = self._heads.get(query[2:]) or self._read_head(query)
        question = head.question
        if head.flags & (dns.QR | dns.OPCODE_MASK) or question is None:
            if head.is_response:
                return None
            # Updates of a zone, and messages between servers: they return no address of a name.
            if not subject.slot and head.opcode in UNJUDGED_OPCODES:
                return QueryResult(query, None)
            return QueryResult(None, fail(query, parse_message(query), rcode=dns.NOTIMP))
        seen = _new(Observation, (Proto.DNS, question.name, resolver, PORT, question.qtype, None, (), ()))
        decision = subject.decide(seen, at)
        if self._guesses.full and self._is_guessing(client, decision, now):
            return QueryResult(None, fail(query, parse_message(query), rcode=dns.SERVFAIL))
        self._sink(subject, seen, decision, at)
        if (watcher := self._decisions.watcher) is not None:
            watcher(client[1], seen, decision, at)
        if decision.reason is Reason.REFUSED_FOR_EVERYONE:
            self._guesses.refused(client[0], client[1], question.name, now)
        self._services.record_query(subject.slot, question.name)
        if decision.verdict is Verdict.ALLOW and decision.reason is not Reason.GATEWAY:
            device = client[1] if subject.shared else None
            if not self._allowance.allows_query(subject.slot, query, now, device):
                self.postponed += 1
                return QueryResult(None, fail(query, parse_message(query), rcode=dns.SERVFAIL))
            return _new(QueryResult, (query, None))
        message = parse_message(query)
        if decision.verdict is Verdict.ALLOW:
            # Browsers trust names in this zone, so the answer contains only what is public elsewhere.
            asks = question.qtype == dns.TXT and question.name == GATEWAY_NAME
            text = self._about() if asks else ""
            return QueryResult(None, answer(query, message, self.pages, ttl=REFUSAL_TTL, text=text))
        if decision.verdict is Verdict.REWRITE and decision.rewrite is not None:
            return self._rewrite(query, message, question, decision.rewrite, client, resolver, now)
        return QueryResult(None, self._refuse(query, message, subject, seen, decision))

    def _is_guessing(self, client: Client, decision: Decision, now: float) -> bool:
        """Return True if the client queried too many names on the lists for everyone (`GuessLimit`).

        False for help lines and the pages, which always get an answer.
        """
        if decision.reason is Reason.HELP or decision.reason is Reason.GATEWAY:
            return False
        return self._guesses.over(client[0], client[1], now)

    def _read_head(self, query: bytes) -> Head:
        """Return the parsed header and question of a DNS query. Raises WireError.

        Short ones are cached without the message id, since devices repeat queries.
        """
        head = read_head(query)
        if len(query) <= dns.MIN_UDP_SIZE:
            if len(self._heads) >= HEADS_KEPT:
                self._heads.clear()
            self._heads[query[2:]] = head
        return head

    def _refuse(
        self, query: bytes, message: Message, subject: Subject, seen: Observation, decision: Decision
    ) -> bytes:
        return refuse(
            query,
            message,
            addresses=self._addresses(subject, seen.host or "", decision),
            ede=error_code(decision),
            text=self._sentence(seen, decision) if message.edns else "",
            ttl=REFUSAL_TTL,
        )

    def _addresses(self, subject: Subject, host: str, decision: Decision) -> tuple[bytes, ...] | None:
        """Return the packed addresses that answer for a refused name; None: the name does not exist.

        They are the pages' address, or null addresses, by decision and style.
        """
        if subject.slot and self._explains(host, decision):
            return self._explanation
        # Browsers cache a positive answer for a minute or more, and a temporary block may end sooner.
        null = self.style is Style.NULL and decision.reason not in TEMPORARY_REASONS
        # Whatever list blocks it: an address for a signal name would turn on what its absence turns off.
        return NULL_ADDRESSES if null and bypass_signal(host) is None else None

    def _rewrite(
        self,
        query: bytes,
        message: Message,
        question: DnsQuestion,
        safe: str,
        client: Client,
        resolver: bytes,
        now: float,
    ) -> QueryResult:
        if safe.replace(".", "").isdigit():
            address = bytes(map(int, safe.split(".")))
            self._book.learn(question.name, [address], NO_EXPIRY, now)
            return QueryResult(None, answer(query, message, (address,), ttl=REFUSAL_TTL))
        if question.qtype not in (dns.A, dns.AAAA):
            # The safe name has no record of this type; an empty answer keeps the browser on A and AAAA.
            return QueryResult(None, answer_with_cname(query, message, safe, ()))
        if (known := self._safe.of(safe)) and not self._safe.trusts(resolver):
            return QueryResult(None, answer_with_cname(query, message, safe, known, ttl=SAFE_TTL))
        self._renamed.put(client, message.id, RenamedQuestion(question, safe, message.udp_limit, now))
        return QueryResult(rename_question(query, message, safe), None)

    def answer_packet(self, data: bytes, subject: Subject, now: float) -> PacketOutcome:
        """Edit a UDP packet from port 53 to a device; return whether to forward it, with the edit if any.

        A packet that is malformed, or over the device's limits, is dropped and counted.
        """
        try:
            packet = parse_ip(data)
            if packet.proto != UDP or packet.fragment or packet.more_fragments:
                return self._malformed()
            payload = bytes(packet.payload)
            if not self.allows_answer(subject, packet.dst, payload, now):
                return _DROP
            client, unwanted = (subject.slot, packet.dst, packet.dport), subject.unwanted
            edited = self.edit_answer(
                payload, client, now, over_udp=True, resolver=packet.src, unwanted=unwanted
            )
            return PacketOutcome(True, packet=_replaced(data, packet, edited))
        except WireError:
            return self._malformed()

    def allows_answer(self, subject: Subject, device: bytes, response: bytes, now: float) -> bool:
        """Return True if the limits of the slot, or of the device, allow a DNS answer to be forwarded now.

        Counts the answer against the limits, or as postponed. ``device``: the packed address that gets it.
        """
        taken = self._allowance.allows_answer(subject.slot, response, now, device if subject.shared else None)
        self.postponed += not taken
        return taken

    def edit_answer(
        self,
        response: bytes,
        client: Client,
        now: float,
        *,
        over_udp: bool,
        resolver: bytes | None = None,
        unwanted: Unwanted = ALL,
    ) -> bytes:
        """Return a DNS answer as the client gets it: under the name it queried, without bypass parameters.

        Returns ``response`` itself if nothing changes. The addresses in the answer are recorded. ``resolver``
        is the packed address that sent it. ``over_udp``: cut it to the size that the client accepts.
        ``unwanted``: the parameters to remove. Of an answer that is marked as truncated and ends inside a
        record, header and question remain. Raises WireError for an invalid message, SVCB or SRV record, and
        for an answer to another name than that under which the query was forwarded.
        """
        try:
            message = parse_message(response)
        except WireError:
            short = truncated_head(response)
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
        self._recorder.record(client[0], response, message, now, vouched=vouched)
        return strip_bypass(response, unwanted) or response

    def forget(self, slot: int) -> None:
        """Drop the pending queries and the used limits of a slot, whose device was removed."""
        self._renamed.forget(slot)
        self._resolvers.forget(slot)
        self._allowance.forget(slot)


def _replaced(data: bytes, packet: Packet, payload: bytes | None) -> bytes | None:
    """Return the UDP packet with ``payload``; None if that is None or the packet has it already.

    ``data`` is the packet's bytes, parsed as ``packet``.
    """
    if payload is None or payload == packet.payload:
        return None
    return udp_replace(data, packet, payload)


def error_code(decision: Decision) -> int:
    """Return the Extended DNS Error code of a refusal (RFC 8914).

    It is 15 for lists that apply to everyone, 16 for a state's register, 17 for all other rules. A law that a
    guardian turned on for a child is one of these.
    """
    if decision.reason is Reason.REFUSED_FOR_EVERYONE:
        return EDE_BLOCKED
    return EDE_CENSORED if decision.reason is Reason.REGISTER else EDE_FILTERED


class DnsAllowance:
    """Limits the DNS work and bytes of each slot, so that a DNS tunnel is too slow to be useful.

    Queries of slot 0, the unfiltered devices, are never limited. Callers check answers of other slots only.
    ``device``: the packed address of one of several devices in a slot, each of which has a share (`Effort`).
    """

    def __init__(self) -> None:
        self._effort = Effort(Limits())
        self._bulk = Effort(BULK)

    def allows_query(self, slot: int, query: bytes, now: float, device: bytes | None) -> bool:
        """Return whether a query may be forwarded now. If so, count its bytes against the limit.

        ``now``: seconds of a monotonic clock.
        """
        if not slot:
            return True
        if not self._bulk.allows(slot, now, device=device):
            return False
        self._bulk.spend(slot, len(query), now, device)
        return True

    def allows_answer(self, slot: int, answer: bytes, now: float, device: bytes | None) -> bool:
        """Return whether an answer may be read and forwarded now. If so, count its work and bytes.

        ``now``: seconds of a monotonic clock.
        """
        if not self._effort.allows(slot, now, device=device):
            return False
        if not self._bulk.allows(slot, now, ASKED_BULK, device):
            return False
        self._effort.spend(slot, _steps(answer), now, device)
        self._bulk.spend(slot, len(answer), now, device)
        return True

    def forget(self, slot: int) -> None:
        self._effort.forget(slot)
        self._bulk.forget(slot)


def _steps(answer: bytes) -> int:
    """Return the work of parsing a DNS answer, in steps (`Effort`): a fraction of its length.

    Ordinary answers have a few records; in large ones a name in each record may cost a hundred times as much.
    """
    return len(answer) >> (4 if len(answer) <= MIN_UDP_SIZE else 1)
