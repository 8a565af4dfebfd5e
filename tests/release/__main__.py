"""The last step of `make release`: a line for each missing review and known fault, and exit status 1.

Publishes nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from gateway.household.loading import load_countries
from tests.release.advisories import AdvisoriesError, compare
from tests.release.build import recipes
from tests.release.dates import refusals
from tests.release.lock import pinned

ROOT = Path(__file__).parents[2]
DOCUMENTS = ("docs/providers/cria.md", "docs/families/consultation.md")


def main() -> int:
    today = datetime.now(UTC).date()
    documents = {name: (ROOT / name).read_text() for name in DOCUMENTS}
    found = [*refusals(today, load_countries().values(), documents), *known_faults()]
    for line in found:
        print(line, file=sys.stderr)
    print(f"{len(found)} to fix before a release" if found else "Nothing is missing for a release.")
    return 1 if found else 0


def known_faults() -> Iterator[str]:
    """Yield a line for each advisory about a Python package, pinned or of the OpenWrt feed.

    Without advisories, this prints why on stderr.
    """
    try:
        yield from (advisory.line() for advisory in compare([*_pins(), *_recipes()]))
    except AdvisoriesError as error:
        print(f"Not compared with advisories: {error}", file=sys.stderr)


def _pins() -> Iterator[tuple[str, str]]:
    return ((pin.name, pin.version) for pin in pinned())


def _recipes() -> Iterator[tuple[str, str]]:
    sources = (package for package in recipes() if package.from_pypi)
    return ((package.facts["PYPI_NAME"], package.facts["PKG_VERSION"]) for package in sources)


if __name__ == "__main__":
    sys.exit(main())
