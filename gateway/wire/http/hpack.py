"""Decodes HPACK, the header compression of HTTP/2 (RFC 7541), of one direction of a connection."""

from __future__ import annotations

from collections import deque

from gateway.core.errors import WireError

DEFAULT_TABLE = 4096  # bytes of a dynamic table until the encoder changes it (RFC 9113 §6.5.2)
# Servers allow a client 4096 bytes; some allow more, but no known client uses them.
MAX_TABLE = 16 << 10
MAX_FIELDS = 512  # of one block; servers limit requests to 100 to 200
_ENTRY_BYTES = 32  # added to the size of each entry (RFC 7541 §4.1)
_MAX_INTEGER = 1 << 20  # an index, length or size is never larger
_FIELD_BYTES = 8  # bytes of a block for one step of work; a field or five letters take a microsecond

Field = tuple[bytes, bytes]
"""Name and value, as sent."""

# RFC 7541 appendix A, from index 1 on: a name, or name and value.
_STATIC_TEXT = """\
:authority
:method=GET
:method=POST
:path=/
:path=/index.html
:scheme=http
:scheme=https
:status=200
:status=204
:status=206
:status=304
:status=400
:status=404
:status=500
accept-charset
accept-encoding=gzip, deflate
accept-language
accept-ranges
accept
access-control-allow-origin
age
allow
authorization
cache-control
content-disposition
content-encoding
content-language
content-length
content-location
content-range
content-type
cookie
date
etag
expect
expires
from
host
if-match
if-modified-since
if-none-match
if-range
if-unmodified-since
last-modified
link
location
max-forwards
proxy-authenticate
proxy-authorization
range
referer
refresh
retry-after
server
set-cookie
strict-transport-security
transfer-encoding
user-agent
vary
via
www-authenticate
"""
_STATIC: tuple[Field, ...] = tuple(
    (name.encode(), value.encode())
    for name, _, value in (line.partition("=") for line in _STATIC_TEXT.splitlines())
)

# The length in bits of the code of each byte, and of the end of a string (RFC 7541 appendix B). The codes are
# canonical: they ascend by length, then by byte.
_CODE_LENGTHS = bytes.fromhex(
    "0d171c1c1c1c1c1c1c181e1c1c1e1c1c1c1c1c1c1c1c1e1c1c1c1c1c1c1c1c1c060a0a0c0d06080b0a0a080b08060606"
    "0505050606060606060607080f060c0a0d06070707070707070707070707070707070707070707070807080d130d0e06"
    "0f05060506050606060507070606060506070605050607070707070f0b0e0d1c14161414161616171617171717171817"
    "181816171817171717151617161717181615141616171715171616181516171715151615171617171416161617161617"
    "1a1a1413161716191a1a1a1b1b1a181913151a1b1b1a1b1815151a1a1c1b1b1b14181415161515171616191918181a17"
    "1a1b1a1a1b1b1b1b1b1c1b1b1b1b1b1a1e"
)
_END = 256
_SHORTEST = 5  # bits of a code
_BYTE = 8  # bits; most letters have a code of at most that length


def _build_codes() -> dict[int, int]:
    """Return the byte for each Huffman code of HPACK.

    A one in front of a code's bits keeps codes of different lengths apart.
    """
    codes: dict[int, int] = {}
    code = length = 0
    for size, byte in sorted((size, byte) for byte, size in enumerate(_CODE_LENGTHS)):
        code <<= size - length
        length = size
        codes[1 << size | code] = byte
        code += 1
    return codes


_CODES = _build_codes()
# For each eight bits that begin with a short code: its byte and length.
_SHORT: list[tuple[int, int] | None] = [
    next(
        (
            (_CODES[1 << size | bits >> _BYTE - size], size)
            for size in range(_SHORTEST, _BYTE + 1)
            if 1 << size | bits >> _BYTE - size in _CODES
        ),
        None,
    )
    for bits in range(1 << _BYTE)
]
_LENGTHS = sorted(set(_CODE_LENGTHS))
_INVALID = "Huffman string with an invalid code or padding"
_LONGEST = _LENGTHS[-1]  # bits of a code


