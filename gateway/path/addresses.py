"""The addresses that DNS answers gave to each device, to each service that it queried, and for each name.

A name is used only at the addresses that an answer gave for it. An address in NAT64's prefix is treated as
the IPv4 address in it, in answers and in packets: a device with CLAT gets one and uses the other.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Container, Iterable, Iterator

from gateway.path.earlier_answers import EarlierAnswers
from gateway.path.nat64 import Nat64Prefixes
from gateway.policy.names.networks import unmapped
from gateway.policy.profile.rules import SERVICE
from gateway.wire.dns.message import HTTPS, SRV, SVCB, Message, name_text, read_labels
from gateway.wire.dns.svcb import address_hints, parse_service

MIN_LIFETIME = 300.0  # seconds; browsers and phones use an address for minutes after a short TTL
MAX_LIFETIME = 86400.0
RECENT = 1800.0  # seconds since the last query for a service in which nameless flows may belong to it
MAX_RECENT = 512  # services of a slot; about 700 exist, and a device queries a few dozen
MAX_SERVICE_ADDRESSES = 1024  # addresses of a slot's services
MAX_ADDRESSES = 8192  # 100 bytes each; a page queries about 50 names, a family a few thousand a day

NAME_LIFETIME = 3600.0  # seconds, the minimum: players and apps use an address for as long as a film
MAX_NAME_ADDRESSES = 8192  # names with an address, 130 bytes each; three children have 2,000 each a day
MAX_TARGETS = 256  # names of a slot with targets (SVCB); few sites have these
MAX_FOLLOWED = 4  # targets of a name, and names in a chain of targets (RFC 9460 §3.1 requires a limit)

ASKED = "asked:"  # before a service, as the label of a query for it in `EarlierAnswers`

AnswerObserver = Callable[[str, list[bytes], bool], None]
"""Called with a name, the packed addresses of its answer, and whether a trusted resolver gave them."""

SRV_HEAD = 6  # bytes of priority, weight and port before the target (RFC 2782)


class AddressBook:
    """Stores until they expire the addresses that DNS answers gave, by key.

    A key is a slot or a safe search name; in a `ServiceBook`, which has a book for each slot, a service.
    The size is limited. If it is full, the key with most addresses loses the one that an answer gave least
    recently: a device with many addresses evicts none of a device with fewer. A dict keeps the order of its
    insertions and takes half the memory of an OrderedDict. ``earlier``: the answers that the daemon saw
    before it was restarted, which count for slots too.
    """

    def __init__(self, limit: int = MAX_ADDRESSES, earlier: EarlierAnswers | None = None) -> None:
        self._limit = limit
        self._earlier = earlier or EarlierAnswers()
        self._books: dict[int | str, dict[bytes, float]] = {}
        self._size = 0

    def learn(self, key: int | str, addresses: list[bytes], ttl: float, now: float) -> None:
        """Store packed addresses under ``key`` for ``ttl`` seconds, within MIN_LIFETIME to MAX_LIFETIME.

        ``now``: seconds of a monotonic clock. An address that is valid for longer keeps its expiry. If the
        book is full, others are evicted.
        """
        if not addresses:
            return
        until = now + min(max(ttl, MIN_LIFETIME), MAX_LIFETIME)
        book = self._books.get(key)
        if book is None:
            book = self._books[key] = {}
        before = len(book)
        for address in map(unmapped, addresses):
            book[address] = max(until, book.pop(address, 0.0))
        self._size += len(book) - before
        while self._size > self._limit:
            largest = max(self._books.values(), key=len)
            del largest[next(iter(largest))]
            self._size -= 1

    def knows(self, key: int | str, address: bytes, now: float) -> bool:
        """Return True if ``address`` (packed) is stored under ``key`` and has not expired by ``now``.

        For a slot, answers that an earlier daemon saw count too.
        """
        book, address = self._books.get(key), unmapped(address)
        if book is not None and book.get(address, 0.0) > now:
            return True
        return isinstance(key, int) and self._earlier.gave(key, "", address, now)

    def valid(self, key: int | str, now: float) -> Iterator[tuple[bytes, float]]:
        """Yield the addresses of ``key`` that have not expired, and their expiry, the least recent first.

        The book may change while the caller iterates.
        """
        book = self._books.get(key, {})
        for address in list(book):
            until = book.get(address, 0.0)
            if until > now:
                yield address, until

    def kept(self) -> list[int | str]:
        """Return the keys that have addresses, expired ones included."""
        return list(self._books)

    def drop(self, key: int | str, addresses: Iterable[bytes]) -> None:
        """Remove packed addresses from those stored under ``key``, and from earlier answers to a slot."""
        book = self._books.get(key, {})
        for address in map(unmapped, addresses):
            self._size -= book.pop(address, None) is not None
            if isinstance(key, int):
                self._earlier.drop(key, "", address)

    def forget(self, key: int | str) -> None:
        self._size -= len(self._books.pop(key, ()))
        if isinstance(key, int):
            self._earlier.forget(key)

    def __len__(self) -> int:
        return self._size


class DeviceAddresses:
    """Supports ``address in …``: whether a valid DNS answer gave one slot this packed address."""

    __slots__ = ("_book", "_now", "_slot")

    def __init__(self, book: AddressBook, slot: int, now: Callable[[], float]) -> None:
        self._book = book
        self._slot = slot
        self._now = now

    def __contains__(self, address: object) -> bool:
        return isinstance(address, bytes) and self._book.knows(self._slot, address, self._now())


class ServiceBook:
    """Stores which services each slot queried recently, and the addresses that answers gave for their names.

    Queries count whether they were allowed or refused. ``services_of`` returns a host's services from the
    catalogue; ``clock`` returns monotonic seconds; ``earlier``: the answers that the daemon saw before it was
    restarted count too.
    """

    def __init__(
        self,
        services_of: Callable[[str], tuple[str, ...]],
        clock: Callable[[], float],
        earlier: EarlierAnswers | None = None,
    ) -> None:
        self.services_of = services_of
        self.clock = clock
        self._earlier = earlier or EarlierAnswers()
        self._asked: dict[int, OrderedDict[str, float]] = {}  # by slot, so that slots do not evict each other
        self._gave: dict[int, AddressBook] = {}  # by slot; the keys of each are services

    def record_query(self, slot: int, host: str) -> None:
        """Record that the slot queried ``host`` now, for each service that the host belongs to.

        ``slot``: the number of a filtered device. Only its latest MAX_RECENT services are stored.
        """
        for service in self.services_of(host):
            asked = self._asked.setdefault(slot, OrderedDict())
            asked[service] = self.clock()
            asked.move_to_end(service)
            if len(asked) > MAX_RECENT:
                asked.popitem(last=False)

    def learn(self, slot: int, host: str, addresses: list[bytes], ttl: float) -> None:
        """Store the ``addresses`` (packed) of a DNS answer for ``host`` under each service of the host.

        ``ttl``: seconds until they expire, but at least MIN_LIFETIME and at most MAX_LIFETIME.
        """
        for service in self.services_of(host):
            book = self._gave.setdefault(slot, AddressBook(MAX_SERVICE_ADDRESSES))
            book.learn(service, addresses, ttl, self.clock())

    def asked(self, slot: int, service: str) -> bool:
        """Return True if the slot queried a name of ``service`` within the last RECENT seconds.

        Queries that an earlier daemon saw count too.
        """
        asked, now = self._asked.get(slot), self.clock()
        at = None if asked is None else asked.get(service)
        if at is not None and now - at < RECENT:
            return True
        return self._earlier.gave(slot, ASKED + service, b"", now)

    def gave(self, slot: int, service: str, address: bytes) -> bool:
        """Return True if a DNS answer for a name of ``service`` gave the slot this packed ``address``.

        Only answers that have not expired count, also those that an earlier daemon saw.
        """
        book, now = self._gave.get(slot), self.clock()
        if book is not None and book.knows(service, address, now):
            return True
        return self._earlier.gave(slot, SERVICE + service, unmapped(address), now)

    def valid(self, slot: int, now: float) -> Iterator[tuple[str, bytes, float]]:
        """Yield the slot's valid entries: a label, a packed address and its expiry.

        The label is ASKED and the service for a query, whose address is empty, or SERVICE and the service for
        an address. The book may change while the caller iterates.
        """
        for service, at in list(self._asked.get(slot, {}).items()):
            if at + RECENT > now:
                yield ASKED + service, b"", at + RECENT
        book = self._gave.get(slot, AddressBook())
        for key in book.kept():
            for address, until in book.valid(key, now):
                yield f"{SERVICE}{key}", address, until

    def forget(self, slot: int) -> None:
        """Remove all data of a slot, which has a new owner."""
        self._asked.pop(slot, None)
        self._gave.pop(slot, None)
        self._earlier.forget(slot)


class DeviceServices:
    """Looks up, for one slot, which services it queried and which addresses answers gave for them.

    The data are in a ServiceBook.
    """

    def __init__(self, book: ServiceBook, slot: int) -> None:
        self._book = book
        self._slot = slot

    def asked(self, service: str) -> bool:
        return self._book.asked(self._slot, service)

    def gave(self, service: str, address: bytes) -> bool:
        return self._book.gave(self._slot, service, address)


def _key(host: str, address: bytes) -> bytes:
    """Return the key under which `NameBook` stores a host name with a packed address.

    It is one object, which takes 200 bytes less than a tuple of both.
    """
    return _prefix(address) + host.encode()


def _prefix(address: bytes) -> bytes:
    """Return the first bytes of the keys (`_key`) of all host names with this packed address."""
    return bytes((len(address),)) + address


def _split(key: bytes) -> tuple[str, bytes]:
    """Return the host name and the packed address of a key (`_key`)."""
    end = 1 + key[0]
    return key[end:].decode(), key[1:end]


class _Slot:
    """The DNS answers of one slot: the addresses of each name, and its SVCB and SRV targets.

    ``given``: until when an address is valid for a name, by `_key`. The time is negative if the address is
    not from the gateway's own resolver: a device's resolver is not trusted.
    """

    __slots__ = ("given", "targets")

    def __init__(self) -> None:
        self.given: dict[bytes, float] = {}  # the one given least recently is first
        self.targets: OrderedDict[str, tuple[str, ...]] = OrderedDict()

    def followed(self, host: str) -> Iterator[str]:
        """Yield the names of the host's SVCB and SRV targets, and of their targets: three steps at most."""
        names: tuple[str, ...] = (host,)
        for _ in range(MAX_FOLLOWED - 1):
            names = tuple(target for name in names for target in self.targets.get(name, ()))[:MAX_FOLLOWED]
            yield from names


