"""Parses the address on which the pages listen. `qalqan check` uses it, also on routers without the pages."""

from __future__ import annotations

from ipaddress import ip_address

from gateway.core.errors import GatewayError


class SettingsError(GatewayError):
    """Raised if a setting of the pages cannot be used."""


class ListenError(SettingsError):
    """Raised if the pages cannot listen: the port is taken, or an interface or address does not exist."""


def parse_listen(text: str, *, allow_wan: bool) -> tuple[str, int]:
    """Return address and port (0: any free one) of a text such as ``192.168.1.1:8080`` or ``[fd00::1]:8080``.

    Raises ListenError for other text, and for a public or unspecified address unless ``allow_wan``.
    """
    address, _, port = text.rpartition(":")
    address = address.removeprefix("[").removesuffix("]")
    try:
        parsed = ip_address(address)
        number = int(port)
    except ValueError:
        msg = (
            f"web.listen: {text!r} is not an address with a port; "
            'write it as "192.168.1.1:8080" or "[fd00::1]:8080"'
        )
        raise ListenError(msg) from None
    if not 0 <= number < 65536:
        msg = f"web.listen: {number} is not a port; ports are 1 to 65535"
        raise ListenError(msg)
    if not allow_wan and (parsed.is_unspecified or not parsed.is_private):
        msg = f"web.listen: {address} may be reachable from the internet; allow it with web.allow_wan: true"
        raise ListenError(msg)
    return address, number