class HpackDecoder:
    """Decodes HPACK header blocks of one direction of an HTTP/2 connection, in the order sent.

    The encoder announces each change of the table's size in the block. So this needs no SETTINGS of the other
    side: a server that allows less than MAX_TABLE ends a connection that uses more.
    """

    __slots__ = ("_limit", "_table", "size", "work")

    def __init__(self) -> None:
        self._table: deque[Field] = deque()  # newest first
        self._limit = DEFAULT_TABLE
        self.size = 0  # bytes of the dynamic table, as the RFC counts them
        self.work = 0  # steps so far (Effort)

    def decode(self, block: bytes) -> list[Field]:
        """Return the fields (name and value) of a whole header block.

        Raises WireError for an invalid block and at the limits. The table is then unusable.
        """
        self.work += 1 + len(block) // _FIELD_BYTES
        fields: list[Field] = []
        pos = 0
        while pos < len(block):
            first = block[pos]
            if first & 0xE0 == 0x20:  # a new size of the table (§6.3)
                size, pos = _integer(block, pos, 5)
                if fields or size > MAX_TABLE:
                    msg = f"HPACK table of {size} bytes after {len(fields)} fields"
                    raise WireError(msg)
                self._limit = size
                self._evict()
                continue
            if first & 0x80:  # an indexed field (§6.1)
                index, pos = _integer(block, pos, 7)
                field = self._entry(index)
            else:  # a literal: added to the table, not added, or never added (§6.2)
                index, pos = _integer(block, pos, 6 if first & 0x40 else 4)
                if index:
                    name = self._entry(index)[0]
                else:
                    name, pos = _string(block, pos)
                value, pos = _string(block, pos)
                field = name, value
                if first & 0x40:
                    self._add(field)
            fields.append(field)
            if len(fields) > MAX_FIELDS:
                msg = f"more than {MAX_FIELDS} fields in a header block"
                raise WireError(msg)
        return fields

    def _entry(self, index: int) -> Field:
        dynamic = index - len(_STATIC) - 1
        if index and dynamic < 0:
            return _STATIC[index - 1]
        if index == 0 or dynamic >= len(self._table):
            msg = f"HPACK index {index} of {len(self._table)} entries"
            raise WireError(msg)
        return self._table[dynamic]

    def _add(self, field: Field) -> None:
        """Add an entry to the dynamic table; evict old ones.

        One that is larger than the table empties it (§4.4).
        """
        self._table.appendleft(field)
        self.size += _size(field)
        self._evict()

    def _evict(self) -> None:
        while self.size > self._limit:
            self.size -= _size(self._table.pop())


def _size(field: Field) -> int:
    return len(field[0]) + len(field[1]) + _ENTRY_BYTES


def _integer(data: bytes, pos: int, bits: int) -> tuple[int, int]:
    """Return the HPACK integer with a prefix of ``bits`` bits at ``pos``, and the offset after it (§5.1).

    Raises WireError if it is cut or too large.
    """
    most = (1 << bits) - 1
    value = data[pos] & most
    pos += 1
    if value < most:
        return value, pos
    shift = 0
    while pos < len(data) and value <= _MAX_INTEGER and shift <= 28:
        value += (data[pos] & 0x7F) << shift
        shift += 7
        pos += 1
        if not data[pos - 1] & 0x80:
            return value, pos
    msg = "HPACK integer that is cut or too large"
    raise WireError(msg)


def _string(data: bytes, pos: int) -> tuple[bytes, int]:
    """Return the decoded HPACK string at ``pos``, and the offset after it (§5.2).

    Raises WireError if it is cut or invalid.
    """
    if pos >= len(data):
        msg = "HPACK block that ends before a string"
        raise WireError(msg)
    packed = data[pos] & 0x80
    size, pos = _integer(data, pos, 7)
    if size > len(data) - pos:
        msg = f"HPACK string of {size} bytes, {len(data) - pos} are left"
        raise WireError(msg)
    raw = data[pos : pos + size]
    return (decode_huffman(raw) if packed else raw), pos + size


def decode_huffman(data: bytes) -> bytes:
    """Return the bytes of a Huffman-coded HPACK string. Raises WireError for an invalid code or padding."""
    out = bytearray()
    window = held = 0  # bits read ahead, and their number
    for byte in data:
        window = window << 8 | byte
        held += 8
        while held >= _BYTE:
            short = _SHORT[window >> held - _BYTE]
            if short is None and held < _LONGEST:
                break
            symbol, size = _next_code(window, held) if short is None else short
            if symbol == _END:
                raise WireError(_INVALID)
            out.append(symbol)
            held -= size
            window &= (1 << held) - 1
    symbol, size = _next_code(window, held)
    while symbol != _END:
        out.append(symbol)
        held -= size
        window &= (1 << held) - 1
        symbol, size = _next_code(window, held)
    if held >= _BYTE or window != (1 << held) - 1:
        raise WireError(_INVALID)
    return bytes(out)


def _next_code(window: int, held: int) -> tuple[int, int]:
    """Return the byte of the code with which ``window`` begins, and the code's length in bits.

    ``window`` has ``held`` bits. Returns _END and 0 if they have no whole code.
    """
    for size in _LENGTHS:
        if size > held:
            break
        symbol = _CODES.get(1 << size | window >> held - size)
        if symbol is not None:
            return symbol, size
    return _END, 0
