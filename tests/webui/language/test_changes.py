"""Each kind of line of the audit log is told in words, whatever stands in it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

import gateway.daemon
from webui.language.changes import told
from webui.pages.auditlog import Line

NOW = datetime(2026, 11, 25, 15, 0, tzinfo=UTC)
# audit("kind", …) and self._audit(request, by, "kind", …) of the daemon's modules.
KINDS = sorted(
    {
        kind
        for path in Path(gateway.daemon.__file__).parent.glob("*.py")
        for kind in re.findall(r'audit\((?:[\w.]+, )*"([a-z_ ]+)"', path.read_text())
    }
    - {"says adult", "pin tries"}  # by the gateway itself, of a device or child
)


def line(what: str, about: str = "Aruzhan", detail: str = "x") -> Line:
    return Line(NOW, "Mum", what, about, detail, None, "192.168.1.7", "phone")


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_is_no_word_of_the_program(kind: str) -> None:
    assert "_" not in told(line(kind), NOW)
    assert told(line(kind), NOW) != f"{kind} Aruzhan x"


def test_who_is_gone_is_called_as_it_was() -> None:
    assert told(line("remove_profile", about="", detail="timur"), NOW) == "took timur out of the family"
    assert told(line("edit", about="", detail="timur: block"), NOW) == "changed the rules of timur"


def test_there_are_kinds() -> None:
    assert {"edit", "add_profile", "assign", "list_add"} <= set(KINDS)
