"""Resolves names with the gateway's own resolver, because resolvers of devices are not trusted.

`PeriodicLookups` sends the queries. `HelpAddresses`, `SafeSearchCache` and `OwnAnswers` store the addresses
of help lines, of safe search, and of names that devices use.

Queries are asynchronous, over UDP. A device on the LAN can try to forge answers. Therefore each query has its
own socket and id, open only for a few seconds, and a name in random case, which the answer has to repeat.
"""

from __future__ import annotations

import logging
import secrets
import socket
import struct
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from gateway.core.bus import Bus
from gateway.core.errors import WireError
from gateway.core.loop import NO_DESCRIPTOR, Loop, Timer
from gateway.household.members import Member
from gateway.path.addresses import AddressBook, NameBook
from gateway.path.subject import Sink, Subject
from gateway.policy.names.hosts import HostMap
from gateway.policy.profile.rules import FAMILY, EntryKind
from gateway.policy.values import Decision, Observation, Proto, Reason, Verdict
from gateway.wire.dns.message import AAAA, IN, RD, A, host_labels, parse_message, wire_name

PORT = 53
REFRESH = 600.0  # seconds
RETRY = 5.0  # seconds; at boot the internet connection starts after the daemon
MAX_NAMES = 512  # names of help lines of all countries, and safe names of all search engines
MAX_OPEN = 32  # pending queries per resolver, with a descriptor each; further ones wait
MAX_WAITING = 4 * MAX_NAMES  # waiting queries per resolver, 200 bytes each
PATIENCE = 3.0  # seconds for an answer
KEPT = 86400.0  # seconds for which an address is valid after its last answer

# Of help lines and safe search:
SETTLE = 0.3  # seconds; changes within this time are published together
MAX_SAFE = 16  # stored addresses per name, the latest; answers have one to eight
MAX_HELP = 1024  # names of help lines with addresses, 500 bytes each; about 200 are known, plus subdomains
MAX_OF_ONE = 64  # addresses per name of a help line; beyond that only the latest answer is stored
OWN_KEPT = 60.0  # seconds for which a test for an address of the gateway is cached
MAX_OWN = 256
HELP = "help"  # key in the address book

# Of names that devices use:
AGAIN = 5.0  # minimum seconds between two queries for one name and slot, and so between changes of answers
MAX_ASKED = 512  # stored recent queries, 200 bytes each
BURST = 64.0  # queries per slot at the same time; a phone that wakes up contacts about thirty names
RATE = 4.0  # queries per second and slot after a burst
MAX_TUNNELS = 64  # names per person that are resolved periodically; families list a few

_HEADER = struct.Struct("!HHHHHH")
_QUESTION = struct.Struct("!HH")
_MAX_ANSWER = 4096  # bytes
_CURABLE = frozenset({Reason.UNRESOLVED, Reason.ENCRYPTED_DNS})
_log = logging.getLogger(__name__)

Found = Callable[[str, list[bytes]], None]
"""Called with a name and the packed addresses of an answer, A or AAAA; an empty list if it has none."""

_Ask = tuple[str, int]  # name and type


@dataclass(frozen=True, slots=True)
class HelpAddressesChanged:
    """Event: the addresses of help lines changed."""


class _Server:
    """A resolver of the gateway, with its waiting and pending queries."""

    __slots__ = ("address", "open", "repeats", "waiting")

    def __init__(self, address: str) -> None:
        self.address = address
        self.waiting: OrderedDict[_Ask, None] = OrderedDict()
        self.open: dict[_Ask, _Sent] = {}
        # Whether answers repeat the case of the name, as those of all but a few old resolvers. It is never
        # reset: otherwise an attacker could disable the check.
        self.repeats = False


class _Sent:
    """A DNS query that was sent and is not answered yet."""

    __slots__ = ("ask", "ident", "raw", "server", "sock", "timer")

    def __init__(self, server: _Server, ask: _Ask, sock: socket.socket, ident: int, raw: bytes) -> None:
        self.server = server
        self.ask = ask
        self.sock = sock
        self.ident = ident
        self.raw = raw  # the name as sent
        self.timer: Timer | None = None


