"""`qalqan check`: where the trusted name points outside of the home."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.check.findings import Finding, ok, warning
from gateway.core.loop import Loop
from gateway.dataplane.lookups import PATIENCE, Lookups, resolvers
from gateway.lan.interfaces import PAGES_PACKED, text
from gateway.policy.config.config import Config
from gateway.policy.config.web import PAGES

ABOUT = "certificate"
SHOWN = 3  # addresses of a name
ASKED = 2  # queries to each resolver: A and AAAA
FIX = f"publish {' and '.join(PAGES)} there, or nothing: docs/providers/trusted-name.md"


def name_findings(config: Config) -> Iterator[Finding]:
    """Check the published addresses of the trusted name.

    On the LAN the gateway answers for the name. A device with encrypted DNS gets the published addresses,
    which must be the same, or none. No response at all is not reported.
    """
    https = config.web.https
    if https is None:
        return
    found = published(https.name)
    elsewhere = [text(address) for address in found if address not in PAGES_PACKED]
    if elsewhere:
        shown = ", ".join(elsewhere[:SHOWN])
        said = f"{https.name} points to {shown} on the internet, and devices with encrypted DNS go there"
        yield warning(ABOUT, said, FIX)
    elif found:
        yield ok(ABOUT, f"{https.name} points to this gateway on the internet too")


def published(name: str) -> list[bytes]:
    """Return the answers of the gateway's resolvers; waits up to three seconds."""
    loop, servers, found, answers = Loop(), resolvers(), dict[bytes, None](), 0

    def heard(_name: str, addresses: list[bytes]) -> None:
        nonlocal answers
        answers += 1
        found.update(dict.fromkeys(addresses))
        if answers == ASKED * len(servers):
            loop.stop()

    lookups = Lookups(loop, servers, heard)
    try:
        lookups.ask(name)
        loop.call_later(PATIENCE, loop.stop)
        loop.run()
    finally:
        lookups.close()
        loop.close()
    return list(found)
