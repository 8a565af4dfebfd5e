"""The code on the family card: read back by a decoder, and as another encoder draws it."""

from __future__ import annotations

import re

import pytest

from tests.webui.charts.decoder import decode
from webui.charts import qr

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
VERSIONS = {7: 0b000111110010010100, 10: 0b001010010011010011, 15: 0b001111100100101000}  # annex D has these


def test_it_is_drawn_as_another_encoder_draws_it() -> None:
    drawn = "\n".join("".join(".#"[cell] for cell in row) for row in qr.encode(ADDRESS.encode()))
    assert drawn == KNOWN.strip()


@pytest.mark.parametrize("length", [
    1, 14, 15, 26, 27, 42, 43, 62, 63, 84, 85, 106, 107, 122, 123, 152, 153, 180, 181, 213, 214, 251, 252,
    287, 288, 331, 332, 362, 363, 412,
])  # fmt: skip
def test_what_is_in_it_is_read_back(length: int) -> None:
    data = bytes((17 * place + length) % 256 for place in range(length))
    matrix = qr.encode(data)
    assert decode(matrix) == data
    assert len({len(matrix), *map(len, matrix)}) == 1


@pytest.mark.parametrize(("length", "version"), [(107, 7), (200, 10), (400, 15)])
def test_a_large_one_says_its_version_twice(length: int, version: int) -> None:
    matrix = qr.encode(bytes(length))
    size = len(matrix)
    assert size == 17 + 4 * version
    places = [(place // 3, size - 11 + place % 3) for place in reversed(range(18))]
    above = int("".join(str(matrix[row][column]) for row, column in places), 2)
    beside = int("".join(str(matrix[column][row]) for row, column in places), 2)
    assert above == beside == VERSIONS[version]


def test_what_is_too_long_is_refused() -> None:
    with pytest.raises(ValueError, match="too many"):
        qr.encode(bytes(413))
    assert qr.MOST == 412


def test_it_is_a_picture_with_a_name_and_room_around_it() -> None:
    drawn = str(qr.svg(ADDRESS, 'Code "of" <us>'))
    assert 'role="img" aria-label="Code &#34;of&#34; &lt;us&gt;"' in drawn
    assert 'viewBox="0 0 37 37"' in drawn
    widths = [int(width) for width in re.findall(r"h(\d+)v1h-\1z", drawn)]
    assert sum(widths) == sum(map(sum, qr.encode(ADDRESS.encode())))
    assert "style=" not in drawn