class PeriodicLookups:
    """Resolves A and AAAA records of names, once or periodically, and calls ``found`` with each answer.

    It keeps a spare descriptor: where the process has no free one, queries are sent one after the other.
    """

    def __init__(self, loop: Loop, servers: Iterable[str], found: Found) -> None:
        self._loop = loop
        self._servers = tuple(_Server(address) for address in servers)
        self._found = found
        self._names: dict[str, bool] = {}  # periodic name → answered since the last round
        self._retries = 0  # consecutive rounds in which an answer was missing
        self._timer: Timer | None = None
        self._spare = _spare_descriptor()

    def want(self, names: Iterable[str]) -> None:
        """Resolve these names now, and again every REFRESH seconds, in place of those of the previous call.

        Names beyond MAX_NAMES are ignored. A name of the previous call is not resolved again now. A name
        without any answer is queried again every RETRY seconds.
        """
        wanted = list(dict.fromkeys(names))[:MAX_NAMES]
        fresh = [name for name in wanted if name not in self._names]
        self._names = {name: self._names.get(name, False) for name in wanted}
        for name in fresh:
            self.ask(name)
        if fresh:
            self._next(RETRY)

    def _round(self) -> None:
        """Query names without any answer every RETRY seconds, and all names about every REFRESH seconds.

        The other names are refreshed in time even if one name is never answered.
        """
        waiting = [name for name, answered in self._names.items() if not answered]
        self._retries = self._retries + 1 if waiting else 0
        if self._retries * RETRY > REFRESH:
            waiting, self._retries = list(self._names), 0
        if not waiting or not self._retries:
            self._names = dict.fromkeys(self._names, False)
        for name in waiting:
            self.ask(name)
        self._next(RETRY if waiting else REFRESH)

    def _next(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(seconds, self._round)

    def ask(self, name: str) -> None:
        """Query the A and AAAA records of a name at all resolvers.

        Only names of `want` are queried again later. Queries beyond MAX_WAITING for a resolver are dropped.
        """
        for server in self._servers:
            for ask in ((name, A), (name, AAAA)):
                if ask not in server.open and len(server.waiting) < MAX_WAITING:
                    server.waiting[ask] = None
            self._send_waiting(server)

    def _send_waiting(self, server: _Server) -> None:
        while server.waiting and len(server.open) < MAX_OPEN:
            ask, _ = server.waiting.popitem(last=False)
            try:
                self._send(server, ask)
            except OSError as error:
                if error.errno in NO_DESCRIPTOR and server.open:
                    server.waiting[ask] = None
                    server.waiting.move_to_end(ask, last=False)  # the next one, when an open query ends
                    return
                _log.debug("Querying %s failed: %s.", server.address, error)

    def _socket(self, family: int) -> socket.socket:
        """Return a UDP socket; without a free descriptor, it gets the spare one. Raises OSError."""
        kind = socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
        try:
            return socket.socket(family, kind)
        except OSError as error:
            if error.errno not in NO_DESCRIPTOR or self._spare is None:
                raise
        self._spare.close()
        self._spare = None
        return socket.socket(family, kind)

    def _close(self, sock: socket.socket) -> None:
        sock.close()
        if self._spare is None:
            self._spare = _spare_descriptor()

    def _send(self, server: _Server, ask: _Ask) -> None:
        name, kind = ask
        ident, raw = secrets.randbits(16), wire_name([_in_random_case(label) for label in host_labels(name)])
        family = socket.AF_INET6 if ":" in server.address else socket.AF_INET
        sock = self._socket(family)
        try:
            _connect(sock, server.address)
            sock.send(_HEADER.pack(ident, RD, 1, 0, 0, 0) + raw + _QUESTION.pack(kind, IN))
        except OSError:
            self._close(sock)
            raise
        sent = server.open[ask] = _Sent(server, ask, sock, ident, raw)
        sent.timer = self._loop.call_later(PATIENCE, lambda: self._over(sent))
        self._loop.on_readable(sock, lambda: self._answered(sent))

    def _over(self, sent: _Sent) -> None:
        """Close an answered or expired query, and send waiting ones."""
        self._forget(sent)
        self._send_waiting(sent.server)

    def _forget(self, sent: _Sent) -> None:
        del sent.server.open[sent.ask]
        if sent.timer is not None:
            sent.timer.cancel()
        self._loop.forget(sent.sock)
        self._close(sent.sock)

    def _answered(self, sent: _Sent) -> None:
        try:
            data = sent.sock.recv(_MAX_ANSWER)
        except BlockingIOError:
            return
        except OSError as error:  # for example, no program listens on the port
            _log.debug("Querying %s failed: %s.", sent.server.address, error)
            self._over(sent)
            return
        addresses = _read(sent, data)
        if addresses is None:
            return  # a forged or foreign answer; the real one may follow
        name = sent.ask[0]
        self._over(sent)
        if name in self._names:
            self._names[name] = True
        self._found(name, addresses)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        for server in self._servers:
            for sent in tuple(server.open.values()):
                self._forget(sent)
        if self._spare is not None:
            self._spare.close()


def _spare_descriptor() -> socket.socket | None:
    """Return a socket that is not used, only closed when its descriptor is needed; None if none is free."""
    try:
        return socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
    except OSError:
        return None


def _connect(sock: socket.socket, server: str) -> None:
    """Connect a UDP socket to a resolver, from a random port; the kernel then drops packets of other senders.

    Raises OSError, also if the interface of a link-local address (``fe80::1%eth0``) does not exist.
    """
    address, _, scope = server.partition("%")
    number = int(scope) if scope.isdecimal() else 0
    if scope and not number:  # `if_nametoindex` would need one more descriptor
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, scope.encode())
    sock.connect((address, PORT, 0, number) if number else (address, PORT))


