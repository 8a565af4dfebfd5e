"""`qalqan check`: where the trusted name leads outside the home's own answers."""

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
ASKED = 2  # questions to each resolver: A and AAAA
MEND = f"publish {' and '.join(PAGES)} there, or nothing: docs/providers/trusted-name.md"


def name_findings(config: Config) -> Iterator[Finding]:
    """In the home the gateway answers for its name. A device that encrypts its DNS hears what is published:
    these same addresses, or nothing. No answer at all tells nothing.
    """
    https = config.web.https
    if https is None:
        return
    found = published(https.name)
    elsewhere = [text(one) for one in found if one not in PAGES_PACKED]
    if elsewhere:
        shown = ", ".join(elsewhere[:SHOWN])
        said = f"{https.name} leads to {shown} on the internet, and devices that encrypt their DNS go there"
        yield warning(ABOUT, said, MEND)
    elif found:
        yield ok(ABOUT, f"{https.name} leads to this gateway on the internet too")


def published(name: str) -> list[bytes]:
    """What the gateway's own resolvers say; answers that do not come are waited for three seconds."""
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
