"""Host names in rules and data files: the normal form, whole-label matching, names that no rule may use.

``gateway.wire.names`` normalises names on the wire; this module normalises what people write. Both return the
same form: lower case, A-labels, no trailing dot. An entry of a data file is one of:

``example.com``       the name with all names under it
``=www.example.com``  the name alone
``*.example.goog``    all names under a public suffix that belongs to one owner
``a*.b.example.com``  in services and device needs: the star matches any characters within its label
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Generic, NoReturn, TypeVar

from gateway.policy.yaml import fields
from gateway.policy.yaml.fields import Node, shown

T = TypeVar("T")

MAX_HOST = 253  # characters of a name in text form (RFC 1035 2.3.4)
_HOST = re.compile(r"(?:[a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}", re.ASCII)
_URL = re.compile(r"[a-z][a-z0-9+.-]*://([^/?#:@]+)", re.ASCII)
# Browsers read a name with a number as the last label as an IPv4 address (WHATWG URL, "ends in a number").
_NUMBER_LAST = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)", re.ASCII)

PublicSuffixCheck = Callable[[str], bool]

STAR = "qqstarqq"  # replaces a star while a pattern is read


class HostError(ValueError):
    """Raised for a text that is no host name; ``problem`` and ``fix`` go into a PolicyError."""

    def __init__(self, problem: str, fix: str) -> None:
        super().__init__(f"{problem}; {fix}")
        self.problem = problem
        self.fix = fix


def _refuse(problem: str, fix: str) -> NoReturn:
    raise HostError(problem, fix) from None


def is_host_name(name: str) -> bool:
    """Return True if ``name`` has the form of a host name: lower case, A-labels, no trailing dot.

    An IPv4 address has this form too.
    """
    return len(name) <= MAX_HOST and _HOST.fullmatch(name) is not None


def normalise(written: str) -> str:
    """Return the normal form of a host name that a person wrote: lower case, A-labels, no trailing dot.

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
    """Return the normal form of a host name for a rule, which applies to all names under it.

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
    """Return True if ``host`` is ``parent`` or a name under it; whole labels are compared."""
    return host == parent or host.endswith("." + parent)


def labels(host: str) -> int:
    return host.count(".") + 1


class Patterns(Generic[T]):
    """Maps host name patterns with one star to values. The star matches any characters within its label."""

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
        """Return one pattern that matches the host, and its value; None if none does."""
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
    """Maps host names to values; a name also has the value of the longest entry that it is under.

    There are also exact names and patterns with a star. It takes one dict look-up per label.
    """

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
        """Return the entry that matches ``host``, and its value; None if none does.

        An exact entry ranks highest, then one with a star, then the longest name that ``host`` is or is
        under.
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
        """Return the value of the entry that `find` returns for ``host``; None if none matches."""
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


def read_host(node: Node) -> str:
    """Return the host name in a YAML node, in normal form. Raises PolicyError if it is none."""
    word = fields.text(node)
    try:
        return normalise(word)
    except HostError as error:
        node.place.refuse(f"{shown(word)} {error.problem}", error.fix)


def read_rule_host(node: Node, is_public_suffix: PublicSuffixCheck) -> str:
    """Return the host name in a YAML node for a rule, which applies to all names under it.

    Raises PolicyError if it is no host name, or a public suffix.
    """
    word = fields.text(node)
    try:
        return rule_host(word, is_public_suffix)
    except HostError as error:
        node.place.refuse(f"{shown(word)} {error.problem}", error.fix)


def read_entry(node: Node, is_public_suffix: PublicSuffixCheck) -> str:
    """Return the entry in a YAML node in normal form: a name, or ``=name``.

    ``*.example.goog`` is returned without the star. A public suffix is valid only as ``=name`` or with the
    star. Raises PolicyError for other text.
    """
    word = fields.text(node)
    if word.startswith("*."):
        return _read_suffix(node, word[2:])
    if not word.startswith("="):
        return read_rule_host(node, is_public_suffix)
    try:
        return "=" + normalise(word[1:])
    except HostError as error:
        node.place.refuse(f"{shown(word)} {error.problem}", error.fix)


def _read_pattern(node: Node) -> str:
    """Return the name with one star within a label in a YAML node, in normal form.

    It matches names with the same number of labels. Raises PolicyError for other text.
    """
    word = fields.text(node)
    try:
        name = normalise(word.replace("*", STAR))
    except HostError as error:
        node.place.refuse(f"{shown(word)} {error.problem}", error.fix)
    head, _, tail = name.rpartition(STAR)
    if STAR in head or tail.count(".") < 2 or STAR in word:
        node.place.refuse(f"{shown(word)} has its star in a wrong place", "write one, above a name of a firm")
    return f"{head}*{tail}"


def _read_suffix(node: Node, word: str) -> str:
    try:
        name = normalise(word)
    except HostError as error:
        node.place.refuse(f"{shown(word)} {error.problem}", error.fix)
    return name


def read_entries(
    node: Node, is_public_suffix: PublicSuffixCheck, *, patterns: bool = False
) -> tuple[str, ...]:
    """Return the entries (names, ``=name``) of a YAML list in normal form.

    ``patterns``: allow stars within labels. Raises PolicyError for invalid entries and duplicates.
    """
    read: dict[str, None] = {}
    for item in fields.items(node):
        is_pattern = patterns and "*" in fields.text(item).removeprefix("*.")
        name = _read_pattern(item) if is_pattern else read_entry(item, is_public_suffix)
        if name in read:
            item.place.refuse(f"{shown(name)} is there twice", "keep it once")
        read[name] = None
    return tuple(read)


def host_map(rows: Iterable[tuple[str, T]]) -> HostMap[T]:
    """Return a HostMap from pairs of entry and value: names, exact ones (``=name``), and patterns.

    Of equal entries the first counts.
    """
    below: dict[str, T] = {}
    exact: dict[str, T] = {}
    starred: dict[str, T] = {}
    for row, value in rows:
        table = starred if "*" in row else exact if row.startswith("=") else below
        table.setdefault(row.removeprefix("="), value)
    return HostMap(below, exact, starred.items())


def site_of(host: str, is_public_suffix: PublicSuffixCheck) -> str:
    """Return ``host`` without a leading ``www.``; unchanged if the rest is a public suffix."""
    bare = host.removeprefix("www.")
    return host if is_public_suffix(bare) else bare
