"""A QR code of an address as SVG (ISO/IEC 18004): bytes, versions 1 to 15, error correction M. Pure.

Made here since the gateway prints a card with its own address, and a library would be loaded for that alone.
A code of a later version has more than 77 modules a side: a phone reads it off another one's screen no more.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import groupby, pairwise, product

from markupsafe import Markup

QUIET = 4  # modules around it
# Of correction M, by version from 1 on: code words of correction in each block, and blocks.
_CORRECTION = (10, 16, 26, 18, 24, 16, 18, 22, 22, 26, 30, 22, 22, 24, 24)
_BLOCKS = (1, 1, 1, 2, 2, 4, 4, 4, 5, 5, 5, 8, 9, 9, 10)
_LATEST = len(_BLOCKS)
_LONG_COUNT = 10  # from this version on the count of bytes has sixteen bits
_TOLD = 7  # from this version on a code says which it is
_LEVEL_M = 0b00
Matrix = list[list[int]]  # 1: dark
Put = Callable[[int, int, bool], None]

_EXP = [1] * 512
_LOG = [0] * 256
for _power in range(1, 255):
    _EXP[_power] = _EXP[_power - 1] << 1 ^ (0x11D if _EXP[_power - 1] & 0x80 else 0)
for _power in range(255, 512):
    _EXP[_power] = _EXP[_power - 255]
for _power in range(255):
    _LOG[_EXP[_power]] = _power


_LONG_RUNS = re.compile("0{5,}|1{5,}")
_LIKE_A_CORNER = re.compile("(?=10111010000|00001011101)")  # one may begin within another
KEPT = 4  # pictures, 20 kB each: the gateway's address is on several pages, and live ones draw it every time


@lru_cache(KEPT)
def svg(text: str, label: str) -> Markup:
    """``label``: what it is, for who cannot see it."""
    matrix = encode(text.encode())
    size = len(matrix) + 2 * QUIET
    dark = "".join(
        f"M{column + QUIET} {row + QUIET}h{width}v1h-{width}z"
        for row, cells in enumerate(matrix)
        for column, width in _runs(cells)
    )
    box = f'viewBox="0 0 {size} {size}" shape-rendering="crispEdges"'
    return Markup(
        '<svg class="qr" role="img" aria-label="{label}" {box}>'
        '<path class="qr-light" d="M0 0h{size}v{size}H0z"/><path class="qr-dark" d="{dark}"/></svg>'
    ).format(label=label, box=Markup(box), size=size, dark=dark)


def _runs(cells: list[int]) -> Iterator[tuple[int, int]]:
    """Of a row: where dark modules begin that stand beside each other, and how many they are."""
    column = 0
    for cell, found in groupby(cells):
        width = len(list(found))
        if cell:
            yield column, width
        column += width


def room(version: int) -> int:
    """Bytes that fit."""
    return _data_words(version) - (3 if version >= _LONG_COUNT else 2)


def encode(data: bytes) -> Matrix:
    """Raises ValueError for more than MOST bytes."""
    version = next((one for one in range(1, _LATEST + 1) if len(data) <= room(one)), 0)
    if not version:
        msg = f"{len(data)} bytes are too many for a code of this size"
        raise ValueError(msg)
    bits = "".join(f"{byte:08b}" for byte in _interleaved(_padded(data, version), version))
    masks = 8 if version < _TOLD else 4  # each is right; to weigh all of a large one takes 0.2 s
    return min((_masked(version, bits, mask) for mask in range(masks)), key=_penalty)


def _all_words(version: int) -> int:
    """Code words of a version, of data and of correction: the modules that no pattern takes, by eights."""
    modules = (16 * version + 128) * version + 64
    if version > 1:
        aligned = version // 7 + 2
        modules -= (25 * aligned - 10) * aligned - 55
    return (modules - (36 if version >= _TOLD else 0)) // 8


def _data_words(version: int) -> int:
    return _all_words(version) - _CORRECTION[version - 1] * _BLOCKS[version - 1]


MOST = room(_LATEST)


def _padded(data: bytes, version: int) -> bytes:
    words = _data_words(version)
    width = 16 if version >= _LONG_COUNT else 8
    bits = f"0100{len(data):0{width}b}" + "".join(f"{byte:08b}" for byte in data)
    bits = (bits + "0000")[: words * 8]
    bits += "0" * (-len(bits) % 8)
    found = bytes(int(bits[place : place + 8], 2) for place in range(0, len(bits), 8))
    rest = words - len(found)
    return found + bytes((0xEC, 0x11) * (rest // 2 + 1))[:rest]


def _interleaved(data: bytes, version: int) -> Iterator[int]:
    """The last blocks are a word longer where all of them cannot be as long."""
    blocks, correction = _BLOCKS[version - 1], _CORRECTION[version - 1]
    length, longer = divmod(len(data), blocks)
    ends = [length * (n + 1) + max(0, n + 1 - (blocks - longer)) for n in range(blocks)]
    parts = [data[start:end] for start, end in pairwise((0, *ends))]
    checks = [_remainder(part, correction) for part in parts]
    for group in (parts, checks):
        for place in range(max(map(len, group))):
            yield from (one[place] for one in group if place < len(one))


def _remainder(data: bytes, length: int) -> bytes:
    """Reed-Solomon over GF(256): what is left of ``data`` divided by the generator of ``length`` roots."""
    generator = [1]
    for power in range(length):
        generator = [
            _times(high, _EXP[power]) ^ low
            for high, low in zip([0, *generator], [*generator, 0], strict=True)
        ]
    rest = [0] * length
    for byte in data:
        factor = byte ^ rest[0]
        rest = [after ^ _times(one, factor) for after, one in zip([*rest[1:], 0], generator[1:], strict=True)]
    return bytes(rest)


def _times(one: int, other: int) -> int:
    return _EXP[_LOG[one] + _LOG[other]] if one and other else 0


def _masked(version: int, bits: str, mask: int) -> Matrix:
    matrix, fixed = _frame(version, mask)
    size = len(matrix)
    source = iter(bits)
    upward = True
    for right in (*range(size - 1, 6, -2), 5, 3, 1):
        for step in range(size):
            row = size - 1 - step if upward else step
            for column in (right, right - 1):
                if not fixed[row][column]:
                    bit = int(next(source, "0"))
                    matrix[row][column] = bit ^ _flips(mask, row, column)
        upward = not upward
    return matrix


def _flips(mask: int, row: int, column: int) -> bool:
    times = row * column
    return (
        (row + column) % 2,
        row % 2,
        column % 3,
        (row + column) % 3,
        (row // 2 + column // 3) % 2,
        times % 2 + times % 3,
        (times % 2 + times % 3) % 2,
        ((row + column) % 2 + times % 3) % 2,
    )[mask] == 0


def _frame(version: int, mask: int) -> tuple[Matrix, Matrix]:
    """The patterns that every code has, and which modules they take."""
    size = 17 + 4 * version
    matrix, fixed = ([[0] * size for _ in range(size)] for _ in range(2))

    def put(row: int, column: int, dark: bool) -> None:
        matrix[row][column], fixed[row][column] = int(dark), 1

    for top, left in ((0, 0), (0, size - 7), (size - 7, 0)):
        for row in range(max(0, top - 1), min(size, top + 8)):
            for column in range(max(0, left - 1), min(size, left + 8)):
                ring = max(abs(row - top - 3), abs(column - left - 3))
                put(row, column, ring in (0, 1, 3))
    for place in range(8, size - 8):
        put(6, place, place % 2 == 0)
        put(place, 6, place % 2 == 0)
    for middle in _middles(version, size):
        for row, column in product(range(-2, 3), repeat=2):
            put(middle[0] + row, middle[1] + column, max(abs(row), abs(column)) != 1)
    if version >= _TOLD:
        _put_version(put, size, version)
    _put_format(put, size, mask)
    return matrix, fixed


def _middles(version: int, size: int) -> list[tuple[int, int]]:
    """Of the small squares by which a large code is held straight; three corners have the large ones."""
    if version == 1:
        return []
    aligned = version // 7 + 2
    step = (version * 4 + aligned * 2 + 1) // (aligned * 2 - 2) * 2
    lines = [6, *(size - 7 - step * n for n in range(aligned - 1))]
    corners = {(6, 6), (6, size - 7), (size - 7, 6)}
    return [place for place in product(lines, lines) if place not in corners]


def _put_version(put: Put, size: int, version: int) -> None:
    """Twice, with twelve bits of correction."""
    rest = version
    for _ in range(12):
        rest = rest << 1 ^ (rest >> 11) * 0x1F25
    word = version << 12 | rest
    for place in range(18):
        dark, near, far = bool(word >> place & 1), place // 3, size - 11 + place % 3
        put(near, far, dark)
        put(far, near, dark)


def _put_format(put: Put, size: int, mask: int) -> None:
    """Which correction and which mask, twice."""
    data = _LEVEL_M << 3 | mask
    rest = data << 10
    for power in range(14, 9, -1):
        rest ^= (0x537 << (power - 10)) if rest >> power & 1 else 0
    word = (data << 10 | rest) ^ 0x5412
    beside = [
        *((8, column) for column in (0, 1, 2, 3, 4, 5, 7, 8)),
        *((row, 8) for row in (7, 5, 4, 3, 2, 1, 0)),
    ]
    apart = [*((size - 1 - row, 8) for row in range(7)), *((8, size - 8 + column) for column in range(8))]
    for place in range(15):
        dark = bool(word >> (14 - place) & 1)
        for row, column in (beside[place], apart[place]):
            put(row, column, dark)
    put(size - 8, 8, True)


def _penalty(matrix: Matrix) -> int:
    """How hard it is to read; the mask with the least is taken."""
    lines = [*matrix, *zip(*matrix, strict=True)]
    found = 0
    for line in lines:
        text = "".join(map(str, line))
        found += sum(len(run) - 2 for run in _LONG_RUNS.findall(text)) + 40 * len(
            _LIKE_A_CORNER.findall(text)
        )
    for above, below in pairwise(matrix):
        squares = zip(above, above[1:], below, below[1:], strict=False)  # a row's last one has no neighbour
        found += 3 * sum(one == two == three == four for one, two, three, four in squares)
    dark = sum(map(sum, matrix)) * 100 // len(matrix) ** 2
    return found + 10 * (abs(dark - 50) // 5)
