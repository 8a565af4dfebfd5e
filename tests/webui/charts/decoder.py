"""Reads a QR code back: from its modules, and from the picture that a page has of it. No error is mended."""

from __future__ import annotations

import re
from collections.abc import Callable

from webui.charts import qr

# Of a version: blocks with so many code words of data, and after them some with one more (table 9 of the
# standard); then code words of correction in each.
BLOCKS = {
    1: (1, 16, 0), 2: (1, 28, 0), 3: (1, 44, 0), 4: (2, 32, 0), 5: (2, 43, 0), 6: (4, 27, 0), 7: (4, 31, 0),
    8: (2, 38, 2), 9: (3, 36, 2), 10: (4, 43, 1), 11: (1, 50, 4), 12: (6, 36, 2), 13: (8, 37, 1),
    14: (4, 40, 5), 15: (5, 41, 5),
}  # fmt: skip
CORRECTION = {
    1: 10, 2: 16, 3: 26, 4: 18, 5: 24, 6: 16, 7: 18, 8: 22, 9: 22, 10: 26, 11: 30, 12: 22, 13: 22, 14: 24,
    15: 24,
}  # fmt: skip
# Where the small squares are (annex E).
MIDDLES = {
    1: (), 2: (6, 18), 3: (6, 22), 4: (6, 26), 5: (6, 30), 6: (6, 34), 7: (6, 22, 38), 8: (6, 24, 42),
    9: (6, 26, 46), 10: (6, 28, 50), 11: (6, 30, 54), 12: (6, 32, 58), 13: (6, 34, 62), 14: (6, 26, 46, 66),
    15: (6, 26, 48, 70),
}  # fmt: skip
ROOM = 4  # modules around a code
FORMAT_MASK = 0b101010000010010
MASKS: tuple[Callable[[int, int], int], ...] = (
    lambda i, j: (i + j) % 2,
    lambda i, j: i % 2,
    lambda i, j: j % 3,
    lambda i, j: (i + j) % 3,
    lambda i, j: (i // 2 + j // 3) % 2,
    lambda i, j: i * j % 2 + i * j % 3,
    lambda i, j: (i * j % 2 + i * j % 3) % 2,
    lambda i, j: ((i + j) % 2 + i * j % 3) % 2,
)


def is_pattern(version: int, row: int, column: int) -> bool:
    """Whether a module is no data: finders with their formats, timing, version, the small squares."""
    size = 17 + 4 * version
    finder = (row < 9 and column < 9) or (row < 9 and column > size - 9) or (row > size - 9 and column < 9)
    told = version >= 7 and (min(row, column) < 6 and size - 12 < max(row, column) < size - 8)
    corners = {(6, 6), (6, size - 7), (size - 7, 6)}
    aligned = any(
        abs(row - i) < 3 and abs(column - j) < 3
        for i in MIDDLES[version]
        for j in MIDDLES[version]
        if (i, j) not in corners
    )
    return finder or told or aligned or row == 6 or column == 6


def code_words(matrix: qr.Matrix) -> tuple[int, bytes]:
    """Version, and all code words in the order in which they are drawn."""
    size = len(matrix)
    version = (size - 17) // 4
    bits = [matrix[8][column] for column in (0, 1, 2, 3, 4)]
    form = int("".join(map(str, bits)), 2) ^ FORMAT_MASK >> 10
    assert form >> 3 == 0, "correction M"
    flips = MASKS[form & 7]
    found, up = "", True
    for right in [*range(size - 1, 6, -2), 5, 3, 1]:
        for row in range(size - 1, -1, -1) if up else range(size):
            for column in (right, right - 1):
                if not is_pattern(version, row, column):
                    found += str(matrix[row][column] ^ (flips(row, column) == 0))
        up = not up
    return version, bytes(int(found[place : place + 8], 2) for place in range(0, len(found) // 8 * 8, 8))


def field_power(power: int) -> int:
    value = 1
    for _ in range(power % 255):
        value = value << 1 ^ (0x11D if value & 0x80 else 0)
    return value


def product(one: int, other: int) -> int:
    found = 0
    while other:
        found ^= one if other & 1 else 0
        one, other = one << 1 ^ (0x11D if one & 0x80 else 0), other >> 1
    return found


def decode(matrix: qr.Matrix) -> bytes:
    """Each block has to be whole: no error is mended."""
    version, words = code_words(matrix)
    short, length, long = BLOCKS[version]
    blocks = short + long
    data = [words[place : length * blocks : blocks] for place in range(blocks)]
    rest = words[length * blocks :]
    for place in range(long):
        data[short + place] += rest[place : place + 1]
    checks = [rest[long + place :: blocks][: CORRECTION[version]] for place in range(blocks)]
    for part, check in zip(data, checks, strict=True):
        for root in range(CORRECTION[version]):
            value, at = 0, field_power(root)
            for word in part + check:
                value = product(value, at) ^ word
            assert value == 0, "a code word is wrong"
    bits = "".join(f"{word:08b}" for word in b"".join(data))
    assert bits[:4] == "0100", "bytes"
    start = 12 if version < 10 else 20
    count = int(bits[4:start], 2)
    return bytes(int(bits[start + 8 * n : start + 8 + 8 * n], 2) for n in range(count))


def drawn(page: str) -> list[qr.Matrix]:
    """The modules of each code on a page, without the room around them, which is four modules wide."""
    found = []
    for size, path in re.findall(
        r'<svg class="qr"[^>]*viewBox="0 0 (\d+) \1"[^>]*>.*?class="qr-dark" d="([^"]*)"', page
    ):
        room = int(size) - 2 * ROOM
        matrix = [[0] * room for _ in range(room)]
        for column, row, width in re.findall(r"M(\d+) (\d+)h(\d+)v1h-\3z", path):
            assert int(column) >= ROOM
            assert int(row) >= ROOM
            for place in range(int(width)):
                matrix[int(row) - ROOM][int(column) - ROOM + place] = 1
        found.append(matrix)
    return found
