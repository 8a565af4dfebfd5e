from __future__ import annotations

import re
from math import pi
from xml.etree import ElementTree

import pytest

from webui.charts import DAY, RING_SIZE, RING_WIDTH, ring, strip

LENGTH = pi * (RING_SIZE - RING_WIDTH)


@pytest.mark.parametrize(
    ("minutes", "whole", "share"),
    [(60, 60, 1.0), (15, 60, 0.25), (90, 60, 1.0), (1, 120, 1 / 120)],
)
def test_a_ring_shows_what_is_left(minutes: int, whole: int, share: float) -> None:
    found = re.search(r'stroke-dasharray="([\d.]+) ([\d.]+)"', ring(minutes, whole))
    assert found is not None
    assert float(found[1]) == pytest.approx(LENGTH * share, abs=0.1)


@pytest.mark.parametrize(("minutes", "whole"), [(0, 60), (-3, 60), (5, 0)])
def test_nothing_left_is_an_empty_ring(minutes: int, whole: int) -> None:
    assert "ring-left" not in ring(minutes, whole)


def _marks(markup: str) -> list[tuple[int, int]]:
    root = ElementTree.fromstring(markup)
    return [
        (int(one.attrib["x"]), int(one.attrib["width"])) for one in root if one.attrib.get("class") == "mark"
    ]


def test_a_strip_has_a_mark_for_each_span_from_where_the_day_begins() -> None:
    assert _marks(strip([(240, 269), (1020, 1059)], 240)) == [(0, 30), (780, 40)]


def test_a_single_minute_can_be_seen_also_at_the_end_of_the_day() -> None:
    assert _marks(strip([(600, 600), (1679, 1679)], 240)) == [(360, 4), (DAY - 4, 4)]


def test_what_lies_outside_of_the_day_is_left_out() -> None:
    assert _marks(strip([(0, 239), (230, 249), (1680, 1700)], 240)) == [(0, 10)]


def test_drawings_are_not_read_aloud_and_carry_no_style_of_their_own() -> None:
    for drawing in (ring(5, 10), strip([(300, 310)], 240)):
        ElementTree.fromstring(drawing)
        assert 'aria-hidden="true"' in drawing
        assert "style=" not in drawing