def resolvers(path: Path = Path("/etc/resolv.conf")) -> tuple[str, ...]:
    """Return the first three resolvers of resolv.conf(5), with scope; 127.0.0.1 if there are none."""
    try:
        lines = path.read_text("utf-8", "replace").splitlines()
    except OSError:
        lines = []
    fields = (line.split() for line in lines)
    found = [words[1] for words in fields if len(words) > 1 and words[0] == "nameserver"]
    return tuple(found[:3]) or ("127.0.0.1",)


class HelpAddresses:
    """Stores the IP addresses of help lines: a name in a ClientHello alone does not prove a help line.

    They come from trusted resolvers, and are valid for KEPT seconds after an answer. ``want`` sets the names
    to resolve periodically. Publishes `HelpAddressesChanged`: the kernel allows these addresses while no
    daemon runs.
    """

    def __init__(
        self,
        loop: Loop,
        book: AddressBook,
        servers: Iterable[str],
        bus: Bus,
        *,
        help_names: HostMap[str],
        calling_names: HostMap[str],
    ) -> None:
        self._loop = loop
        self._book = book
        self._bus = bus
        self._help_names, self._calling_names = help_names, calling_names
        self._calling: frozenset[bytes] = frozenset()
        self.by_name: dict[str, frozenset[bytes]] = {}  # packed addresses
        self.addresses: frozenset[bytes] = frozenset()
        self._settling: Timer | None = None
        self._checked = loop.now()  # when expired addresses were last removed
        self._lookups = PeriodicLookups(loop, servers, self._found)
        self.want = self._lookups.want

    def rename(self, help_names: HostMap[str], calling_names: HostMap[str]) -> None:
        """Replace the names of help lines and of Wi-Fi calling; forget the addresses of other names."""
        self._help_names, self._calling_names = help_names, calling_names
        self._store({name: known for name, known in self.by_name.items() if name in help_names})

    def knows(self, host: str, address: bytes) -> bool:  # noqa: ARG002  an address of any help line counts
        """Return whether a trusted DNS answer gave this packed address to any help line.

        ``host`` is not used.
        """
        return address in self.addresses and self._book.knows(HELP, address, self._loop.now())

    def is_name(self, name: str) -> bool:
        """Return whether a name belongs to a help line."""
        return name in self._help_names

    def calls(self, address: bytes) -> bool:
        """Return whether a packed address belongs to a carrier's gateway for Wi-Fi calling."""
        return address in self._calling and self._book.knows(HELP, address, self._loop.now())

    def heard(self, name: str, addresses: list[bytes], vouched: bool) -> None:
        """Learn addresses of a help line from a DNS answer to a device; ignore other names.

        Names of help lines have subdomains with addresses of their own; the gateways of one carrier
        have about a hundred. ``vouched``: a trusted resolver gave the answer. Other answers are
        only a reason to resolve the name with the gateway's resolver.
        """
        if name not in self._help_names or not addresses:
            return
        if not vouched:
            known = self.by_name.get(name, frozenset())
            if not all(address in known and self.knows(name, address) for address in addresses):
                self._lookups.ask(name)
        elif name in self.by_name or len(self.by_name) < MAX_HELP:
            self._found(name, addresses[:MAX_SAFE])

    def _found(self, name: str, addresses: list[bytes]) -> None:
        now, by_name = self._loop.now(), self.by_name
        if now - self._checked >= REFRESH:
            self._checked = now
            valid_by_name = {other: self._valid(other, now) for other in by_name}
            by_name = {other: valid for other, valid in valid_by_name.items() if valid}
        if addresses and (name in by_name or len(by_name) < MAX_HELP):
            valid = self._valid(name, now)
            if len(valid) >= MAX_OF_ONE:
                valid = frozenset()
            self._book.learn(HELP, addresses, KEPT, now)
            by_name = {**by_name, name: valid.union(addresses)}
        self._store(by_name)

    def _valid(self, name: str, now: float) -> frozenset[bytes]:
        """Return the addresses of a name that have not expired. An expired one may belong to another site."""
        known = self.by_name.get(name, frozenset())
        return frozenset(address for address in known if self._book.knows(HELP, address, now))

    def _store(self, by_name: dict[str, frozenset[bytes]]) -> None:
        if by_name == self.by_name:
            return
        self.by_name = by_name
        self.addresses = frozenset().union(*by_name.values())
        calling = (known for name, known in by_name.items() if name in self._calling_names)
        self._calling = frozenset().union(*calling)
        self._settle()

    def _settle(self) -> None:
        """Publish `HelpAddressesChanged` in SETTLE seconds, unless that is planned already.

        Answers arrive in bursts, and one update of the table is enough.
        """
        if self._settling is None:
            self._settling = self._loop.call_later(SETTLE, self._settled)

    def _settled(self) -> None:
        self._settling = None
        self._bus.publish(HelpAddressesChanged())

    def close(self) -> None:
        if self._settling is not None:
            self._settling.cancel()
        self._lookups.close()