class NameBook:
    """Stores which addresses DNS answers gave for which host name, for each watched slot, until they expire.

    The size is limited. If it is full, the slot with most entries loses the one given least recently.
    ``earlier``: the answers that the daemon saw before it was restarted count too, except in lists of names.
    """

    def __init__(self, limit: int = MAX_NAME_ADDRESSES, earlier: EarlierAnswers | None = None) -> None:
        self._limit = limit
        self._earlier = earlier or EarlierAnswers()
        self._slots: dict[int, _Slot] = {}
        self._size = 0

    def watch(self, slots: Iterable[int]) -> None:
        """Watch exactly these slots from now on: answers are stored only for them.

        Remove the data of others.
        """
        wanted = frozenset(slots)
        for slot in [known for known in self._slots if known not in wanted]:
            self._size -= len(self._slots.pop(slot).given)
        for slot in wanted:
            self._slots.setdefault(slot, _Slot())

    def forget(self, slot: int) -> None:
        """Remove all data of a slot, which has a new owner; the slot is still watched."""
        self._earlier.forget(slot)
        book = self._slots.get(slot)
        if book is not None:
            self._size -= len(book.given)
            self._slots[slot] = _Slot()

    def remove_hosts(self, slot: int, hosts: Container[str]) -> frozenset[bytes]:
        """Remove the slot's entries for ``hosts``, and the same entries of an earlier daemon.

        Return those of their packed addresses that no other name of the slot has.
        """
        book = self._slots.get(slot)
        gone = [] if book is None else [key for key in book.given if _split(key)[0] in hosts]
        if book is None or not gone:
            return frozenset()
        for key in gone:
            del book.given[key]
            self._earlier.drop(slot, *_split(key))
        self._size -= len(gone)
        return frozenset(_split(key)[1] for key in gone) - {_split(key)[1] for key in book.given}

    def watches(self, slot: int) -> bool:
        return slot in self._slots

    def learn(
        self, slot: int, host: str, addresses: Iterable[bytes], ttl: float, now: float, *, vouched: bool
    ) -> None:
        """Record that an answer gave ``addresses`` (packed) to ``host`` for ``ttl`` seconds from ``now`` on.

        They are stored for at least NAME_LIFETIME, at most MAX_LIFETIME. ``vouched``: the answer is from the
        gateway's own resolver. A valid address that was vouched for stays so after an answer of another
        resolver. Does nothing for a slot that is not watched.
        """
        book = self._slots.get(slot)
        if book is None:
            return
        given = book.given
        until = now + min(max(ttl, NAME_LIFETIME), MAX_LIFETIME)
        before = len(given)
        for address in addresses:
            key = _key(host, unmapped(address))
            held = given.pop(key, 0.0)  # inserted again below, as the newest
            is_valid = abs(held) > now
            latest = max(until, abs(held)) if is_valid else until
            given[key] = latest if vouched or (is_valid and held > 0) else -latest
        self._size += len(given) - before
        while self._size > self._limit:
            largest = max((slot.given for slot in self._slots.values()), key=len)
            del largest[next(iter(largest))]
            self._size -= 1

    def valid(self, slot: int, now: float) -> Iterator[tuple[str, bytes, float, bool]]:
        """Yield the slot's host names with an address that has not expired: host, address, expiry, vouched.

        ``vouched``: the gateway's own resolver gave the address for the name itself. Also yields names that
        have the address through a SVCB or SRV target. The least recent are first. The book may change while
        the caller iterates.
        """
        book = self._slots.get(slot)
        if book is None:
            return
        origins: dict[str, list[str]] = {}
        for origin in list(book.targets):
            for name in book.followed(origin):
                origins.setdefault(name, []).append(origin)
        for key in list(book.given):
            until = book.given.get(key, 0.0)
            if abs(until) > now:
                host, address = _split(key)
                yield host, address, abs(until), until > 0
                for origin in origins.get(host, ()):
                    yield origin, address, abs(until), False

    def add_targets(self, slot: int, host: str, targets: Iterable[str]) -> None:
        """Record that ``host`` is reached at the addresses of the names ``targets`` (RFC 9460 §3).

        Only the first MAX_FOLLOWED are used. Does nothing for a slot that is not watched.
        """
        book = self._slots.get(slot)
        others = tuple(target for target in dict.fromkeys(targets) if target != host)[:MAX_FOLLOWED]
        if book is None or not others:
            return
        book.targets[host] = others
        book.targets.move_to_end(host)
        if len(book.targets) > MAX_TARGETS:
            book.targets.popitem(last=False)

    def vouched(self, slot: int, host: str, address: bytes, now: float) -> bool:
        """Return whether the gateway's own resolver gave the packed ``address`` for ``host`` itself.

        Only answers that have not expired count, also those that an earlier daemon saw. False for a slot
        that is not watched.
        """
        book, address = self._slots.get(slot), unmapped(address)
        if book is None:
            return False
        if book.given.get(_key(host, address), 0.0) > now:
            return True
        return self._earlier.gave(slot, host, address, now, vouched=True)

    def gave(self, slot: int, host: str, address: bytes, now: float) -> bool:
        """Return whether a valid answer for ``host``, or for one of its targets, gave the packed ``address``.

        It may be of any resolver. False for a slot that is not watched.
        """
        book = self._slots.get(slot)
        if book is None:
            return False
        address, given = unmapped(address), book.given
        if abs(given.get(_key(host, address), 0.0)) > now:
            return True
        if host in book.targets and any(
            abs(given.get(_key(name, address), 0.0)) > now for name in book.followed(host)
        ):
            return True
        return self._earlier.gave(slot, host, address, now)

    def hosts(self, slot: int, address: bytes, now: float) -> list[str]:
        """Return the names for which the gateway's own resolver gave the packed ``address``, if not expired.

        Reads all entries of the slot: 1 ms at most.
        """
        book = self._slots.get(slot)
        if book is None:
            return []
        prefix, after = _prefix(unmapped(address)), max(now, 0.0)
        return [
            _split(key)[0] for key, until in book.given.items() if until > after and key.startswith(prefix)
        ]

    def hosts_of(self, slot: int, addresses: Container[bytes]) -> Iterator[tuple[str, bytes]]:
        """Yield the names for which the gateway's own resolver gave one of these packed addresses.

        The address is yielded with the name. Those that have expired are included: running flows do not end
        with their answer.
        """
        book = self._slots.get(slot)
        for key, until in () if book is None else book.given.items():
            if until > 0 and _split(key)[1] in addresses:
                yield _split(key)

    def __len__(self) -> int:
        return self._size


