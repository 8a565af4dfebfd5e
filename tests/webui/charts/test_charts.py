from __future__ import annotations

import re
from math import pi
from xml.etree import ElementTree

import pytest

from webui.charts import DAY, RING_SIZE, RING_WIDTH, bars, ring, share, strip

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
    for drawing in (ring(5, 10), strip([(300, 310)], 240), bars([1, 0, 70], 2), share(1, 3), bars([])):
        ElementTree.fromstring(drawing)
        assert 'aria-hidden="true"' in drawing
        assert "style=" not in drawing


def _heights(markup: str) -> list[int]:
    return [
        int(one.attrib["height"]) for one in ElementTree.fromstring(markup) if "bar" in one.attrib["class"]
    ]


def test_bars_stand_on_one_line_and_the_longest_day_is_the_highest() -> None:
    markup = bars([30, 0, 120, 1], 2)
    assert _heights(markup) == [24, 0, 96, 2]
    found = [one for one in ElementTree.fromstring(markup) if "bar" in one.attrib["class"]]
    assert all(int(one.attrib["y"]) + int(one.attrib["height"]) == 96 for one in found)
    assert [one.attrib["class"] for one in found] == ["bar", "bar", "bar bar-chosen", "bar"]


def test_a_quiet_week_looks_quiet() -> None:
    assert _heights(bars([6, 3])) == [10, 5]


@pytest.mark.parametrize(("part", "whole", "width"), [(30, 60, "50.0"), (60, 60, "100.0"), (9, 0, "0.0")])
def test_a_share_is_measured_by_the_longest(part: int, whole: int, width: str) -> None:
    assert f'class="mark" width="{width}"' in share(part, whole)
