"""Builds the support file: versions, checks, counters, last errors. It has no personal data.

Of a finding of the self-test it has the subject, level and code, and the text only if that is about the
machine; of a log line it has the template in the code.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from gateway import __version__
from gateway.control.contract.health import FindingEntry

FORMAT = 1  # increases when the meaning of a key changes
OS_RELEASE = (Path("/etc/os-release"), Path("/usr/lib/os-release"))
PLATFORM_KEYS = ("ID", "VERSION_ID")

# These are about this machine and its programs only. Others may name a child's file, a device,
# an address or a site.
IMPERSONAL = frozenset({"product", "offload", "queue", "nft", "marks", "services", "routing", "help", "dns"})


def about_gateway(made: datetime, findings: Iterable[FindingEntry]) -> dict[str, Any]:
    """Return the fields of the support file that need no daemon: versions, system and findings.

    ``made``: when. ``findings``: of the self-test; those that may be personal lose their text.
    """
    return {
        "format": FORMAT,
        "made": made,
        "version": __version__,
        "python": sys.version.partition(" ")[0],
        "kernel": os.uname().release,
        "machine": os.uname().machine,
        "platform": operating_system(),
        "findings": tuple(impersonal(finding) for finding in findings),
    }


def impersonal(finding: FindingEntry) -> FindingEntry:
    entry = FindingEntry(level=finding.level, about=finding.about, code=finding.code)
    if finding.about not in IMPERSONAL:
        return entry
    return replace(entry, text=finding.text, values=finding.values)


def operating_system(paths: Iterable[Path] = OS_RELEASE) -> str:
    """Return the name and version of the operating system, such as ``debian 13``; empty if unknown."""
    path = next((path for path in paths if path.is_file()), None)
    if path is None:
        return ""
    pairs = (line.partition("=") for line in path.read_text("utf-8", "replace").splitlines())
    known = {key: value.strip("\"' ") for key, _, value in pairs}
    return " ".join(known[key] for key in PLATFORM_KEYS if known.get(key))
