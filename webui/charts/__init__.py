"""Draws numbers, such as minutes, as SVG on the server. Pure: numbers in, markup out.

The colours come from the style sheet. The drawings are hidden from screen readers, because the text or the
table next to each has the same data. Only a QR code has a text alternative.
"""

from __future__ import annotations

from webui.charts.bars import bars, share
from webui.charts.hues import hue
from webui.charts.line import line
from webui.charts.ring import RING_SIZE, RING_WIDTH, ring
from webui.charts.strip import DAY, strip

__all__ = ["DAY", "RING_SIZE", "RING_WIDTH", "bars", "hue", "line", "ring", "share", "strip"]
