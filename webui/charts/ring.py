"""Drawings of minutes as SVG, made on the server. Pure: numbers in, markup out; colours come from the style.

Each is hidden from screen readers: the text or the table beside it says the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import pi

from markupsafe import Markup

DAY = 24 * 60  # minutes
RING_SIZE = 96
RING_WIDTH = 9
STRIP_HEIGHT = 24
THINNEST = 4  # minutes that a mark is wide at least: one pixel on a phone
HOURS_APART = 6


def ring(minutes: int, whole: int) -> Markup:
    """How much of ``whole`` is left, clockwise from the top; an empty ring says that nothing is."""
    radius = (RING_SIZE - RING_WIDTH) / 2
    centre = RING_SIZE / 2
    length = 2 * pi * radius
    share = min(1.0, max(0.0, minutes / whole)) if whole > 0 else 0.0
    circle = f'cx="{centre:g}" cy="{centre:g}" r="{radius:g}" stroke-width="{RING_WIDTH}"'
    arc = (
        f'<circle class="ring-left" {circle} stroke-dasharray="{length * share:.1f} {length:.1f}"'
        f' transform="rotate(-90 {centre:g} {centre:g})"/>'
        if share
        else ""
    )
    return Markup(
        f'<svg class="ring" viewBox="0 0 {RING_SIZE} {RING_SIZE}" aria-hidden="true">'
        f'<circle class="ring-whole" {circle}/>{arc}</svg>'
    )


def strip(spans: Iterable[tuple[int, int]], start: int) -> Markup:
    """24 hours from minute ``start`` of the day on; ``spans`` count likewise, their last minute included.

    What lies outside of the 24 hours is left out.
    """
    marks = []
    for first, last in spans:
        begin, end = max(first, start) - start, min(last + 1, start + DAY) - start
        if begin < end:
            width = max(end - begin, THINNEST)
            marks.append(
                f'<rect class="mark" x="{min(begin, DAY - width)}" width="{width}" height="{STRIP_HEIGHT}"/>'
            )
    ticks = "".join(
        f'<path class="tick" d="M{hour * 60} 0V{STRIP_HEIGHT}"/>'
        for hour in range(HOURS_APART, 24, HOURS_APART)
    )
    box = f'viewBox="0 0 {DAY} {STRIP_HEIGHT}" preserveAspectRatio="none"'
    return Markup(
        f'<svg class="strip" {box} aria-hidden="true">'
        f'<rect class="track" width="{DAY}" height="{STRIP_HEIGHT}"/>{"".join(marks)}{ticks}</svg>'
    )
