"""Where the pages listen, as a text. `qalqan check` looks at it too, on routers without the pages."""

from __future__ import annotations

from ipaddress import ip_address

from gateway.core.errors import GatewayError


class SettingsError(GatewayError):
    """A setting of the pages that cannot be used."""


def parse_listen(text: str, *, allow_wan: bool) -> tuple[str, int]:
    """``192.168.1.1:8080`` or ``[fd00::1]:8080`` becomes address and port."""
    address, _, port = text.rpartition(":")
    address = address.removeprefix("[").removesuffix("]")
    try:
        parsed = ip_address(address)
        number = int(port)
    except ValueError:
        msg = (
            f'web.listen: {text!r} is no address and port; write it as "192.168.1.1:8080" or "[fd00::1]:8080"'
        )
        raise SettingsError(msg) from None
    if not 0 <= number < 65536:
        msg = f"web.listen: {number} is no port; ports go from 1 to 65535"
        raise SettingsError(msg)
    if not allow_wan and (parsed.is_unspecified or not parsed.is_private):
        msg = f"web.listen: {address} may be reachable from outside the home; web.allow_wan: true allows it"
        raise SettingsError(msg)
    return address, number
