"""Drawings of minutes as SVG, made on the server. Pure: numbers in, markup out; colours come from the style.

Each is hidden from screen readers: the text or the table beside it says the same.
"""

from __future__ import annotations

from webui.charts.bars import bars, share
from webui.charts.line import line
from webui.charts.ring import RING_SIZE, RING_WIDTH, ring
from webui.charts.strip import DAY, strip

__all__ = ["DAY", "RING_SIZE", "RING_WIDTH", "bars", "line", "ring", "share", "strip"]
