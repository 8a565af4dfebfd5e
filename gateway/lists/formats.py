"""Parsers for the formats of published lists of domains and addresses, line by line, in bounded memory.

``hosts``    0.0.0.0 name [name ...]     (hosts(5)); any unspecified or loopback address
``domains``  name, *.name or .name
``adblock``  ||name^ alone or with options that still block whole sites, such as document; ``@@||name^``
             excludes the name and all names below it
``rpz``      name CNAME . (response policy zones, draft-vixie-dnsop-dns-rpz), *. or rpz-drop., or an
             unspecified or loopback address; rpz-passthru., or its own name, excludes the name

``addresses`` 192.0.2.7, 192.0.2.0/24 or 2001:db8::7, first or second on its line

An excluded name below a listed name stays blocked: the table has no exceptions.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from gateway.core.errors import ListError, WireError
from gateway.policy.names import networks as nets
from gateway.policy.names.hosts import suffixes
from gateway.wire.names import hostname

MAX_LINE = 4096  # bytes; a hosts line may name several hosts of 253 bytes, none has a hundred
MIN_LINES_TO_JUDGE = 20  # with fewer lines, the share of odd lines is not meaningful
MAX_ODD_SHARE = 0.5  # a larger share of lines without a domain: the wrong format, or not a list
MAX_ADDRESSES = 1_000_000  # one short line can be 256 of them: a list must not fill the disk
MAX_LEFT_OUT = 100_000  # names; the largest public list excludes a few thousand
FIELDS_READ = (
    2  # fields of a line with an address: some lists have a name or a fingerprint before the address
)
SAMPLE = 5  # odd lines that are stored for the report

_FIELDS = re.compile(rb"[^\s,;|]+")
_PAGE_STARTS = (b"<!doctype", b"<html", b"<?xml", b"<head", b"<body")
_UTF8_BOM = b"\xef\xbb\xbf"
_BOMS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}
_LOCAL_NAMES = frozenset(
    {"localhost", "localhost.localdomain", "local", "broadcasthost", "ip6-localhost", "ip6-loopback"}
    | {"ip6-localnet", "ip6-mcastprefix", "ip6-allnodes", "ip6-allrouters", "ip6-allhosts"}
)
_ADBLOCK_WHOLE = frozenset({"all", "document", "doc", "third-party", "3p", "important", "popup"})

_SINKS = frozenset(
    {b"0.0.0.0", b"0", b"::", b"::0", b"::1", b"0:0:0:0:0:0:0:0", b"0:0:0:0:0:0:0:1"}
    | {b"::ffff:0.0.0.0", b"::ffff:127.0.0.1"}
)
_RPZ_KINDS = frozenset({b"CNAME", b"A", b"AAAA"})
_RPZ_OTHERS = (b".rpz-ip", b".rpz-client-ip", b".rpz-nsip", b".rpz-nsdname")  # about addresses and servers
_RPZ_REFUSALS = frozenset({b".", b"*.", b"rpz-drop."})


class Format(StrEnum):
    """The format of a published list. The module's description explains each."""

    HOSTS = "hosts"
    DOMAINS = "domains"
    ADBLOCK = "adblock"
    RPZ = "rpz"
    ADDRESSES = "addresses"

    @property
    def holds(self) -> str:
        return "address" if self is Format.ADDRESSES else "domain"


@dataclass(slots=True)
class Tally:
    """Counts and examples that `read_domains` collects while it reads one list."""

    lines: int = 0  # without comments and empty lines
    domains: int = 0
    odd: list[str] = field(default_factory=list)  # the first lines without a domain, with their numbers
    odd_lines: int = 0
    left_out: set[str] = field(default_factory=set)  # the first MAX_LEFT_OUT names that the list excludes

    def leave_out(self, name: bytes) -> None:
        domain = _normal(name)
        if domain is not None and len(self.left_out) < MAX_LEFT_OUT:
            self.left_out.add(domain)

    def leaves_out(self, name: str) -> bool:
        """Return whether the list's own exceptions (as ``@@||name^``) cover ``name`` or a parent of it."""
        return bool(self.left_out) and any(suffix in self.left_out for suffix in suffixes(name))


