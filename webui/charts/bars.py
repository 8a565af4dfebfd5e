"""Days as bars beside each other, and one thing's share of a whole as a bar that lies."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

WIDTH, HEIGHT = 700, 96
GAP = 0.28  # of a day's place
LOWEST = 2  # of HEIGHT: a minute can be seen
FLOOR = 60  # minutes that the full height stands for at least: a quiet week looks quiet
SHARE_WIDTH, SHARE_HEIGHT = 100, 6


def bars(minutes: Sequence[int], chosen: int | None = None) -> Markup:
    """One bar a day, from the first on; ``chosen``: the place of the day that is told of."""
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
    """A lying bar: how much of the whole that the longest one stands for."""
    width = SHARE_WIDTH * min(1.0, max(0.0, part / whole)) if whole > 0 else 0.0
    box = f'viewBox="0 0 {SHARE_WIDTH} {SHARE_HEIGHT}" preserveAspectRatio="none"'
    return Markup(
        f'<svg class="share" {box} aria-hidden="true">'
        f'<rect class="track" width="{SHARE_WIDTH}" height="{SHARE_HEIGHT}"/>'
        f'<rect class="mark" width="{width:.1f}" height="{SHARE_HEIGHT}"/></svg>'
    )
