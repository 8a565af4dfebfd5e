"""The DNS providers at which a gateway can get a certificate for its trusted name by DNS-01.

Each has an API with a token. The ACME client, lego or acme.sh, adds the TXT record through it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DnsProvider:
    """A DNS provider: its title, what ACME clients call it and its token, and its free zones."""

    title: str
    variable: str  # lego's environment variable for the token
    acme_sh: tuple[str, str] | None  # acme.sh's script and variable; None: it needs more than a token
    zones: tuple[str, ...] = ()  # below which it gives names; empty: domains of its customers

    def fits(self, name: str) -> bool:
        """Return True if a host name can be at this provider: under one of its zones, if it has any."""
        return not self.zones or any(name.endswith(f".{zone}") for zone in self.zones)


PROVIDERS: Mapping[str, DnsProvider] = {  # by lego's name of the provider
    "duckdns": DnsProvider("DuckDNS", "DUCKDNS_TOKEN", ("dns_duckdns", "DuckDNS_Token"), ("duckdns.org",)),
    "desec": DnsProvider("deSEC", "DESEC_TOKEN", ("dns_desec", "DEDYN_TOKEN")),
    "dynu": DnsProvider("Dynu", "DYNU_API_KEY", None),
    "cloudflare": DnsProvider("Cloudflare", "CLOUDFLARE_DNS_API_TOKEN", ("dns_cf", "CF_Token")),
}