def read_domains(source: str, chunks: Iterable[bytes], form: Format, tally: Tally) -> Iterator[str]:
    """Yield the domains of a list, normalised (lower case, A-labels), or its addresses as keys of the table.

    The order is that of the list, with duplicates. Names that the list itself excludes are yielded
    too: ``tally`` has them at the end. ``source`` names the list in errors.

    Raises ListError with the line number for data that is not a list: a web page, UTF-16, NUL
    bytes, a line longer than MAX_LINE, too many addresses; or, at the end and without a line number,
    if most lines are of another format or none has a domain.
    """
    parse = _PARSERS[form](tally)
    normal = _as_it_is if form is Format.ADDRESSES else _normal
    for number, line in _lines(source, chunks):
        names = parse(line)
        if names is None:
            continue
        tally.lines += 1
        found = False
        for name in names:
            domain = normal(name)
            if domain is not None:
                found = True
                tally.domains += 1
                yield domain
        if form is Format.ADDRESSES and tally.domains > MAX_ADDRESSES:
            msg = f"{source}: line {number}: more than {MAX_ADDRESSES} addresses; the list is too long"
            raise ListError(msg)
        if not found:
            tally.odd_lines += 1
            if len(tally.odd) < SAMPLE:
                tally.odd.append(f"line {number}: {line[:60].decode('utf-8', 'replace')}")
    if not tally.domains:
        msg = f"{source}: no {form.holds} in {tally.lines} lines; is its format really {form}?"
        raise ListError(msg)
    if tally.lines >= MIN_LINES_TO_JUDGE and tally.odd_lines > tally.lines * MAX_ODD_SHARE:
        msg = (
            f"{source}: {tally.odd_lines} of {tally.lines} lines have no {form.holds} ({tally.odd[0]}); "
            f"is its format really {form}?"
        )
        raise ListError(msg)


