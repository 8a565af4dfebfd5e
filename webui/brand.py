"""The provider's brand on the pages: its name, style, logo and contact.

The values are validated elsewhere (`gateway/policy/config/brand.py`, `gateway/web/branding.py`).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from flask import Flask, current_app, url_for

STATE = "qalqan-brand"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PageLogo:
    path: str
    type: str  # media type, such as image/png
    stamp: str  # hexadecimal digest of the content; a file with another one is not shown


@dataclass(frozen=True, slots=True)
class PageBrand:
    name: str = "Qalqan"
    style: str = ""  # added to ours; empty: none
    dark_style: str = ""  # added to it in the dark theme
    logo: PageLogo | None = None
    support: str = ""  # contact, as displayed
    link: str = ""  # contact, as a link


@dataclass(frozen=True, slots=True)
class Shown:
    brand: PageBrand
    logo: bytes  # its content; empty: none, or the file was unreadable or changed


def install(app: Flask, brand: PageBrand) -> None:
    app.extensions[STATE] = Shown(brand, _bytes(brand.logo))
    sheets = {"style": brand.style, "dark": brand.dark_style}
    stamps = {name: blake2b(text.encode(), digest_size=6).hexdigest() for name, text in sheets.items()}

    def style_url(name: str = "style") -> str:
        return url_for(f"brand.{name}", v=stamps[name]) if sheets[name] else ""

    app.jinja_env.globals.update(brand=brand.name, provider=brand, brand_style=style_url, logo_url=logo_url)


def shown() -> Shown:
    found: Shown = current_app.extensions[STATE]
    return found


def logo_url() -> str:
    """Return the address of the provider's logo on the pages; empty if there is none to show."""
    logo = shown().brand.logo
    return url_for("brand.logo", v=logo.stamp) if logo is not None and shown().logo else ""


def _bytes(logo: PageLogo | None) -> bytes:
    """Return the content of the logo's file; empty without a logo, or if it is unreadable or has changed."""
    if logo is None:
        return b""
    try:
        data = Path(logo.path).read_bytes()
    except OSError as error:
        _log.warning("%s: %s; the pages are without it", logo.path, error.strerror)
        return b""
    if blake2b(data, digest_size=len(logo.stamp) // 2).hexdigest() != logo.stamp:
        _log.warning("%s: changed while the pages started; they are without it", logo.path)
        return b""
    return data