class AnsweredNames:
    """Looks up in a NameBook, for one slot, which addresses DNS answers gave for which host names."""

    def __init__(self, book: NameBook, slot: int, now: Callable[[], float]) -> None:
        self._book = book
        self._slot = slot
        self._now = now

    def gave(self, host: str, address: bytes) -> bool:
        return self._book.gave(self._slot, host, address, self._now())

    def vouched(self, host: str, address: bytes) -> bool:
        return self._book.vouched(self._slot, host, address, self._now())

    def hosts(self, address: bytes) -> list[str]:
        return self._book.hosts(self._slot, address, self._now())

    def for_running_flows(self) -> RunningNames:
        """Return a `RunningNames` of this slot, for flows that were allowed before.

        Addresses do not expire in it.
        """
        return RunningNames(self._book, self._slot)


class RunningNames:
    """Address checks for flows that were allowed before: `gave` and `vouched` always return True.

    `hosts` also returns names whose answers have expired.
    """

    def __init__(self, book: NameBook, slot: int) -> None:
        self._book = book
        self._slot = slot

    def gave(self, host: str, address: bytes) -> bool:  # noqa: ARG002
        return True

    vouched = gave

    def hosts(self, address: bytes) -> list[str]:
        return self._book.hosts(self._slot, address, float("-inf"))


