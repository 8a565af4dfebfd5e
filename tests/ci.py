"""Runs targets of make, failed test files once more, and sums up: the end of ``.ci/run``.

``python -m tests.ci lint test test-system``: a failed file runs again, alone. If it then passes, it is
printed as ``FLAKY path`` and counts as passed. The last line is ``N passed, N failed``. The exit status is 1
where a file failed twice, where a target did not come to its end, and with ``--failed STEP``. The target of
``--beside`` runs at the same time as the others.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / ".run"
MOST_FILES = 6  # that run again: more failures have one cause, and would take too long


@dataclass(frozen=True, slots=True)
class Results:
    """The number of passed tests, and the failed ones by file."""

    passed: int = 0
    failed: Counter[str] = field(default_factory=Counter)


def read_results(path: Path) -> Results:
    """Read pytest's JUnit file. Raises OSError or ElementTree.ParseError where there is none."""
    passed, failed = 0, Counter[str]()
    for case in ElementTree.parse(path).iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            failed[file_of(case.get("classname") or case.get("name") or "")] += 1
        elif case.find("skipped") is None:
            passed += 1
    return Results(passed, failed)


def file_of(module: str) -> str:
    """The path of ``tests.wire.tls.test_tls.TestClass``; the text itself where there is no such file."""
    parts = module.split(".")
    paths = ["/".join(parts[:end]) + ".py" for end in range(len(parts), 0, -1)]
    return next((path for path in paths if (ROOT / path).is_file()), module)


def run_target(target: str, *settings: str) -> int:
    return subprocess.run(["make", target, *settings], cwd=ROOT, check=False).returncode


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.ci", description=__doc__)
    parser.add_argument("targets", metavar="TARGET", nargs="+", help="of make; tests write .run/TARGET.xml")
    parser.add_argument("--beside", metavar="TARGET", help='of make, with its settings: "vm ARGS=loaded"')
    parser.add_argument("--failed", metavar="STEP", action="append", default=[], help="that failed before")
    args = parser.parse_args(argv)
    broken: list[str] = args.failed
    passed, failed = 0, 0
    again: list[tuple[str, str, int]] = []
    beside = subprocess.Popen(["make", *args.beside.split()], cwd=ROOT) if args.beside else None
    for target in args.targets:
        path = RESULTS / f"{target}.xml"
        path.unlink(missing_ok=True)
        status = run_target(target)
        try:
            results = read_results(path)
        except (OSError, ElementTree.ParseError):
            results = Results()
        passed += results.passed
        again += [(target, file, count) for file, count in sorted(results.failed.items())]
        if status and not results.failed:
            broken.append(f"make {target}")
    for target, file, count in again:
        alone = ("WORKERS=0", f"ARGS={file}")
        if len(again) <= MOST_FILES and (ROOT / file).is_file() and run_target(target, *alone) == 0:
            print(f"FLAKY {file}", flush=True)
            passed += count
        else:
            print(f"FAILED {file}", flush=True)
            failed += count
    if beside is not None and beside.wait():
        broken.append(f"make {args.beside}")
    for step in broken:
        print(f"FAILED {step}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or broken else 0


if __name__ == "__main__":
    sys.exit(main())
