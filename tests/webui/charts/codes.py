"""Reads the QR codes of a page with ZXing, which shares no code with the encoder."""

from __future__ import annotations

import re
from io import BytesIO

import zxingcpp
from PIL import Image, ImageDraw

SCALE = 4  # pixels a module


def read_codes(page: str) -> list[str]:
    """Return the text of each QR code in the HTML of a page, in the order of the page."""
    found = []
    for size, path in re.findall(
        r'<svg class="qr"[^>]*viewBox="0 0 (\d+) \1"[^>]*>.*?class="qr-dark" d="([^"]*)"', page
    ):
        image = Image.new("L", (int(size), int(size)), 255)
        draw = ImageDraw.Draw(image)
        for x, y, width in re.findall(r"M(\d+) (\d+)h(\d+)v1h-\3z", path):
            draw.rectangle((int(x), int(y), int(x) + int(width) - 1, int(y)), fill=0)
        found += _texts(image.resize((image.width * SCALE, image.height * SCALE), Image.Resampling.NEAREST))
    return found


def read_screenshot(png: bytes) -> list[str]:
    """Return the text of each QR code in a picture of a page."""
    with Image.open(BytesIO(png)) as image:
        return _texts(image.convert("L"))


def _texts(image: Image.Image) -> list[str]:
    return [code.text for code in zxingcpp.read_barcodes(image)]
