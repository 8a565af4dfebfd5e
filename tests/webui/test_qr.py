"""The code on the family card: read back by a decoder, and as another encoder draws it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from webui import qr

ADDRESS = "http://qalqan.home.arpa/why"
# As the package `qrcode` 8.2 draws it with correction M.
KNOWN = """
#######..###..#...##..#######
#.....#.##..##...#.#..#.....#
#.###.#...##...#....#.#.###.#
#.###.#..##.##..#..##.#.###.#
#.###.#.######..####..#.###.#
#.....#...#.#.###.##..#.....#
#######.#.#.#.#.#.#.#.#######
..........#.#..#.##..........
#.#.#.#..##.#...##......#..#.
##.#.#.....###.####.###..#..#
#..#..###.###.####...#.##.###
..###........##.####.###.#.#.
.##.###..##.#.##.#..#.#..#.##
..##....#.....##....###..##.#
##....##.....#....#.##.##..##
.###.#....#....#.#..####.#.#.
#..##.##...#....##.#####...##
.............#.##.#..##...#.#
#..#..##.####.###.#.....##.##
.#..##.#.##.###.######..##.#.
#.#...#.##.#..##..#.#####....
........###...##...##...#.###
#######..#.#.#...#.##.#.##.##
#.....#....##..#....#...#...#
#.###.#.##.#....#...######...
#.###.#..##....###.....###...
#.###.#.#..######.##...####.#
#.....#..##..#..#####.#....#.
#######.#....###..####..#..##
"""
# Blocks of a version, and the code words of data in each.
BLOCKS = {1: (1, 16), 2: (1, 28), 3: (1, 44), 4: (2, 32), 5: (2, 43), 6: (4, 27)}
CORRECTION = {1: 10, 2: 16, 3: 26, 4: 18, 5: 24, 6: 16}
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
    """Whether a module is no data: finders with their formats, timing, the second alignment pattern."""
    size = 17 + 4 * version
    finder = (row < 9 and column < 9) or (row < 9 and column > size - 9) or (row > size - 9 and column < 9)
    middle = size - 7
    aligned = version > 1 and abs(row - middle) < 3 and abs(column - middle) < 3
    return finder or aligned or row == 6 or column == 6


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
    blocks, length = BLOCKS[version]
    data = [words[place : length * blocks : blocks] for place in range(blocks)]
    checks = [words[length * blocks + place :: blocks][: CORRECTION[version]] for place in range(blocks)]
    for part, check in zip(data, checks, strict=True):
        for root in range(CORRECTION[version]):
            value, at = 0, field_power(root)
            for word in part + check:
                value = product(value, at) ^ word
            assert value == 0, "a code word is wrong"
    bits = "".join(f"{word:08b}" for word in b"".join(data))
    assert bits[:4] == "0100", "bytes"
    count = int(bits[4:12], 2)
    return bytes(int(bits[12 + 8 * n : 20 + 8 * n], 2) for n in range(count))


def test_it_is_drawn_as_another_encoder_draws_it() -> None:
    drawn = "\n".join("".join(".#"[cell] for cell in row) for row in qr.encode(ADDRESS.encode()))
    assert drawn == KNOWN.strip()


@pytest.mark.parametrize("length", [1, 14, 15, 26, 27, 42, 43, 62, 63, 84, 85, 106])
def test_what_is_in_it_is_read_back(length: int) -> None:
    data = bytes((17 * place + length) % 256 for place in range(length))
    matrix = qr.encode(data)
    assert decode(matrix) == data
    assert len({len(matrix), *map(len, matrix)}) == 1


def test_what_is_too_long_is_refused() -> None:
    with pytest.raises(ValueError, match="too many"):
        qr.encode(bytes(107))


def test_it_is_a_picture_with_a_name_and_room_around_it() -> None:
    drawn = str(qr.svg(ADDRESS, 'Code "of" <us>'))
    assert 'role="img" aria-label="Code &#34;of&#34; &lt;us&gt;"' in drawn
    assert 'viewBox="0 0 37 37"' in drawn
    assert drawn.count("h1v1h-1z") == sum(map(sum, qr.encode(ADDRESS.encode())))
    assert "style=" not in drawn
