"""Draws remaining minutes as a ring."""

from __future__ import annotations

from math import pi

from markupsafe import Markup

RING_SIZE = 96
RING_WIDTH = 9


def ring(minutes: int, whole: int) -> Markup:
    """Return an SVG ring that is filled clockwise from the top by the share of ``minutes`` in ``whole``.

    It is empty if ``whole`` is 0, and full if ``minutes`` is larger.
    """
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
