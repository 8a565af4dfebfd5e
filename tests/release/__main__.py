"""The last step of `make release`: a line for each missing review, and exit status 1. Publishes nothing."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

from gateway.household.loading import load_countries
from tests.release.dates import refusals

ROOT = Path(__file__).parents[2]
DOCUMENTS = ("docs/providers/cria.md", "docs/families/consultation.md")


def main() -> int:
    today = datetime.now(UTC).date()
    documents = {name: (ROOT / name).read_text() for name in DOCUMENTS}
    found = list(refusals(today, load_countries().values(), documents))
    for line in found:
        print(line, file=sys.stderr)
    print(f"{len(found)} to fix before a release" if found else "Nothing is missing for a release.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
