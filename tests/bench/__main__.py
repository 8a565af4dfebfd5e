"""`make bench`: every figure with its mark, and docs/performance.md with them.

python -m tests.bench [--only NAME ...] [--quick] [--lists FOLDER]
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path

from tests.bench import (
    bulk,
    connections,
    cost,
    cuts,
    feed,
    flash,
    https,
    latency,
    lookups,
    memory,
    onedevice,
    packets,
    pages,
    peers,
    questions,
    refused,
    reloads,
    sealed,
    size,
    status,
    ticks,
    updates,
    uploads,
)
from tests.bench.figures import Figure, Settings, Skipped

BENCHMARKS: dict[str, Callable[[Settings], Iterable[Figure]]] = {
    "lookups": lookups.measure,
    "updates": updates.measure,
    "sealed": sealed.measure,
    "questions": questions.measure,
    "memory": memory.measure,
    "packets": packets.measure,
    "refused": refused.measure,
    "time": lambda settings: chain(ticks.measure(settings), cuts.measure(settings)),
    "connections": lambda settings: chain(connections.measure(settings), latency.measure(settings)),
    "cost": cost.measure,
    "device": onedevice.measure,
    "bulk": bulk.measure,
    "uploads": uploads.measure,
    "peers": peers.measure,
    "status": status.measure,
    "reloads": reloads.measure,
    "flash": flash.measure,
    "pages": pages.measure,
    "https": https.measure,
    "size": size.measure,
    "feed": feed.measure,
}
DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "performance.md"
HEAD = ("| what | measured | mark | | |", "|---|--:|--:|---|---|")
BEGIN, END = "<!-- figures: written by make bench -->", "<!-- end of figures -->"


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("--only", nargs="+", choices=sorted(BENCHMARKS), default=list(BENCHMARKS))
    parser.add_argument("--quick", action="store_true", help="few rounds: writes no document")
    parser.add_argument("--print", action="store_true", help="writes no document either")
    parser.add_argument("--lists", type=Path, help="a folder of real lists, NAME.txt a category")
    args = parser.parse_args()
    lists = args.lists or (Path(p) if (p := os.environ.get("QALQAN_BENCH_LISTS")) else None)
    print(_machine(), flush=True)
    load = os.getloadavg()[1]
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as folder:
        # An installed daemon has its bytecode; one that compiles it at each start is slower and larger.
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        os.environ["PYTHONPYCACHEPREFIX"] = f"{folder}/bytecode"
        settings = Settings(Path(folder), args.quick, lists)
        for name in args.only:
            try:
                for figure in BENCHMARKS[name](settings):
                    print(figure.line(), flush=True)
                    figures.append(figure)
            except Skipped as reason:
                print(f"  {name}: skipped, {reason}", flush=True)
    if not (args.quick or args.print):
        _write(figures, load, whole=set(args.only) == set(BENCHMARKS))
        print(f"written to {DOCUMENT.name}")
    return 0


def _machine() -> str:
    """Processor, kernel and Python, as the table names them."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith(("model name", "Model"))]
    kernel = platform.release().partition("-")[0]
    model = models[0] if models else "a processor without a name"
    return f"{model}, {os.cpu_count()} cores, Linux {kernel}, Python {platform.python_version()}"


def _write(figures: list[Figure], load: float, *, whole: bool) -> None:
    """Put the table between the two marks of the document, each row with its day and load.

    A run of some parts replaces only their rows.
    """
    day = f"{datetime.now(UTC):%Y-%m-%d}"
    head, _, rest = DOCUMENT.read_text("utf-8").partition(BEGIN)
    before, _, tail = rest.partition(END)
    top, rows = [f"Machine: {_machine()}.", "", *HEAD], {}
    if not whole:
        lines = before.strip().splitlines()
        top = lines[: lines.index(HEAD[-1]) + 1]
        rows = {_name(line): line for line in lines[len(top) :]}
    for figure in figures:
        note = f"{figure.note}; {day}, load {load:.1f}".removeprefix("; ")
        row = f"| {figure.name} | {figure.shown} | {figure.mark_shown} | {figure.verdict} | {note} |"
        rows[figure.name] = row
    DOCUMENT.write_text(f"{head}{BEGIN}\n" + "\n".join([*top, *rows.values()]) + f"\n{END}{tail}", "utf-8")


def _name(row: str) -> str:
    return row.split("|")[1].strip()


if __name__ == "__main__":
    raise SystemExit(main())
