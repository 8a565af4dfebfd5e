"""Packages that a feature needs and the rest does without, so that a small router can leave them out."""

from __future__ import annotations

from importlib.util import find_spec

from gateway.core.errors import GatewayError

# As OpenWrt names them; Debian's have the same names but scapy's, python3-scapy, and Qalqan is one there.
PACKAGES = {"cryptography": "python3-cryptography", "scapy": "scapy", "webui": "qalqan-web"}


class AbsentError(GatewayError):
    """What was asked for needs a package that is not installed."""


def is_here(module: str) -> bool:
    return find_spec(module) is not None


def require(module: str, what: str) -> None:
    """Raises AbsentError, which says ``what`` it is for and the package to install."""
    if not is_here(module):
        msg = f"{what} need the package {PACKAGES[module]}, which is not installed; install it and try again"
        raise AbsentError(msg)