class SafeSearchCache:
    """Stores the IP addresses of safe search names, from the gateway's own resolver.

    `DnsPath` answers queries with them (`of`), and the rules check connections (`knows`). ``want`` sets the
    names to resolve periodically.
    """

    def __init__(self, loop: Loop, book: AddressBook, servers: Iterable[str]) -> None:
        self._loop = loop
        self._book = book
        servers = tuple(servers)
        self._servers = frozenset(server.partition("%")[0] for server in servers)  # without scope
        self._by_name: dict[str, tuple[bytes, ...]] = {}
        self._own: dict[bytes, tuple[bool, float]] = {}
        self._lookups = PeriodicLookups(loop, servers, self._found)
        self.want = self._lookups.want

    def of(self, name: str) -> tuple[bytes, ...]:
        """Return at most MAX_SAFE packed addresses of a name, the latest first; () if none is known.

        They do not expire: without newer answers, devices get the last known ones.
        """
        return self._by_name.get(name, ())

    def knows(self, name: str, address: bytes) -> bool:
        """Return whether the gateway's resolver gave a packed address for ``name`` within KEPT seconds.

        ``name``: a name of safe search.
        """
        return self._book.knows(name, address, self._loop.now())

    def trusts(self, resolver: bytes) -> bool:
        """Return whether a resolver (packed address) is the gateway or one of its resolvers.

        Link-local IPv6 addresses count as the gateway. The result is cached for OWN_KEPT seconds.
        """
        now = self._loop.now()
        known = self._own.get(resolver)
        if known is None or known[1] < now:
            if len(self._own) >= MAX_OWN:
                self._own.clear()
            known = self._own[resolver] = (self._is_own(resolver), now + OWN_KEPT)
        return known[0]

    def _is_own(self, resolver: bytes) -> bool:
        family = socket.AF_INET if len(resolver) == 4 else socket.AF_INET6
        text = socket.inet_ntop(family, resolver)
        return text in self._servers or resolver[:2] == b"\xfe\x80" or _is_local(family, text)

    def _found(self, name: str, addresses: list[bytes]) -> None:
        self._book.learn(name, addresses, KEPT, self._loop.now())
        known = [known for known in self._by_name.get(name, ()) if known not in addresses]
        self._by_name[name] = (*addresses, *known)[:MAX_SAFE]

    def close(self) -> None:
        self._lookups.close()


