"""A desk whose devices are really on the wire: packets are read, judged and written down as by the daemon."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any, cast

import dns.message

from gateway.path.dns import DnsPath
from gateway.path.flows import FlowPath
from gateway.path.subject import Subject
from gateway.wire.flows.table import FlowTable
from gateway.wire.ip.build import tcp_segment
from gateway.wire.ip.packet import ACK, PSH
from tests.features.decisions import new_decision_log
from tests.features.desk import Desk
from tests.wire.flow_forge import ADDRESSES
from tests.wire.tls_forge import client_hello, record

RESOLVER = bytes((192, 168, 1, 1))
SECOND = timedelta(seconds=1)
ISN = 1000


class Watched:
    """``asks(mac, host)``: a DNS question, a ClientHello and a plain request, as a browser does."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.decision_log = new_decision_log(desk.store, desk.family, desk.clock.now, desk.rules, desk.bus)
        self.decision_log.recent, self.decision_log.cards = desk.recent, desk.cards
        cast("Any", desk).decision_log = self.decision_log
        self.flows = FlowPath(
            FlowTable(ech_names=lambda: desk.rules.ech_names),
            desk.live,
            sink=self.decision_log.decided,
            refused_page=self.decision_log.refused_page,
            guesses=desk.guesses,
            decisions=desk.live_decisions,
        )
        self.dns = DnsPath(
            pages=(RESOLVER, b""),
            sentence=self.decision_log.short,
            sink=self.decision_log.decided,
            book=desk.book,
            names=desk.names,
            guesses=desk.guesses,
            decisions=desk.live_decisions,
        )
        self._ports = count(20_000)

    def subject(self, mac: str) -> Subject:
        return self.desk.family.subjects[self.desk.family.slot_of(mac)]

    def asks(self, mac: str, host: str) -> None:
        question = dns.message.make_query(host, "A").to_wire()
        self.question(mac, question)
        self.stream(mac, record(client_hello(host)))
        self.stream(mac, f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode(), port=80)

    def question(self, mac: str, message: bytes, source: str = "192.168.1.20") -> None:
        client = (self.subject(mac).slot, socket.inet_aton(source), next(self._ports))
        self.dns.judge_query(
            message, self.subject(mac), client, RESOLVER, self.desk.loop.now(), self.desk.clock.now()
        )

    def stream(self, mac: str, payload: bytes, *, port: int = 443) -> None:
        """The first bytes of a connection of its own."""
        device, server = ADDRESSES[4]
        packet = tcp_segment(
            device, server, next(self._ports) % 60_000, port, seq=ISN, ack=500, flags=ACK | PSH,
            payload=payload,
        )  # fmt: skip
        desk = self.desk
        self.flows.packet(packet, self.subject(mac), from_lan=True, now=desk.loop.now(), at=desk.clock.now())

    def kept(self) -> dict[str, bytes]:
        """All files of the state directory, once everything was written."""
        self.desk.store.flush_devices()
        self.desk.store.flush(0.0, force=True)
        return {path.name: path.read_bytes() for path in _files(self.desk.folder / "state")}

    def said(self, records: list[logging.LogRecord]) -> str:
        """Events, figures and the daemon's own log."""
        lines = [one.getMessage() for one in records if one.name.startswith("gateway")]
        return repr((self.desk.events, self.decision_log.verdicts, lines)).casefold()


def _files(folder: Path) -> Iterator[Path]:
    return (one for one in sorted(folder.rglob("*")) if one.is_file())
