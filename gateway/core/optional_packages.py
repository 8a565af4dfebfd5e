"""Checks whether optional packages are installed: some features need them, and a small router omits them."""

from __future__ import annotations

from importlib.util import find_spec

from gateway.core.errors import GatewayError

# OpenWrt's names. Debian's are the same except for scapy (python3-scapy) and Qalqan, which is one package.
LIST_UPDATES = "gateway.cli.list_updates"
MQTT = "gateway.mqtt"
PACKAGES = {
    LIST_UPDATES: "qalqan-lists",
    MQTT: "qalqan-mqtt",
    "apprise": "apprise",  # of Debian only
    "cryptography": "python3-cryptography",
    "fido2": "python3-fido2",
    "paho": "python3-paho-mqtt",
    "gateway.usp": "qalqan-usp",
    "pyotp": "python3-pyotp",
    "scapy": "scapy",
    "tuf": "python3-tuf",
    "webui": "qalqan-web",
}


class MissingPackageError(GatewayError):
    """Raised if a feature needs a package that is not installed."""


def is_installed(module: str) -> bool:
    return find_spec(module) is not None


def require(module: str, what: str) -> None:
    """Raise MissingPackageError if the Python module ``module`` is not installed.

    ``module``: a key of PACKAGES. ``what``: the feature that needs it, in the plural, for the message.
    """
    if not is_installed(module):
        msg = f"{what} need the package {PACKAGES[module]}, which is not installed; install it and try again"
        raise MissingPackageError(msg)
