"""The checks of an audit, in the order of docs/families/bypass.md.

Words with @ in a job are filled in by ``plan``: ``@refused`` and ``@allowed`` are sites by this profile's
rules, ``@far`` is an address that no name has, ``@resolver`` one of a resolver that no list knows,
``@at:NAME`` the address that the pretended internet gives to a name.
"""

from __future__ import annotations

from gateway.audit import checks_names, checks_router, checks_sites, checks_tunnels
from gateway.audit.checks import Check, Want

CONTROLS = (
    Check(
        "control-dns", "an allowed name, asked of another resolver", "Controls",
        {"probe": "dns", "to": "@resolver", "port": 53, "name": "@allowed", "qtype": "@type"},
        "", want=Want.ADDRESS, needs="", passes=True,
    ),
    Check(
        "control-tls", "a page of an allowed site", "Controls",
        {"probe": "https", "to": "@at:allowed", "port": 443, "name": "@allowed"},
        "", needs="dns", passes=True,
    ),
)  # fmt: skip
"""They must pass, or what depends on them cannot be told."""

CHECKS: tuple[Check, ...] = (
    *checks_names.CHECKS,
    *checks_sites.CHECKS,
    *checks_tunnels.CHECKS,
    *checks_router.CHECKS,
)
