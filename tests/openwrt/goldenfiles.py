"""What a router was told, against what it was told when somebody last read it.

``QALQAN_GOLDEN=write pytest tests/openwrt`` writes the files.
"""

from __future__ import annotations

import os
from pathlib import Path

GOLDEN = Path(__file__).parent / "golden"


def same_as_golden(told: str, name: str) -> bool:
    """Raises AssertionError, with both, where it is not."""
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("QALQAN_GOLDEN") == "write":
        path.write_text(told)
    assert told == path.read_text(), f"other than {path.name}"
    assert "!!" not in told, "procd would lose something in silence"
    return True
