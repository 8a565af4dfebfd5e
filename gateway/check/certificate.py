"""`qalqan check`: the trusted name's certificate, before it ends."""

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
RENEW = "see why it was not renewed, or renew it by hand: docs/providers/trusted-name.md"
OWNERS = "qalqan certificate install gives it the right owner and mode"


def certificate_findings(config: Config, now: datetime | None = None) -> Iterator[Finding]:
    """Nothing where there is no trusted name. While there is no good one the pages are plain HTTP: a warning,
    for the filter works all the same.
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
        text, _, mend = line.partition("; ")
        yield warning(ABOUT, text, mend)
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
    """Who may read it."""
    try:
        told = key.stat()
    except OSError:  # told above
        return
    if told.st_mode & (stat.S_IROTH | stat.S_IWOTH | stat.S_IWGRP):
        yield warning(ABOUT, f"{key} is open to others than the pages", OWNERS)
    web = WebUser.found()
    if web is not None and not _reads(told, web):
        yield warning(ABOUT, f"{key} cannot be read by {WEB_USER}, who serves the pages", OWNERS)


def _reads(told: os.stat_result, web: WebUser) -> bool:
    if told.st_uid == web.uid:
        return bool(told.st_mode & stat.S_IRUSR)
    if told.st_gid == web.gid:
        return bool(told.st_mode & stat.S_IRGRP)
    return bool(told.st_mode & stat.S_IROTH)