def _lines(source: str, chunks: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    rest = b""
    number = 0
    for chunk in chunks:
        if not number:
            _check_start(source, rest + chunk[:64])
        rest += chunk
        *whole, rest = rest.split(b"\n")
        for line in whole:
            number += 1
            _check_line(source, number, line)
            yield number, (line.removeprefix(_UTF8_BOM) if number == 1 else line).strip()
        if len(rest) > MAX_LINE:
            _check_line(source, number + 1, rest)
    if rest:
        _check_line(source, number + 1, rest)
        yield number + 1, rest.strip()


def _check_start(source: str, head: bytes) -> None:
    for bom, name in _BOMS.items():
        if head.startswith(bom):
            msg = f"{source}: line 1: {name} text; a list is ASCII or UTF-8"
            raise ListError(msg)
    if head.removeprefix(_UTF8_BOM).lstrip().lower().startswith(_PAGE_STARTS):
        msg = f"{source}: line 1: a web page, not a list; the address may have moved, or may need a log-in"
        raise ListError(msg)


def _check_line(source: str, number: int, line: bytes) -> None:
    if len(line) > MAX_LINE:
        msg = f"{source}: line {number}: longer than {MAX_LINE} bytes; this is not a list"
        raise ListError(msg)
    if b"\0" in line:
        msg = f"{source}: line {number}: a NUL byte; the file is binary, damaged or UTF-16"
        raise ListError(msg)


def _normal(name: bytes) -> str | None:
    """Return a host name in lower case and A-labels.

    None if it is invalid, a local name or a single label.
    """
    try:
        text = hostname(name if name.isascii() else _a_labels(name))
    except WireError:
        return None
    return text if "." in text and text not in _LOCAL_NAMES else None


def _as_it_is(entry: bytes) -> str:
    return entry.decode("ascii")


def _a_labels(name: bytes) -> bytes:
    """Return a UTF-8 host name as A-labels (``xn--``; IDNA 2008, UTS 46).

    One that IDNA rejects stays as it is.
    """
    import idna  # 2 MB of tables, needed by few lists

    try:
        return idna.encode(name.decode("utf-8"), uts46=True)
    except (idna.IDNAError, UnicodeError):
        return name


def _hosts(line: bytes) -> list[bytes] | None:
    fields = line.split(b"#", 1)[0].split()
    if not fields or line[:1] == b"!":
        return None
    names = fields[1:]
    if names and all(name.decode("ascii", "replace") in _LOCAL_NAMES for name in names):
        return None
    return names if _is_sink(fields[0]) else []


def _is_sink(address: bytes) -> bool:
    """Return whether an address stands for "blocked" in hosts files: an unspecified or loopback address."""
    return address in _SINKS or (address.startswith(b"127.") and address.replace(b".", b"").isdigit())


def _domains(line: bytes) -> list[bytes] | None:
    if not line or line[:1] in b"#!;[":
        return None
    return [line.split(b"#", 1)[0].strip().removeprefix(b"*.").removeprefix(b".")]


class _Adblock:
    def __init__(self, tally: Tally) -> None:
        self._tally = tally

    def __call__(self, line: bytes) -> list[bytes] | None:
        if not line or line[:1] in b"!#[":
            return None
        if line.startswith(b"@@"):
            for name in self._names(line[2:]):
                self._tally.leave_out(name)
            return None
        return self._names(line)

    @staticmethod
    def _names(rule: bytes) -> list[bytes]:
        """Return a list with the one domain that an Adblock rule blocks completely; empty for other rules."""
        if not rule.startswith(b"||"):
            return []
        pattern, _, options = rule[2:].partition(b"$")
        if options and not set(options.decode("ascii", "replace").split(",")) <= _ADBLOCK_WHOLE:
            return []
        pattern = pattern.removesuffix(b"|")
        # Without the ^ it is a prefix of names, not a name.
        return [pattern[:-1].removeprefix(b"*.")] if pattern.endswith(b"^") else []


class _Rpz:
    """Returns the blocked name of a line of a response policy zone (RPZ): a list; None for a line to ignore.

    It must be called with all lines in order: it follows $ORIGIN, and removes the zone's own name from
    the names. Names of ``rpz-passthru.``, and those that are their own CNAME, go to the tally as exceptions.
    """

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._origin = self._zone = b""

    def __call__(self, line: bytes) -> list[bytes] | None:
        fields = line.split(b";", 1)[0].split()
        upper = [field.upper() for field in fields]
        if not fields or self._is_about_the_zone(fields, upper):
            return None
        kind = next((at for at, field in enumerate(upper) if at and field in _RPZ_KINDS), None)
        if kind is None:
            # A line of a multi-line SOA record, or a record of another type.
            return None if not fields[0][:1].isalpha() else []
        name, target = self._trigger(fields[0]), b" ".join(fields[kind + 1 :]).lower()
        if name.endswith(_RPZ_OTHERS):
            return []
        if upper[kind] != b"CNAME":
            return [name] if _is_sink(target) else []
        if target == b"rpz-passthru." or target.rstrip(b".") == name:
            self._tally.leave_out(name)
            return None
        return [name] if target in _RPZ_REFUSALS else []

    def _is_about_the_zone(self, fields: list[bytes], upper: list[bytes]) -> bool:
        if upper[0] == b"$ORIGIN" and len(fields) > 1:
            self._origin = self._absolute(fields[1].lower())
            self._zone = self._zone or self._origin
        elif b"SOA" in upper[1:]:
            self._zone = self._origin if fields[0] == b"@" else self._absolute(fields[0].lower())
        return fields[0][:1] in b"$@" or b"SOA" in upper or b"NS" in upper

    def _absolute(self, name: bytes) -> bytes:
        """Return a DNS name completed by the zone's $ORIGIN if it is relative, without the final dot."""
        return name.rstrip(b".") if name.endswith(b".") or not self._origin else name + b"." + self._origin

    def _trigger(self, owner: bytes) -> bytes:
        name = self._absolute(owner.lower())
        return (name.removesuffix(b"." + self._zone) if self._zone else name).removeprefix(b"*.")


def parse_addresses(line: bytes) -> list[bytes] | None:
    """Return the IP addresses or prefixes in a line as keys, the form in which the table stores them.

    Only one of the line's first two fields is used. A prefix can give many keys. None for a comment
    or empty line. Empty for a line without a usable address: a prefix that is too wide, or an
    address of a private network, is not usable.
    """
    if not line or line[:1] in b"#!;":
        return None
    for word in _FIELDS.findall(line.split(b"#", 1)[0])[:FIELDS_READ]:
        try:
            return [entry.encode() for entry in nets.spread(nets.network(word.decode("ascii", "replace")))]
        except nets.NetError as error:
            if error.problem != nets.NO_ADDRESS:
                return []
    return []


_Parse = Callable[[bytes], list[bytes] | None]
_PARSERS: dict[Format, Callable[[Tally], _Parse]] = {
    Format.HOSTS: lambda _: _hosts,
    Format.DOMAINS: lambda _: _domains,
    Format.ADBLOCK: _Adblock,
    Format.RPZ: _Rpz,
    Format.ADDRESSES: lambda _: parse_addresses,
}
