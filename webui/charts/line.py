"""Draws values over time, such as packets a minute, as a line."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

LINE_WIDTH, LINE_HEIGHT = 240, 40
_MARGIN = 2  # so that the stroke is not clipped


def line(values: Sequence[int], places: int) -> Markup:
    """Return an SVG of the values as a line, from zero at the bottom to the maximum at the top.

    The newest value is at the right. ``places``: how many values fill the width; fewer leave its left empty.
    """
    top = max(values, default=0) or 1
    step = LINE_WIDTH / max(1, places - 1)
    first = LINE_WIDTH - step * (len(values) - 1)
    height = LINE_HEIGHT - 2 * _MARGIN
    points = " ".join(
        f"{max(0.0, first + step * number):.1f},{_MARGIN + height * (1 - value / top):.1f}"
        for number, value in enumerate(values)
    )
    return Markup(
        f'<svg class="spark" viewBox="0 0 {LINE_WIDTH} {LINE_HEIGHT}" preserveAspectRatio="none"'
        f' aria-hidden="true"><polyline points="{points}"/></svg>'
    )
