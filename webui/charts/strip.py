"""Draws time ranges on a horizontal strip of 24 hours."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain, repeat

from markupsafe import Markup

from webui.charts.hues import hue

DAY = 24 * 60  # minutes
STRIP_HEIGHT = 24
THINNEST = 4  # minimum width of a mark in minutes: one pixel on a phone
HOURS_APART = 6


def strip(spans: Iterable[tuple[int, int]], start: int, categories: Iterable[str] = ()) -> Markup:
    """Return an SVG strip of 24 hours from minute ``start`` of a day, on which ``spans`` are marked.

    A span is its first and last minute, both included, counted from that day's midnight. Parts outside of the
    24 hours are clipped, and a mark has a minimum width. ``categories``: the id of a category for each span,
    for its colour; a span without one has the usual colour.
    """
    marks = []
    colours = chain(categories, repeat(""))
    for (first, last), category in zip(spans, colours, strict=False):
        begin, end = max(first, start) - start, min(last + 1, start + DAY) - start
        if begin < end:
            width = max(end - begin, THINNEST)
            kind = f"mark {hue(category)}" if category else "mark"
            place = f'x="{min(begin, DAY - width)}" width="{width}" height="{STRIP_HEIGHT}"'
            marks.append(f'<rect class="{kind}" {place}/>')
    ticks = "".join(
        f'<path class="tick" d="M{hour * 60} 0V{STRIP_HEIGHT}"/>'
        for hour in range(HOURS_APART, 24, HOURS_APART)
    )
    box = f'viewBox="0 0 {DAY} {STRIP_HEIGHT}" preserveAspectRatio="none"'
    return Markup(
        f'<svg class="strip" {box} aria-hidden="true">'
        f'<rect class="track" width="{DAY}" height="{STRIP_HEIGHT}"/>{"".join(marks)}{ticks}</svg>'
    )
