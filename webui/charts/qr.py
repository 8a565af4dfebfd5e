"""Draws QR codes as inline SVG.

segno encodes them. Its own writers import HTTP and TLS, 4 MB of memory, so this module draws the SVG.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import groupby

import segno
from markupsafe import Markup

QUIET_ZONE = 4  # modules on each side (ISO/IEC 18004)
MAX_VERSION = 15  # 77 modules a side: phones fail to read a denser code from another screen
MAX_BYTES = 412  # what version 15 can carry with error correction M
CACHE_SIZE = 4  # images of up to 25 kB: live pages request the same code every few seconds


def draw(text: str, label: str) -> Markup:
    """Return the QR code of ``text`` as an SVG element, with ``label`` as its text alternative.

    Raises ValueError if ``text`` is too long for a code that phones can read (412 bytes).
    """
    code = segno.make_qr(text, error="m")
    if int(code.version) > MAX_VERSION:
        msg = f"{len(text)} characters are too many for a QR code: the limit is {MAX_BYTES}"
        raise ValueError(msg)
    size = len(code.matrix) + 2 * QUIET_ZONE
    dark = "".join(
        f"M{column + QUIET_ZONE} {row + QUIET_ZONE}h{width}v1h-{width}z"
        for row, modules in enumerate(code.matrix)
        for column, width in _dark_runs(modules)
    )
    box = f'viewBox="0 0 {size} {size}" shape-rendering="crispEdges"'
    return Markup(
        '<svg class="qr" role="img" aria-label="{label}" {box}>'
        '<path class="qr-light" d="M0 0h{size}v{size}H0z"/><path class="qr-dark" d="{dark}"/></svg>'
    ).format(label=label, box=Markup(box), size=size, dark=dark)


svg = lru_cache(CACHE_SIZE)(draw)  # not for secrets, which the cache would keep


def _dark_runs(modules: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Yield start column and width of each run of dark modules in one row of a QR code."""
    column = 0
    for dark, run in groupby(modules):
        width = len(list(run))
        if dark:
            yield column, width
        column += width
