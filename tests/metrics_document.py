"""Writes the table of metrics in docs/providers/metrics.md, from their declarations.

python -m tests.metrics_document
"""

from __future__ import annotations

from pathlib import Path

from gateway.features.status.metric_catalogue import CATALOGUE

DOCUMENT = Path(__file__).parents[1] / "docs" / "providers" / "metrics.md"
BEGIN, END = "<!-- metrics: begin -->\n", "<!-- metrics: end -->\n"


def table() -> str:
    rows = (
        f"| `{metric.sample}` | {metric.kind} | {metric.unit} | "
        f"{', '.join(f'`{label}`' for label in metric.labels)} | {metric.help} |\n"
        for metric in CATALOGUE
    )
    return "| metric | type | unit | labels | meaning |\n|---|---|---|---|---|\n" + "".join(rows)


def document() -> str:
    """Return the document with the table of the current code."""
    before, _, rest = DOCUMENT.read_text("utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{table()}{END}{after}"


if __name__ == "__main__":
    DOCUMENT.write_text(document(), "utf-8")
