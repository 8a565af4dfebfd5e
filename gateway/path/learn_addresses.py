"""Records the addresses in DNS answers: of a device, of the services that it uses, and of names."""

from __future__ import annotations

from collections.abc import Callable

from gateway.path.addresses import AddressBook, ServiceBook
from gateway.path.name_addresses import NameBook
from gateway.wire.dns.message import HTTPS, SRV, SVCB, Message, name_text, read_labels
from gateway.wire.dns.svcb import address_hints, parse_service

AnswerObserver = Callable[[str, list[bytes], bool], None]
"""A name, the packed addresses of its answer, and whether they are from the gateway's own resolver."""

SRV_HEAD = 6  # bytes of priority, weight and port before the target (RFC 2782)


def ignore_answer(name: str, addresses: list[bytes], vouched: bool) -> None:
    """Do nothing: the default observer of answers."""


class AnswerRecorder:
    """Records answers in three books, and passes them to ``on_answer``."""

    def __init__(
        self, book: AddressBook, services: ServiceBook, names: NameBook, on_answer: AnswerObserver
    ) -> None:
        self.book = book
        self.services = services
        self.names = names
        self.on_answer = on_answer

    def record(self, slot: int, response: bytes, message: Message, now: float, *, vouched: bool) -> None:
        """Record an answer; ``message`` is the parsed ``response`` as the device of ``slot`` gets it.

        ``vouched`` means that it is from the gateway's own resolver. Raises WireError for an invalid SVCB or
        SRV record.
        """
        addresses, ttl = message.addresses(), ttl_of(message)
        self.book.learn(slot, addresses, ttl, now)
        if message.question is None:
            return
        asked = message.question.name
        self.services.learn(slot, asked, addresses, ttl)
        self.on_answer(asked, addresses, vouched)
        if self.names.watches(slot):
            host = origin(asked)
            self.names.learn(slot, host, addresses, ttl, now, vouched=vouched)
            self._bindings(slot, host, response, message, now, vouched=vouched)

    def _bindings(
        self, slot: int, host: str, response: bytes, message: Message, now: float, *, vouched: bool
    ) -> None:
        """Record the targets and hints that clients use under the name of ``host`` (RFC 9460 §3), and the
        servers of its domain (SRV, RFC 2782: XMPP sends the domain's name in its hello, RFC 7590).
        """
        targets = []
        for record in message.answers:
            if record.rtype == SRV:
                targets.append(name_text(read_labels(response, record.offset + SRV_HEAD)[0]))
            elif record.rtype in (SVCB, HTTPS) and record.rdata:
                service = parse_service(response, record)
                if service.target:
                    targets.append(name_text(list(service.target)))
                self.names.learn(slot, host, address_hints(service), record.ttl, now, vouched=vouched)
        self.names.add_targets(slot, host, targets)


def ttl_of(message: Message) -> int:
    """Return the lowest TTL of the answers, in seconds; 0 if there are none."""
    return min((record.ttl for record in message.answers), default=0)


def origin(asked: str) -> str:
    """Return the host of a query: ``_8443._https.example.com`` is for ``example.com`` (RFC 9460 §2.3)."""
    while asked.startswith("_") and "." in asked:
        asked = asked.partition(".")[2]
    return asked
