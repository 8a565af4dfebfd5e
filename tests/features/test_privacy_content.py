"""What is never kept of anybody: paths, queries, search terms, logins, cookies, other bytes (R-31). And of
whom nothing is kept at all: guests and adults (R-36).
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress

import dns.message
import dns.name
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.control.protocol import Role
from gateway.core.errors import GatewayError, WireError
from tests.features.conftest import Make
from tests.features.desk import MUMS, NOON, TABLET, Desk
from tests.features.surfaces import OF_A_CHILD
from tests.features.watched import Watched
from tests.wire.tls_forge import client_hello, extension, record

MARK = "m4rkofcontent"
STRANGER = "02:00:00:00:00:77"
HOST = "www.visited.test"  # whose name is kept: the child is of the highest level
REFUSED = "www.refused.test"
TEXT = st.text("abcXYZ019-._~%/?=&+ ", max_size=20).map(lambda text: text.replace(" ", "%20"))

CRLF = "\r\n"
UNKNOWN_EXTENSION, TICKET, UNKNOWN_OPTION = 0xFE77, 35, 65001


def _http(before: str, after: str, host: str) -> dict[str, bytes]:
    """Requests with the mark in everything but the host."""
    mark = f"{before}{MARK}{after}"
    login = f"{MARK}:{MARK}@"
    head = f"GET / HTTP/1.1{CRLF}Host: {host}{CRLF}"
    return {
        "path": f"GET /{mark} HTTP/1.1{CRLF}Host: {host}{CRLF}{CRLF}".encode(),
        "query": f"GET /?q={mark} HTTP/1.1{CRLF}Host: {host}{CRLF}{CRLF}".encode(),
        "whole address": f"GET http://{host}/{mark} HTTP/1.1{CRLF}Host: {host}{CRLF}{CRLF}".encode(),
        "login": f"GET http://{login}{host}/ HTTP/1.1{CRLF}Host: {host}{CRLF}{CRLF}".encode(),
        "login in Host": f"GET / HTTP/1.1{CRLF}Host: {login}{host}{CRLF}{CRLF}".encode(),
        "Referer": f"{head}Referer: http://{host}/{mark}{CRLF}{CRLF}".encode(),
        "cookie": f"{head}Cookie: a={mark}{CRLF}{CRLF}".encode(),
        "any header": f"{head}X-{MARK}: {mark}{CRLF}{CRLF}".encode(),
        "body": f"POST / HTTP/1.1{CRLF}Host: {host}{CRLF}Content-Length: 99{CRLF}{CRLF}{mark}".encode(),
        "method": f"{MARK.upper()} / HTTP/1.1{CRLF}Host: {host}{CRLF}{CRLF}".encode(),
        "broken": f"GET /{mark}{CRLF}Host {host}{CRLF}{CRLF}".encode(),
    }


def _hellos(junk: bytes, host: str) -> dict[str, bytes]:
    mark = (MARK.encode() + junk)[:200]
    return {
        "ticket": record(client_hello(host, before=extension(TICKET, mark))),
        "unknown extension": record(client_hello(host, after=extension(UNKNOWN_EXTENSION, mark))),
        "session": record(client_hello(host, session_id=(MARK.encode() + bytes(32))[:32])),
        "random": record(client_hello(host, random=(MARK.encode() + bytes(32))[:32])),
        "protocols": record(client_hello(host, protocols=(MARK, "h2"))),
        "early data": record(client_hello(host)) + b"\x17\x03\x03" + len(mark).to_bytes(2, "big") + mark,
    }


def _questions(junk: bytes, host: str) -> dict[str, bytes]:
    """The mark behind the name: as an option, as a record, and after the end."""
    plain = dns.message.make_query(host, "A", use_edns=0, options=[])
    mark = (MARK.encode() + junk)[:200]
    optional = dns.message.make_query(
        host,
        "A",
        use_edns=0,
        options=[dns.edns.GenericOption(dns.edns.OptionType.make(UNKNOWN_OPTION), mark)],
        payload=1232,
    )
    added = dns.message.make_query(host, "A")
    name = dns.name.from_text(f"{MARK}.other.test")
    added.find_rrset(added.additional, name, dns.rdataclass.IN, dns.rdatatype.TXT, create=True).add(
        dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.TXT, f'"{MARK}"')
    )
    return {
        "option": optional.to_wire(),
        "record": added.to_wire(),
        "after the end": plain.to_wire() + mark,
    }


@pytest.fixture
def watched(make: Make) -> Watched:
    """A child of whom the most is kept."""
    desk = make(
        NOON,
        daughter={"band": "6-9", "mode": "block-list", "allow": ["visited.test"], "block": ["refused.test"]},
    )
    return Watched(desk)


@settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(before=TEXT, after=TEXT, junk=st.binary(max_size=60), host=st.sampled_from([HOST, REFUSED]))
def test_no_content_is_stored_or_shown_anywhere(
    watched: Watched, before: str, after: str, junk: bytes, host: str
) -> None:
    records: list[logging.LogRecord] = []
    with Heard(records.append):
        for request in _http(before, after, host).values():
            watched.stream(TABLET, request, port=80)
        for hello in _hellos(junk, host).values():
            watched.stream(TABLET, hello)
        for question in _questions(junk, host).values():
            _asks(watched, question)
        everything = b"".join(watched.kept().values()).lower()
    assert host.encode() in everything, "the name is what is kept"
    assert MARK.encode() not in everything
    assert MARK not in watched.said(records)
    for verb, values in OF_A_CHILD.items():
        assert MARK not in repr(watched.desk.ask(verb, **values)).casefold(), verb
    assert MARK not in repr(watched.desk.ask("refusals", device=TABLET)).casefold()
    vitals = watched.desk.vitals
    supported = repr((vitals.samples(), vitals.log_lines(full=True))).casefold()
    assert MARK not in supported
    assert host not in supported


def _asks(watched: Watched, message: bytes) -> None:
    with suppress(WireError):
        watched.question(TABLET, message)


class Heard:
    """All that the gateway logs meanwhile, at the finest level."""

    def __init__(self, keep: Callable[[logging.LogRecord], object]) -> None:
        self._handler = logging.Handler(logging.DEBUG)
        self._handler.emit = keep  # type: ignore[method-assign,assignment]
        self._logger, self._before = logging.getLogger("gateway"), logging.NOTSET

    def __enter__(self) -> None:
        self._before = self._logger.level
        self._logger.addHandler(self._handler)
        self._logger.setLevel(logging.DEBUG)

    def __exit__(self, *_: object) -> None:
        self._logger.removeHandler(self._handler)
        self._logger.setLevel(self._before)


@pytest.mark.parametrize("who", ["guest", "adult"])
def test_nothing_is_stored_about_guests_and_adults(make: Make, who: str) -> None:
    desk = make(NOON, unknown_devices="guest")
    mac = STRANGER if who == "guest" else MUMS
    desk.store.devices.seen(mac, desk.clock.now(), "")
    desk.reassign()
    watched = Watched(desk)
    watched.kept()
    before = rows(desk)
    asked = 0
    for host in (f"{MARK}.pornhub.com", f"{MARK}.example.org", f"{MARK}.roblox.com", "www.tiktok.com"):
        if desk.family.slot_of(mac):
            watched.asks(mac, host)
            asked += 1
    assert asked or who == "adult", "an adult's device is not even judged"
    assert MARK.encode() not in b"".join(watched.kept().values()).lower()
    assert rows(desk) == before
    assert desk.events == []
    assert MARK not in repr([desk.ask(verb, **values) for verb, values in OF_A_CHILD.items()])
    assert {one["id"] for one in desk.ask("status")["profiles"]} == {"daughter", "son"}
    for verb, values in (("history", {"id": who}), ("ledger", {"who": who})):
        with pytest.raises(GatewayError):
            desk.ask(verb, Role.WEB, **values)


def rows(desk: Desk) -> dict[str, int]:
    """Of each table that has something of a person."""
    with closing(sqlite3.connect(desk.folder / "state" / "q.db")) as found:
        return {
            one: found.execute(f"SELECT count(*) FROM {one}").fetchone()[0]
            for one in ("decisions", "counts", "minutes", "uses", "way_cards", "requests")
        }