class RecordsDecisions(Protocol):
    """The log of filter decisions, with the methods that `OwnAnswers` calls."""

    def counted(self, subject: Subject, seen: Observation, decision: Decision, at: datetime) -> object:
        """Count a decision without a notification."""
        ...

    def decided(self, subject: Subject, seen: Observation, decision: Decision, at: datetime) -> None: ...


class OwnAnswers:
    """Resolves the names that devices use with addresses from their own caches.

    Where the rules require it, a connection passes only if a DNS answer links its name and address. After a
    start few answers are known, but devices cache theirs for a long time. Such a connection is blocked; the
    gateway resolves the name, and the next attempt passes. Names of allowed tunnels are resolved from the
    start, because a tunnel does not show its name.
    """

    def __init__(self, loop: Loop, servers: Iterable[str], book: AddressBook, names: NameBook) -> None:
        self._now = loop.now
        self._book = book
        self._names = names
        self._asked: OrderedDict[tuple[int, str], float] = OrderedDict()
        self._allowance: dict[
            int, tuple[float, float]
        ] = {}  # slot → remaining queries, and the time of that number
        self._kept: dict[str, frozenset[int]] = {}  # names of tunnels → slots
        self._lookups = PeriodicLookups(loop, servers, self._found)

    def sink(self, decision_log: RecordsDecisions) -> Sink:
        """Return a function that gives each decision to ``decision_log``.

        A block that the next attempt will pass (`cures`) is only counted there, without a
        notification.
        """

        def decided(subject: Subject, seen: Observation, decision: Decision, at: datetime) -> None:
            if self.cures(subject, seen, decision, at):
                decision_log.counted(subject, seen, decision, at)  # the next attempt passes
            else:
                decision_log.decided(subject, seen, decision, at)

        return decided

    def cures(self, subject: Subject, seen: Observation, decision: Decision, at: datetime) -> bool:
        """Resolve the name of a blocked connection, if only a DNS answer with its address was missing.

        Only names that the rules allow, at most once in AGAIN seconds for a name and slot, and within the
        slot's allowance (BURST, RATE). Return whether the next attempt will probably pass: only if the reason
        is UNRESOLVED, and only the first time, when the address is assumed to be from the device's cache.
        """
        if decision.reason not in _CURABLE or seen.proto is Proto.DNS or seen.host is None:
            return False
        slot, host, now = subject.slot, seen.host, self._now()
        before = self._asked.get((slot, host))
        if not self._names.watches(slot) or (before is not None and now - before < AGAIN):
            return False
        question = Observation(Proto.DNS, host, qtype=A)
        if subject.decide(question, at).verdict is not Verdict.ALLOW or not self._may_ask(slot, now):
            return False
        self._asked[slot, host] = now
        self._asked.move_to_end((slot, host))
        if len(self._asked) > MAX_ASKED:
            self._asked.popitem(last=False)
        self._lookups.ask(host)
        return before is None and decision.reason is Reason.UNRESOLVED

    def _may_ask(self, slot: int, now: float) -> bool:
        left, since = self._allowance.get(slot, (BURST, now))
        left = min(BURST, left + (now - since) * RATE)
        self._allowance[slot] = (max(left - 1.0, 0.0), now)
        return left >= 1.0

    def keep(self, members: Mapping[int, Member]) -> None:
        """Resolve periodically the names of tunnels, such as VPNs, that the family allows.

        These are the names in the family's own allow and homework entries, at most MAX_TUNNELS for
        a slot, of those ``members`` (by slot) that have rules about bypass methods.
        """
        kept: dict[str, set[int]] = {}
        for slot, member in members.items():
            rules = member.profile.rules
            own = [entry for entry in (*rules.allow, *rules.homework) if entry.owner == FAMILY]
            # The last entries are those of a managed device; they come first.
            names = [entry.value for entry in reversed(own) if entry.kind is EntryKind.NAME]
            for name in names[:MAX_TUNNELS] if rules.ways else ():
                kept.setdefault(name, set()).add(slot)
        self._kept = {name: frozenset(slots) for name, slots in kept.items()}
        self._lookups.want(self._kept)

    def teach(self, slot: int) -> None:
        """Resolve the names of a slot's allowed tunnels again, after its address book was cleared."""
        for name, slots in self._kept.items():
            if slot in slots:
                self._lookups.ask(name)

    def forget(self, slot: int) -> None:
        """Delete the record of a device's (slot's) recent queries, and reset its query allowance.

        Learned addresses stay.
        """
        for key in [asked for asked in self._asked if asked[0] == slot]:
            del self._asked[key]
        self._allowance.pop(slot, None)

    def _found(self, name: str, addresses: list[bytes]) -> None:
        now = self._now()
        asked = {slot for (slot, host), at in self._asked.items() if host == name and now - at < AGAIN}
        for slot in asked:
            self._book.learn(slot, addresses, 0.0, now)
            self._names.learn(slot, name, addresses, 0.0, now, vouched=True)
        for slot in self._kept.get(name, frozenset()) - asked:
            self._names.learn(slot, name, addresses, KEPT, now, vouched=True)

    def close(self) -> None:
        self._lookups.close()


def _read(sent: _Sent, data: bytes) -> list[bytes] | None:
    """Return the packed addresses of an answer; None if the message does not answer this query."""
    server, (name, kind) = sent.server, sent.ask
    try:
        message = parse_message(data)
    except WireError:
        return None
    question = message.question
    if not message.is_response or message.id != sent.ident or question is None:
        return None
    if (question.name, question.qtype, question.qclass) != (name, kind, IN):
        return None
    repeated = question.raw == sent.raw
    if server.repeats and not repeated:
        return None
    server.repeats = repeated
    return message.addresses()


def _in_random_case(label: bytes) -> bytes:
    """Return a label in random case (draft "Use of Bit 0x20 in DNS Labels").

    Resolvers ignore the case of names, and their answers repeat it.
    """
    bits = secrets.randbits(len(label))
    return b"".join(
        label[at : at + 1].upper() if bits >> at & 1 else label[at : at + 1] for at in range(len(label))
    )


def _is_local(family: socket.AddressFamily, address: str) -> bool:
    """Return whether the address is the gateway's own: other addresses cannot be bound."""
    try:
        with socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
            sock.bind((address, 0))
    except OSError:
        return False
    return True
