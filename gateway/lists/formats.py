"""The four formats in which lists of domains are published, line by line, in bounded memory.

``hosts``    0.0.0.0 name [name ...]     (hosts(5))
``domains``  name, or *.name
``adblock``  ||name^ and options that do not narrow it to pages; ``@@`` exceptions are passed over
``rpz``      name CNAME . (response policy zones, draft-vixie-dnsop-dns-rpz)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from gateway.errors import ListError, WireError
from gateway.wire.names import hostname

MAX_LINE = 4096  # bytes; a hosts line may name several hosts of 253 bytes, none has a hundred
MIN_LINES_TO_JUDGE = 20  # below that a share of odd lines says nothing
MAX_ODD_SHARE = 0.5  # more lines than this without a domain: the wrong format, or no list at all
SAMPLE = 5  # odd lines that are kept to show

_PAGE_STARTS = (b"<!doctype", b"<html", b"<?xml", b"<head", b"<body")
_UTF8_BOM = b"\xef\xbb\xbf"
_BOMS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}
_LOCAL_NAMES = frozenset(
    {"localhost", "localhost.localdomain", "local", "broadcasthost", "ip6-localhost", "ip6-loopback"}
    | {"ip6-localnet", "ip6-mcastprefix", "ip6-allnodes", "ip6-allrouters", "ip6-allhosts"}
)
_ADBLOCK_WHOLE = frozenset({"all", "document", "doc", "third-party", "3p", "important", "popup"})


class Format(StrEnum):
    HOSTS = "hosts"
    DOMAINS = "domains"
    ADBLOCK = "adblock"
    RPZ = "rpz"


@dataclass(slots=True)
class Tally:
    """What one reading of a source came to."""

    lines: int = 0  # that say something: no comments, no empty ones
    domains: int = 0
    odd: list[str] = field(default_factory=list)  # the first lines without a domain, with their numbers
    odd_lines: int = 0


def read_domains(source: str, chunks: Iterable[bytes], form: Format, tally: Tally) -> Iterator[str]:
    """The domains of a list, normalised (lower case, A-labels), in the list's order, duplicates included.

    ``source`` names the list in errors. Raises ListError with the line's number for what cannot be a list:
    a web page, UTF-16, NUL bytes, a line past MAX_LINE, or mostly lines of another format.
    """
    parse = _PARSERS[form]
    for number, line in _lines(source, chunks):
        names = parse(line)
        if names is None:
            continue
        tally.lines += 1
        found = False
        for name in names:
            domain = _normal(name)
            if domain is not None:
                found = True
                tally.domains += 1
                yield domain
        if not found:
            tally.odd_lines += 1
            if len(tally.odd) < SAMPLE:
                tally.odd.append(f"line {number}: {line[:60].decode('utf-8', 'replace')}")
    if not tally.domains:
        msg = f"{source}: no domain in {tally.lines} lines; is its format really {form}?"
        raise ListError(msg)
    if tally.lines >= MIN_LINES_TO_JUDGE and tally.odd_lines > tally.lines * MAX_ODD_SHARE:
        msg = (
            f"{source}: {tally.odd_lines} of {tally.lines} lines hold no domain ({tally.odd[0]}); "
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
        msg = f"{source}: line 1: a web page, not a list; the address may have moved or asks for a log-in"
        raise ListError(msg)


def _check_line(source: str, number: int, line: bytes) -> None:
    if len(line) > MAX_LINE:
        msg = f"{source}: line {number}: longer than {MAX_LINE} bytes, no list has such lines"
        raise ListError(msg)
    if b"\0" in line:
        msg = f"{source}: line {number}: a NUL byte; the file is binary, cut or UTF-16"
        raise ListError(msg)


def _normal(name: bytes) -> str | None:
    """A domain of at least two labels, or None."""
    try:
        text = hostname(name if name.isascii() else _a_labels(name))
    except WireError:
        return None
    return text if "." in text and text not in _LOCAL_NAMES else None


def _a_labels(name: bytes) -> bytes:
    """IDNA 2008 with the mapping of UTS 46; what it refuses stays as it is, and is then no host name."""
    import idna  # 2 MB of tables, which few lists need

    try:
        return idna.encode(name.decode("utf-8"), uts46=True)
    except (idna.IDNAError, UnicodeError):
        return name


def _hosts(line: bytes) -> list[bytes] | None:
    fields = line.split(b"#", 1)[0].split()
    if not fields or line[:1] == b"!":
        return None
    names = fields[1:]
    return None if names and all(name.decode("ascii", "replace") in _LOCAL_NAMES for name in names) else names


def _domains(line: bytes) -> list[bytes] | None:
    if not line or line[:1] in b"#!;[":
        return None
    return [line.split(b"#", 1)[0].strip().removeprefix(b"*.").removeprefix(b".")]


def _adblock(line: bytes) -> list[bytes] | None:
    if not line or line[:1] in b"!#[" or line.startswith(b"@@"):
        return None
    if not line.startswith(b"||"):
        return []
    pattern, _, options = line[2:].partition(b"$")
    if options and not set(options.decode("ascii", "replace").split(",")) <= _ADBLOCK_WHOLE:
        return []
    # Without the ^ it is a beginning of names, not a name.
    return [pattern[:-1].removeprefix(b"*.")] if pattern.endswith(b"^") else []


def _rpz(line: bytes) -> list[bytes] | None:
    fields = line.split(b";", 1)[0].split()
    if not fields or fields[0][:1] in b"$@" or b"SOA" in fields or b"NS" in fields:
        return None
    upper = [field.upper() for field in fields]
    if b"CNAME" not in upper:
        # The numbers of an SOA record over several lines, or another type.
        return None if not fields[0][:1].isalpha() else []
    target = fields[upper.index(b"CNAME") + 1 :]
    if target not in ([b"."], [b"*."]) or b".rpz-" in fields[0]:
        return []
    return [fields[0].removeprefix(b"*.")]


_PARSERS: dict[Format, Callable[[bytes], list[bytes] | None]] = {
    Format.HOSTS: _hosts,
    Format.DOMAINS: _domains,
    Format.ADBLOCK: _adblock,
    Format.RPZ: _rpz,
}
