"""A way for questions, with what a device asks and is answered."""

from __future__ import annotations

from datetime import UTC, datetime

import dns.message
import dns.rrset

from gateway.path.addresses import AddressBook, ServiceBook
from gateway.path.dns import DnsPath, Style
from gateway.path.renamed_questions import Client, SafeAddresses
from gateway.path.subject import Subject
from gateway.policy.values import Decision, Observation, Reason, Verdict
from tests.wire.flow_forge import udp_packet

AT = datetime(2026, 11, 24, 18, tzinfo=UTC)
RESOLVER = bytes([198, 18, 0, 53])
DEVICE = bytes([192, 168, 77, 10])
DEVICE6, RESOLVER6 = bytes(15) + b"\x0a", bytes(15) + b"\x35"
CLIENT: Client = (1, DEVICE, 40000)
PAGES = (bytes([192, 168, 77, 1]), bytes(15) + b"\x01")


def rule(seen: Observation, at: datetime) -> Decision:
    host = seen.host or ""
    if host.endswith("tiktok.com"):
        return Decision(Verdict.BLOCK, Reason.FAMILY_BLOCK, "block: service:tiktok", "family")
    if host == "late.example":
        return Decision(Verdict.BLOCK, Reason.BEDTIME, "bedtime", "family")
    if host in ("malware.example", "use-application-dns.net"):
        return Decision(Verdict.BLOCK, Reason.REFUSED_FOR_EVERYONE, "refused for everyone", "product")
    if host in ("register.example", "mask.icloud.com"):
        return Decision(Verdict.BLOCK, Reason.REGISTER, "law:kz", "law:kz:Mum")
    if host == "www.google.com":
        return Decision(
            Verdict.REWRITE, Reason.SAFE_SEARCH, "safe", "band:10-12", rewrite="forcesafesearch.google.com"
        )
    if host == "yandex.ru":
        return Decision(Verdict.REWRITE, Reason.SAFE_SEARCH, "safe", "band:10-12", rewrite="213.180.193.56")
    if host == "qalqan.home.arpa":
        return Decision(Verdict.ALLOW, Reason.GATEWAY, "gateway", "product")
    return Decision(Verdict.ALLOW, Reason.OPEN, "open", "product")


class Path:
    def __init__(
        self,
        style: Style = Style.NXDOMAIN,
        safe: SafeAddresses | None = None,
        explained: tuple[str, ...] = (),
    ) -> None:
        self.seen: list[tuple[str | None, Verdict]] = []
        self.book = AddressBook()
        self.services = ServiceBook(lambda host: (host,), lambda: 0.0)
        self.subject = Subject(1, "daughter", rule, lambda gates: 1)
        self.dns = DnsPath(
            pages=PAGES,
            sentence=lambda seen, decision: f"{seen.host} is closed.",
            sink=lambda subject, seen, decision, at: self.seen.append((seen.host, decision.verdict)),
            book=self.book,
            style=style,
            explains=lambda host, decision: host in explained and not decision.allowed,
            services=self.services,
            safe=safe,
            about=lambda: "Qalqan 0.1.0 on",
        )

    @staticmethod
    def answer(payload: bytes) -> bytes:
        """A packet of the resolver's."""
        return udp_packet(RESOLVER, DEVICE, 53, CLIENT[2], payload)

    def ask(
        self, query: dns.message.Message, now: float = 0.0
    ) -> tuple[bytes | None, dns.message.Message | None]:
        asked = self.dns.judge_query(query.to_wire(), self.subject, CLIENT, RESOLVER, now, AT)
        assert asked is not None
        return asked.forward, dns.message.from_wire(asked.reply) if asked.reply is not None else None


def upstream(query: bytes, *rows: str, edns: bool = True) -> bytes:
    """What a resolver says to ``query``."""
    asked = dns.message.from_wire(query)
    response = dns.message.make_response(asked)
    for row in rows:
        name, ttl, _, kind, value = row.split(" ", 4)
        response.answer.append(dns.rrset.from_text(name, int(ttl), "IN", kind, value))
    return response.to_wire()
