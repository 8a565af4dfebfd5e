"""Host names in rules: the normal form, matching on whole labels, and names that no rule may use.

``gateway.wire.names`` normalises names on the wire; this module normalises what people write. Both return the
same form: lower case, A-labels, no trailing dot.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Generic, NoReturn, TypeVar

T = TypeVar("T")

MAX_HOST = 253  # characters of a name in text form (RFC 1035 2.3.4)
_HOST = re.compile(r"(?:[a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}", re.ASCII)
_URL = re.compile(r"[a-z][a-z0-9+.-]*://([^/?#:@]+)", re.ASCII)
# Browsers read a name whose last label is a number as an IPv4 address (WHATWG URL, "ends in a number").
_NUMBER_LAST = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)", re.ASCII)

PublicSuffixCheck = Callable[[str], bool]


class HostError(ValueError):
    """A text that is no host name; ``problem`` and ``fix`` go into a PolicyError."""

    def __init__(self, problem: str, fix: str) -> None:
        super().__init__(f"{problem}; {fix}")
        self.problem = problem
        self.fix = fix


def _refuse(problem: str, fix: str) -> NoReturn:
    raise HostError(problem, fix) from None


def normalise(written: str) -> str:
    """Return the normal form of a written host name: any case, U-labels or a trailing dot are accepted.

    Raises:
        HostError: the text is anything else, such as an address, a URL or a wildcard.
    """
    name = written.strip().rstrip(".").lower()
    if match := _URL.match(name):
        _refuse("is a web address, not a name", f"write {match[1]}; its pages are included")
    if "/" in name:
        _refuse("has a '/' in it", "write the name alone; a path cannot be seen in encrypted traffic")
    if name.startswith(("*.", ".")):
        _refuse("has a wildcard", f"write {name.lstrip('*.') or 'the name'}; names under it are included")
    if not name.isascii():
        name = _a_labels(name)
    if len(name) > MAX_HOST:
        _refuse(f"has {len(name)} characters", f"a name has at most {MAX_HOST}")
    if ":" in name or _NUMBER_LAST.fullmatch(name):
        _refuse("is an address, not a name", "write a name such as example.com")
    if _HOST.fullmatch(name) is None:
        _refuse("is not a host name", "write a name such as example.com")
    return name


def _a_labels(name: str) -> str:
    import idna  # 2 MB of tables; needed only for names outside ASCII

    if len(name) > MAX_HOST:  # the encoder's time grows with the square of the length
        _refuse(f"has {len(name)} characters", f"a name has at most {MAX_HOST}")
    try:
        return idna.encode(name, uts46=True).decode("ascii")
    except idna.IDNAError:
        _refuse("is not a host name (IDNA 2008)", "check the spelling, or write its xn-- form")


def rule_host(written: str, is_public_suffix: PublicSuffixCheck) -> str:
    """Return the normal form of a name in a rule.

    Raises:
        HostError: as `normalise`, and for a public suffix. A rule for ``co.uk`` would apply to thousands of
            unrelated sites.
    """
    name = normalise(written)
    if is_public_suffix(name):
        fix = f"write a name under it, such as example.{name}"
        _refuse("is a public suffix, under which anybody may have a name", fix)
    return name


def suffixes(host: str) -> Iterator[str]:
    """Yield the suffixes of a name, longest first: ``a.b.c`` → ``a.b.c``, ``b.c``, ``c``."""
    while True:
        yield host
        _, dot, host = host.partition(".")
        if not dot:
            return


def is_under(host: str, parent: str) -> bool:
    """Return True if ``host`` is ``parent`` or a name under it, on whole labels."""
    return host == parent or host.endswith("." + parent)


def labels(host: str) -> int:
    return host.count(".") + 1


class Patterns(Generic[T]):
    """Names with one star within a label → values. The star matches any characters except a dot."""

    __slots__ = ("_below", "_entries")

    def __init__(self, rows: Iterable[tuple[str, T]] = ()) -> None:
        self._entries: dict[str, T] = {}
        self._below: dict[
            str, tuple[tuple[re.Pattern[str], str], ...]
        ] = {}  # by the labels after the one with the star
        for entry, value in rows:
            head, _, tail = entry.partition("*")
            below = tail.partition(".")[2]
            written = re.compile(f"{re.escape(head)}[^.]*{re.escape(tail)}", re.ASCII)
            self._entries.setdefault(entry, value)
            self._below[below] = (*self._below.get(below, ()), (written, entry))

    def find(self, host: str) -> tuple[str, T] | None:
        if self._below:
            for suffix in suffixes(host):
                for written, entry in self._below.get(suffix, ()):
                    if written.fullmatch(host):
                        return entry, self._entries[entry]
        return None

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[str]:
        yield from self._entries


class HostMap(Generic[T]):
    """Names → values; a name includes all names under it. One dict look-up per label."""

    __slots__ = ("_exact", "_patterns", "_suffixes")

    def __init__(
        self,
        suffixes: Mapping[str, T],
        exact: Mapping[str, T] | None = None,
        patterns: Iterable[tuple[str, T]] = (),
    ) -> None:
        self._suffixes = dict(suffixes)
        self._exact = dict(exact or {})
        self._patterns = Patterns(patterns)

    def find(self, host: str) -> tuple[str, T] | None:
        """Return the longest entry that matches ``host``, and its value; None if none does.

        An exact entry ranks highest, then one with a star.
        """
        exact = self._exact.get(host)
        if exact is not None:
            return host, exact
        if self._patterns and (starred := self._patterns.find(host)) is not None:
            return starred
        table = self._suffixes
        while True:
            value = table.get(host)
            if value is not None:
                return host, value
            at = host.find(".") + 1
            if not at:
                return None
            host = host[at:]

    def get(self, host: str) -> T | None:
        found = self.find(host)
        return None if found is None else found[1]

    def __contains__(self, host: str) -> bool:
        return self.find(host) is not None

    def __len__(self) -> int:
        return len(self._suffixes) + len(self._exact) + len(self._patterns)

    def __iter__(self) -> Iterator[str]:
        yield from self._suffixes
        yield from self._exact
        yield from self._patterns
