"""Counts tests and assertions by folder, and reports what vanished between two revisions.

``python -m tests.census`` prints the counts of this tree.
``python -m tests.census OLD [NEW]`` compares two git revisions, by default with this tree. A test is known by
the name of its function and of its class, so that a file may be moved or renamed. No record is committed: it
would change with each test, and the revisions have all of it.
"""

from __future__ import annotations

import argparse
import ast
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
EXPECTING = frozenset({"raises", "warns"})  # of pytest: as good as an assertion


@dataclass(frozen=True, slots=True)
class Census:
    """``ids``: every collected test. ``assertions``: by folder, of tests and their helpers."""

    ids: tuple[str, ...]
    assertions: Mapping[str, int]

    @property
    def tests(self) -> Counter[str]:
        """Tests by folder."""
        return Counter(os.path.dirname(one.partition("::")[0]) for one in self.ids)

    @property
    def functions(self) -> Counter[str]:
        """Tests by class and function, whatever file they are in and however they are parametrized."""
        return Counter(one.partition("[")[0].partition("::")[2] for one in self.ids)


def take(root: Path) -> Census:
    """Collect the tests of a tree. Raises SystemExit where pytest cannot."""
    argv = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(argv, cwd=root, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"census: pytest cannot collect {root}:\n{done.stdout[-2000:]}{done.stderr[-500:]}")
    ids = tuple(line for line in done.stdout.splitlines() if line.startswith("tests/") and "::" in line)
    assertions: Counter[str] = Counter()
    for path in sorted((root / "tests").rglob("*.py")):
        assertions[path.parent.relative_to(root).as_posix()] += count_assertions(path.read_text())
    return Census(ids, assertions)


def count_assertions(source: str) -> int:
    """The number of assert statements, ``pytest.raises`` and ``pytest.warns``."""
    return sum(
        isinstance(node, ast.Assert) or (isinstance(node, ast.Attribute) and node.attr in EXPECTING)
        for node in ast.walk(ast.parse(source))
    )


def report(census: Census) -> str:
    """One line a folder: tests and assertions."""
    tests = census.tests
    folders = sorted(tests.keys() | {one for one, count in census.assertions.items() if count})
    rows = [(folder, tests[folder], census.assertions.get(folder, 0)) for folder in folders]
    rows.append(("all", len(census.ids), sum(census.assertions.values())))
    lines = [f"{'folder':40}{'tests':>8}{'assertions':>12}"]
    lines += [f"{folder:40}{count:>8}{assertions:>12}" for folder, count, assertions in rows]
    return "\n".join(lines) + "\n"


def differences(old: Census, new: Census) -> Iterator[str]:
    """What vanished: test functions, parameters of those that are left, and assertions."""
    for name, count in sorted(old.functions.items()):
        left = new.functions[name]
        if not left:
            yield f"vanished  {name} ({count}), was in {', '.join(_files(old, name))}"
        elif left < count:
            yield f"fewer     {name}: {count} → {left}"
    before, after = sum(old.assertions.values()), sum(new.assertions.values())
    for folder, count in sorted(old.assertions.items()):
        left = new.assertions.get(folder, 0)
        if left < count:
            yield f"asserts   {folder}: {count} → {left}"
    yield f"{len(old.ids)} → {len(new.ids)} tests, {before} → {after} assertions"


def _files(census: Census, function: str) -> Iterable[str]:
    parts = (one.partition("[")[0].partition("::") for one in census.ids)
    return sorted({file for file, _, name in parts if name == function})


@contextmanager
def checked_out(revision: str) -> Iterator[Path]:
    """A tree of its own with the files of a revision."""
    with tempfile.TemporaryDirectory(prefix="qalqan-census-") as folder:
        tree = Path(folder) / "tree"
        subprocess.run(
            ["git", "worktree", "add", "--quiet", "--detach", tree, revision], cwd=ROOT, check=True
        )
        try:
            yield tree
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", tree], cwd=ROOT, check=True)


def _of(revision: str | None) -> Census:
    if revision is None:
        return take(ROOT)
    with checked_out(revision) as tree:
        return take(tree)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.census", description=__doc__)
    parser.add_argument("old", metavar="OLD", nargs="?", help="a git revision")
    parser.add_argument("new", metavar="NEW", nargs="?", help="another one; this tree without it")
    args = parser.parse_args(argv)
    if args.old is not None:
        print("\n".join(differences(_of(args.old), _of(args.new))))
        return 0
    print(report(take(ROOT)), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
