"""Finds the name of a browser and its system in the User-Agent header, for the list of sessions.

The header is the browser's own claim. It identifies a session for its owner and decides nothing.
"""

from __future__ import annotations

HEADER_LIMIT = 512  # characters that are searched

# In this order: Edge, Opera and others also name Chrome, and every browser names Mozilla and Safari.
BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("YaBrowser/", "Yandex Browser"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("FxiOS/", "Firefox"),
    ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chromium/", "Chromium"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Macintosh", "macOS"),
    ("Linux", "Linux"),
)


def browser_name(header: str) -> str:
    """Return browser and system from a User-Agent header, as ``Firefox, Android``, without unknown parts."""
    header = header[:HEADER_LIMIT]
    found = (next((name for mark, name in names if mark in header), "") for names in (BROWSERS, SYSTEMS))
    return ", ".join(name for name in found if name)
