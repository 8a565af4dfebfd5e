"""Describes what a device says about itself by DHCP and mDNS. Unknown values are left out."""

from __future__ import annotations

from collections.abc import Iterable

from webui.language.i18n import gettext as _
from webui.language.words import plain

_ANDROID = "android-dhcp-"
_SYSTEMS = {"MSFT": "Windows", "udhcp": "Linux", "dhcpcd": "Linux", "Linux": "Linux", "ubnt": "Linux"}
_SERVICES = {
    "_airplay": "AirPlay", "_raop": "AirPlay", "_googlecast": "Chromecast", "_spotify-connect": "Spotify",
    "_hap": "HomeKit", "_homekit": "HomeKit", "_amzn-wplay": "Amazon",
}  # fmt: skip


PROTOCOLS = frozenset(_SERVICES.values())  # names that are the same in every language


def system(vendor_class: str) -> str:
    """Return a device's operating system by the vendor class of its DHCP request; empty if unknown."""
    if vendor_class.startswith(_ANDROID) and vendor_class[len(_ANDROID) :].isdigit():
        return f"Android {vendor_class[len(_ANDROID) :][:3]}"
    return next((name for start, name in _SYSTEMS.items() if vendor_class.startswith(start)), "")


def offers(services: Iterable[str]) -> list[str]:
    """Return what a device offers on the network, in words, from the mDNS service types that it announces."""
    found = {_SERVICES[service] for service in services if service in _SERVICES}
    common = {
        _("prints"): ("_ipp", "_ipps", "_printer", "_pdl-datastream"),
        _("scans paper"): ("_scanner", "_uscan", "_uscans"),
        _("shares folders"): ("_smb", "_afpovertcp", "_nfs"),
    }
    found |= {word for word, names in common.items() if any(name in services for name in names)}
    return sorted(plain(name) for name in found)
