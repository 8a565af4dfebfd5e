"""`make lint`: each public class name of gateway and webui is defined once."""

from __future__ import annotations

import ast
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("gateway", "webui")

# Names that two modules may define because both mean the same, with the reason for two definitions.
SAME_CONCEPT: Mapping[str, str] = {}


def definitions(root: Path, packages: tuple[str, ...]) -> dict[str, list[str]]:
    """Return the public top-level classes by name, each with the places of its definitions."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted(file for package in packages for file in (root / package).rglob("*.py")):
        for node in ast.parse(path.read_bytes()).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                found[node.name].append(f"{path.relative_to(root)}:{node.lineno}")
    return found


def report(found: Mapping[str, list[str]], same_concept: Mapping[str, str]) -> Iterator[str]:
    """Yield the lines to print: each name that is defined twice, and each exception that is not needed."""
    for name, places in sorted(found.items()):
        if len(places) > 1 and name not in same_concept:
            yield f"{name}: rename all but one, or list the name in SAME_CONCEPT: {', '.join(places)}"
    for name in sorted(same_concept):
        if len(found.get(name, ())) < 2:
            yield f"{name}: remove it from SAME_CONCEPT. It is defined at most once."


def main() -> int:
    lines = list(report(definitions(ROOT, PACKAGES), SAME_CONCEPT))
    print("\n".join(lines) or "no class name is defined twice")
    return int(bool(lines))


if __name__ == "__main__":
    sys.exit(main())
