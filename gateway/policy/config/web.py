"""`web` in `qalqan.yaml`: the address and port of the pages, and an optional trusted name with TLS."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from gateway.policy.names.hosts import PublicSuffixCheck, read_rule_host
from gateway.policy.yaml import fields
from gateway.policy.yaml.fields import Node, shown

# The pages' own address, which no interface has: devices send traffic outside the LAN to the gateway, and its
# table redirects port 80 of this address to the web process. The router's own pages keep port 80 of its
# address. IPv4: the dummy address of RFC 7600, which is never routed. IPv6: a unique local one (RFC 4193).
PAGES = ("192.0.0.8", "fd71:616c:7161:6e00::80")
# The TLS front's port; 443 of the router belongs to its own pages, 443 of PAGES is redirected.
HTTPS_PORT = 8443


@dataclass(frozen=True, slots=True)
class Https:
    """The trusted name: a host name of the pages with a TLS certificate that browsers trust.

    See docs/providers/trusted-name.md.
    """

    name: str
    certificate: str  # paths of PEM files; the chain starts with the certificate of the name
    key: str
    port: int = HTTPS_PORT


@dataclass(frozen=True, slots=True)
class Listen:
    """Where the pages are served: the address, the port, and the trusted name."""

    port: int = 8080
    address: str | None = None  # None: the addresses of the lan interfaces
    allow_wan: bool = False  # `address` may be one that the internet reaches
    https: Https | None = None


def read_web(node: Node, is_public_suffix: PublicSuffixCheck) -> Listen:
    """Return the settings of the pages in a YAML node; the port of ``listen`` replaces ``port``.

    Raises PolicyError if they are invalid.
    """
    part = fields.Fields(fields.mapping(node), ("port", "listen", "allow_wan", "https"))
    port = part.read("port", _port, Listen().port)
    allow_wan = part.read("allow_wan", fields.flag, default=False)
    listen, address = part.node("listen"), None
    if listen is not None:
        address, port = _listen(listen)
    https = part.read("https", lambda value: _https(value, port, is_public_suffix), None)
    return Listen(port, address, allow_wan, https)


def _https(node: Node, plain: int, is_public_suffix: PublicSuffixCheck) -> Https:
    part = fields.Fields(fields.mapping(node), ("name", "certificate", "key", "port"))
    from gateway.policy.judge.world import LOCAL_NAMES  # needed only with a trusted name

    name = read_rule_host(part.need("name"), is_public_suffix)
    if name in LOCAL_NAMES:
        fix = "use one under a domain that is yours or your provider's; docs/providers/trusted-name.md"
        part.need("name").place.refuse(f"{name} exists at home alone: no authority certifies it", fix)
    read = Https(
        name,
        fields.full_path(part.need("certificate")),
        fields.full_path(part.need("key")),
        part.read("port", _port, HTTPS_PORT),
    )
    if read.port == plain:
        node.place.refuse(f"has port {plain}, where the pages are plain", "give it another, or leave it out")
    return read


def _port(node: Node) -> int:
    return fields.integer(node, 1, 65535)


def _listen(node: Node) -> tuple[str, int]:
    word = fields.text(node)
    address, _, port = word.rpartition(":")
    try:
        read = ipaddress.ip_address(address.removeprefix("[").removesuffix("]"))
        number = int(port) if port.isascii() and port.isdigit() else 0
    except ValueError:
        number = 0
    if not 1 <= number <= 65535:
        node.place.refuse(f"{shown(word)} is not an address with a port", 'write it like "192.168.1.1:8080"')
    return str(read), number
