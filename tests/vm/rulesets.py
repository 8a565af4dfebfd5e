"""Every golden file is loaded as it stands: nft's own ``queue``, flow tables and updates too."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from gateway.kernel.marks import QUEUES
from gateway.kernel.nft import explain
from gateway.kernel.ruleset import QUEUE_BASE, TABLE
from tests.lab.home import ROOT
from tests.lab.netns import Namespace
from tests.vm.report import Try

GOLDEN = ROOT / "tests" / "golden"
# An update changes a table that is there; its file names it in other words.
_BEFORE = {"update-child-to-family.nft": "one-child.nft"}
_QUEUE = re.compile(r"\bqueue (?:flags \S+ )?to ")
_FLOWTABLE = re.compile(r"\bflow add @")


def points(empty: Namespace) -> Iterator[tuple[str, Try]]:
    """``empty`` has nothing but the interfaces that a flow table names."""
    for path in sorted(GOLDEN.glob("*.nft")):
        yield f"ruleset {path.stem}", partial(_load, empty, path)
    yield "queue targets", partial(_targets, empty)


def _load(empty: Namespace, path: Path) -> str:
    text = path.read_text("ascii")
    try:
        if before := _BEFORE.get(path.name):
            _nft(empty, (GOLDEN / before).read_text("ascii"))
        _nft(empty, text)
        listed = empty.run(["nft", "list", "table", *TABLE.split()], check=True).stdout
    finally:
        empty.run(["nft", "flush", "ruleset"], check=True)
    for statement in (_QUEUE, _FLOWTABLE):
        wanted, loaded = len(statement.findall(text)), len(statement.findall(listed))
        assert wanted == loaded, f"{loaded} of {wanted} statements `{statement.pattern}` are in the kernel"
    seen = [f"{len(_QUEUE.findall(listed))} queue statements"] if _QUEUE.search(listed) else []
    return ", ".join([*seen, *(["a flow table"] if _FLOWTABLE.search(listed) else [])])


def _nft(empty: Namespace, text: str) -> None:
    done = empty.run(["nft", "-f", "-"], stdin=text)
    assert done.returncode == 0, explain(text, done.stderr)


_INSTALL = f"""
from gateway.kernel.fallback import TargetQueue, has_target
assert has_target()
queue = TargetQueue({QUEUE_BASE})
queue.install()
assert queue.intact()
"""


def _targets(empty: Namespace) -> str:
    """What takes the place of nft's own queue where a kernel has none."""
    try:
        _nft(empty, (GOLDEN / "family-fallback.nft").read_text("ascii"))
        empty.run([sys.executable, "-c", _INSTALL], check=True)
        listed = empty.run(["nft", "list", "table", *TABLE.split()], check=True).stdout
    finally:
        empty.run(["nft", "flush", "ruleset"], check=True)
    assert len(re.findall(r"NFQUEUE|queue num", listed)) == QUEUES, listed
    return f"{QUEUES} targets"
