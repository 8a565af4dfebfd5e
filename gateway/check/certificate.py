"""`qalqan check`: the trusted name's certificate."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from gateway.check.findings import Finding, ok, unseen, warning
from gateway.control.listener import WEB_USER, WebUser
from gateway.policy.config.config import Config
from gateway.web.certificates import examine_files
from gateway.web.examined_certificate import SOON_DAYS

ABOUT = "certificate"
RENEW = "find out why it was not renewed, or renew it by hand: docs/providers/trusted-name.md"
OWNERS = "qalqan certificate install sets the right owner and mode"


def certificate_findings(config: Config, now: datetime | None = None) -> Iterator[Finding]:
    """Check the certificate, if there is a trusted name.

    Problems are warnings: without a valid certificate the pages use plain HTTP, and the filter still works.
    """
    https = config.web.https
    if https is None:
        return
    chain, key = Path(https.certificate), Path(https.key)
    if os.geteuid() and key.exists() and not os.access(key, os.R_OK):
        yield unseen(ABOUT, key)
        return
    now = now or datetime.now(UTC)
    found = examine_files(https.name, chain, key)
    for line in found.problems:
        text, _, fix = line.partition("; ")
        yield warning(ABOUT, text, fix)
    ended = found.dates(now)
    if ended:
        yield warning(ABOUT, f"{ended.partition(';')[0]}: the pages are plain HTTP", RENEW)
    elif found.until is not None and not found.problems:
        text = f"that of {https.name} is good until {found.until:%Y-%m-%d}"
        if found.days_left(now) < SOON_DAYS:
            yield warning(ABOUT, f"{text}, {found.days_left(now)} days from now", RENEW)
        else:
            yield ok(ABOUT, text)
    yield from _key(key)


def _key(key: Path) -> Iterator[Finding]:
    """Check who may read the key."""
    try:
        state = key.stat()
    except OSError:  # reported already
        return
    if state.st_mode & (stat.S_IROTH | stat.S_IWOTH | stat.S_IWGRP):
        yield warning(ABOUT, f"{key} is open to others than the pages", OWNERS)
    web = WebUser.found()
    if web is not None and not _reads(state, web):
        yield warning(ABOUT, f"{key} cannot be read by {WEB_USER}, the user of the pages", OWNERS)


def _reads(state: os.stat_result, web: WebUser) -> bool:
    if state.st_uid == web.uid:
        return bool(state.st_mode & stat.S_IRUSR)
    if state.st_gid == web.gid:
        return bool(state.st_mode & stat.S_IRGRP)
    return bool(state.st_mode & stat.S_IROTH)