def ignore_answer(name: str, addresses: list[bytes], vouched: bool) -> None:
    """Do nothing. This is the default function to call with DNS answers."""


class AnswerRecorder:
    """Records the addresses of DNS answers by slot, service and name, and reports them to ``on_answer``.

    ``nat64``: prefixes of translated addresses; the IPv4 address in one is recorded too.
    """

    def __init__(
        self,
        book: AddressBook,
        services: ServiceBook,
        names: NameBook,
        on_answer: AnswerObserver,
        nat64: Nat64Prefixes | None = None,
    ) -> None:
        self.book = book
        self.services = services
        self.names = names
        self.on_answer = on_answer
        self._nat64 = nat64 or Nat64Prefixes()

    def record(self, slot: int, response: bytes, message: Message, now: float, *, vouched: bool) -> None:
        """Record the addresses in a DNS answer, under its slot, its services and its name.

        ``message`` is the parsed ``response``, with the name that the device of ``slot`` queried, before
        parameters are removed from it. ``vouched`` means that it is from the gateway's own resolver. The
        name, and its SVCB and SRV targets, are recorded only for a watched slot; an invalid one of these
        records then raises WireError.
        """
        addresses, ttl = message.addresses(), ttl_of(message)
        plain = list(map(self._nat64.plain, addresses))
        if plain != addresses:
            addresses = [*plain, *addresses]
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
        """Record SVCB and SRV targets and address hints under ``host``, as clients use them for this name.

        For SVCB and HTTPS records see RFC 9460 §3. SRV (RFC 2782): XMPP sends the domain's name, not the
        server's, in its hello (RFC 7590). Raises WireError for an invalid record.
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
    """Return the lowest TTL in the message's answer section, in seconds; 0 if it is empty."""
    return min((record.ttl for record in message.answers), default=0)


def origin(asked: str) -> str:
    """Return the host name that a queried name is for, without leading labels that begin with ``_``.

    ``_8443._https.example.com`` is for ``example.com`` (RFC 9460 §2.3).
    """
    while asked.startswith("_") and "." in asked:
        asked = asked.partition(".")[2]
    return asked
