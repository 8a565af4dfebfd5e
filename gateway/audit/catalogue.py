"""The checks of a filter test, in the order of docs/families/bypass.md.

``plan`` replaces words with @ in a job: ``@refused`` and ``@allowed`` are sites by this profile's rules,
``@far`` is an address that belongs to no name, ``@resolver`` is the address of a resolver that is on no list,
``@at:NAME`` is the address of a name in the simulated internet.
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
"""Checks that must pass: without them the result of others is unknown."""

CHECKS: tuple[Check, ...] = (
    *checks_names.CHECKS,
    *checks_sites.CHECKS,
    *checks_tunnels.CHECKS,
    *checks_router.CHECKS,
)
