"""Draws minutes of several days as vertical bars, and a share of a whole as a horizontal bar."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

WIDTH, HEIGHT = 700, 96
GAP = 0.28  # share of a day's width
LOWEST = 2  # of HEIGHT, so that one minute is visible
FLOOR = 60  # minutes at full height, at least, so that few minutes have low bars
SHARE_WIDTH, SHARE_HEIGHT = 100, 6


def bars(minutes: Sequence[int], chosen: int | None = None) -> Markup:
    """Return an SVG with one vertical bar for each day's minutes. ``chosen``: index of a highlighted day.

    The full height is the maximum of the minutes, or 60 if that is less.
    """
    most = max([FLOOR, *minutes])
    place = WIDTH / max(1, len(minutes))
    drawn = []
    for number, count in enumerate(minutes):
        height = max(LOWEST, round(HEIGHT * count / most)) if count > 0 else 0
        kind = "bar bar-chosen" if number == chosen else "bar"
        drawn.append(
            f'<rect class="{kind}" x="{place * (number + GAP / 2):.1f}" y="{HEIGHT - height}"'
            f' width="{place * (1 - GAP):.1f}" height="{height}"/>'
        )
    line = f'<path class="tick" d="M0 {HEIGHT - 0.5}H{WIDTH}"/>'
    box = f'viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none"'
    return Markup(f'<svg class="bars" {box} aria-hidden="true">{"".join(drawn)}{line}</svg>')


def share(part: int, whole: int) -> Markup:
    """Return an SVG of a horizontal bar that is filled by the share of ``part`` in ``whole``.

    It is empty if ``whole`` is 0, and full if ``part`` is larger.
    """
    width = SHARE_WIDTH * min(1.0, max(0.0, part / whole)) if whole > 0 else 0.0
    box = f'viewBox="0 0 {SHARE_WIDTH} {SHARE_HEIGHT}" preserveAspectRatio="none"'
    return Markup(
        f'<svg class="share" {box} aria-hidden="true">'
        f'<rect class="track" width="{SHARE_WIDTH}" height="{SHARE_HEIGHT}"/>'
        f'<rect class="mark" width="{width:.1f}" height="{SHARE_HEIGHT}"/></svg>'
    )
