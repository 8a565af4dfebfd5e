"""Writes the tables of codes in docs/providers/check.md: what a parent reads on the page of Health.

python -m tests.finding_codes
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from flask import Flask

from webui.features.status import finding_text

DOCUMENT = Path(__file__).parents[1] / "docs" / "providers" / "check.md"
BEGIN, END = "<!-- codes: begin -->\n", "<!-- codes: end -->\n"


def tables() -> str:
    """Return the codes of the checks and of the daemon's parts, each with its text and what to do."""
    with Flask(__name__).test_request_context():
        checks, parts = finding_text._texts(), finding_text._problems()
    return (
        f"\nOf the checks:\n\n{_table(checks)}\n"
        f"Of parts of the running daemon (`coded_problems` of the verb `status`):\n\n{_table(parts)}\n"
    )


def _table(texts: Mapping[str, tuple[str, str]]) -> str:
    rows = (f"| `{code}` | {text} | {advice} |\n" for code, (text, advice) in sorted(texts.items()))
    return "| code | meaning | what to do |\n|---|---|---|\n" + "".join(rows)


def document() -> str:
    """Return the document with the tables of the current code."""
    before, _, rest = DOCUMENT.read_text("utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{tables()}{END}{after}"


if __name__ == "__main__":
    DOCUMENT.write_text(document(), "utf-8")
