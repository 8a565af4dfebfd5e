"""`qalqan check`: checks the certificate and the published addresses of the pages' trusted name."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from gateway.check.findings import Finding, is_hidden, note, ok, unseen, warning
from gateway.control.listener import WEB_USER, WebUser
from gateway.core.loop import Loop
from gateway.dataplane.lookups import PATIENCE, PeriodicLookups, resolvers
from gateway.lan.interfaces import PAGES_PACKED, text
from gateway.policy.config.captive_portal import api_address, dnsmasq_options, uci_commands
from gateway.policy.config.config import Config
from gateway.policy.config.web import PAGES
from gateway.web.certificates import examine_files
from gateway.web.examined_certificate import SOON_DAYS

ABOUT = "certificate"
RENEW = "find out why it was not renewed, or renew it by hand: docs/providers/trusted-name.md"
OWNERS = "qalqan certificate install sets the right owner and mode"

SHOWN_ADDRESSES = 3  # addresses of a name
QUERIES_EACH = 2  # queries to each resolver: A and AAAA
PUBLISH = f"publish {' and '.join(PAGES)} there, or nothing: docs/providers/trusted-name.md"


def certificate_findings(config: Config, now: datetime | None = None) -> Iterator[Finding]:
    """Yield findings about the certificate of the trusted HTTPS name, if there is such a name.

    Problems are warnings: without a valid certificate the pages use plain HTTP, and the filter still works.
    """
    https = config.web.https
    if https is None:
        return
    chain, key = Path(https.certificate), Path(https.key)
    if is_hidden(key):
        yield unseen(ABOUT, key)
        return
    now = now or datetime.now(UTC)
    found = examine_files(https.name, chain, key)
    for line in found.problems:
        text, _, fix = line.partition("; ")
        yield warning(ABOUT, text, fix, code="certificate_wrong")
    ended = found.dates(now)
    if ended:
        yield warning(
            ABOUT, f"{ended.partition(';')[0]}: the pages are plain HTTP", RENEW, code="certificate_ended"
        )
    elif found.until is not None and not found.problems:
        text = f"that of {https.name} is good until {found.until:%Y-%m-%d}"
        if found.days_left(now) < SOON_DAYS:
            yield warning(
                ABOUT,
                f"{text}, {found.days_left(now)} days from now",
                RENEW,
                code="certificate_ends",
                days=found.days_left(now),
            )
        else:
            yield ok(ABOUT, text)
    yield from _key(key)


def announcement_findings(config: Config, root: Path = Path("/")) -> Iterator[Finding]:
    """Yield a finding: whether DHCP announces the captive-portal API of the pages, and how to turn that on.

    Nothing without a trusted name, or without a known DHCP server. It searches the settings of OpenWrt's DHCP
    and of dnsmasq. A note if no readable file announces it and others cannot be read. ``root``: for tests.
    """
    https = config.web.https
    if https is None:
        return
    address, uci = api_address(https.name), root / "etc/config/dhcp"
    folder = root / "etc/dnsmasq.d"
    files = (uci, root / "etc/dnsmasq.conf", *sorted(folder.glob("*")))
    hidden = [path for path in (folder, *files) if is_hidden(path)]
    known = [file for file in files if file not in hidden and file.is_file()]
    if any(address in file.read_text("utf-8", "replace") for file in known):
        yield ok("dhcp", f"announces {address}")
    elif hidden:
        yield unseen("dhcp", hidden[0])
    elif known:
        text = "devices without mobile data would show sooner why they are blocked if DHCP said where"
        fix = "; ".join(uci_commands(https.name))
        if not uci.is_file():
            lines = " and ".join(dnsmasq_options(https.name))
            fix = f"run qalqan setup again, or add {lines} to dnsmasq's settings and restart it"
        yield note("dhcp", text, fix, code="captive_api")


def _key(key: Path) -> Iterator[Finding]:
    """Yield a warning if all may open the key's file, its group may write it, or the pages cannot read it."""
    try:
        state = key.stat()
    except OSError:  # reported already
        return
    if state.st_mode & (stat.S_IROTH | stat.S_IWOTH | stat.S_IWGRP):
        yield warning(ABOUT, f"{key} is open to others than the pages", OWNERS, code="key_open")
    web = WebUser.found()
    if web is not None and not _reads(state, web):
        yield warning(
            ABOUT,
            f"{key} cannot be read by {WEB_USER}, the user of the pages",
            OWNERS,
            code="certificate_wrong",
        )


def _reads(state: os.stat_result, web: WebUser) -> bool:
    if state.st_uid == web.uid:
        return bool(state.st_mode & stat.S_IRUSR)
    if state.st_gid == web.gid:
        return bool(state.st_mode & stat.S_IRGRP)
    return bool(state.st_mode & stat.S_IROTH)


def name_findings(config: Config) -> Iterator[Finding]:
    """Yield a warning if public DNS has addresses for the trusted HTTPS name that are not the pages' own.

    Yield an OK if it has only the pages' own (PAGES), and nothing if it has none or does not respond. On the
    LAN the gateway answers for the name, but a device with encrypted DNS gets the published addresses.
    """
    https = config.web.https
    if https is None:
        return
    found = published(https.name)
    elsewhere = [text(address) for address in found if address not in PAGES_PACKED]
    if elsewhere:
        shown = ", ".join(elsewhere[:SHOWN_ADDRESSES])
        said = f"{https.name} points to {shown} on the internet, and devices with encrypted DNS go there"
        yield warning(ABOUT, said, PUBLISH, code="name_elsewhere", name=https.name)
    elif found:
        yield ok(ABOUT, f"{https.name} points to this gateway on the internet too")


def published(name: str) -> list[bytes]:
    """Return the addresses that public DNS has for a name, each as 4 or 16 bytes.

    Ask the resolvers that the gateway uses, and wait up to three seconds. Return an empty list without an
    answer.
    """
    loop, servers, found, answers = Loop(), resolvers(), dict[bytes, None](), 0

    def heard(_name: str, addresses: list[bytes]) -> None:
        nonlocal answers
        answers += 1
        found.update(dict.fromkeys(addresses))
        if answers == QUERIES_EACH * len(servers):
            loop.stop()

    lookups = PeriodicLookups(loop, servers, heard)
    try:
        lookups.ask(name)
        loop.call_later(PATIENCE, loop.stop)
        loop.run()
    finally:
        lookups.close()
        loop.close()
    return list(found)
