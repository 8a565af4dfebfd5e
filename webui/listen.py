"""Opens the listening sockets, only on the interfaces of the home.

A socket bound to an interface receives only what arrives there, for any address. A socket bound to the
interface's address would also receive packets from the provider's side for that address, and would fail
when the address changes.
"""

from __future__ import annotations

import errno
import logging
import socket
from collections.abc import Iterable

from gateway.web.listen import ListenError, SettingsError, parse_listen
from webui.settings import Settings

BACKLOG = 64

log = logging.getLogger(__name__)


def open_sockets(settings: Settings, port: int | None = None) -> list[socket.socket]:
    """Return TCP sockets for the pages, IPv4 and IPv6, bound to each existing interface of the home.

    Only IPv4 if the kernel has no IPv6. With ``listen`` in the settings, there is one socket, at that
    address. ``port``: that of the TLS front, whose sockets do not listen yet; None: the settings' port.
    Raises SettingsError, also if no interface exists, or OSError.
    """
    if settings.listen is not None:
        address, own = parse_listen(settings.listen, allow_wan=settings.allow_wan)
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        return [_bound(family, address, port or own, None, listen=port is None)]
    if not settings.lan:
        msg = "lan: no interface is named; name those that face the home, as in lan: [br-lan]"
        raise ListenError(msg)
    present = [name for name in settings.lan if interface_indexes([name]) != (0,)]
    for name in settings.lan:
        if name not in present and present:
            log.warning("lan: there is no interface %s yet; the pages are not on it", name)
    sockets: list[socket.socket] = []
    try:
        for interface in present or settings.lan:
            families = {socket.AF_INET: "0.0.0.0"} | ({socket.AF_INET6: "::"} if _kernel_has_ipv6() else {})
            for family, address in families.items():
                sockets.append(_bound(family, address, port or settings.port, interface, listen=port is None))
    except (SettingsError, OSError):
        for sock in sockets:
            sock.close()
        raise
    return sockets


def _kernel_has_ipv6() -> bool:
    """Return whether the kernel supports IPv6 now. It may be off (``ipv6.disable=1``). Raises OSError."""
    try:
        socket.socket(socket.AF_INET6, socket.SOCK_STREAM).close()
    except OSError as error:
        if error.errno != errno.EAFNOSUPPORT:
            raise
        return False
    return True


def interface_indexes(names: Iterable[str]) -> tuple[int, ...]:
    """Return the kernel's index of each named interface, in order; 0 for a missing one.

    A recreated interface has a new index, and sockets bound to the old one receive nothing.
    """
    found = {name: index for index, name in socket.if_nameindex()}
    return tuple(found.get(name, 0) for name in names)


def _bound(
    family: socket.AddressFamily, address: str, port: int, interface: str | None, *, listen: bool
) -> socket.socket:
    try:
        sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    except OSError as error:
        raise ListenError(_explain(error, address, port, interface)) from error
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if interface is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode() + b"\0")
        sock.bind((address, port))
        if listen:
            sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        setting = "web.port" if listen else "web.https.port"
        raise ListenError(_explain(error, address, port, interface, setting)) from error
    return sock


def _explain(
    error: OSError, address: str, port: int, interface: str | None, setting: str = "web.port"
) -> str:
    if error.errno == errno.ENODEV:
        return f"lan: there is no interface {interface}; `ip link` lists those that there are"
    if error.errno == errno.EADDRINUSE:
        return f"port {port} is taken by another program; stop it, or set {setting} to another"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"web.listen: {address} is not an address of this machine; `ip address` lists those that are"
    if error.errno == errno.EACCES:
        return f"port {port}: not allowed; use a port above 1023"
    return f"{address} port {port}: {error.strerror}; check web in the configuration"
