"""`make fuzz`: each target under atheris for a while, one process each; a finding ends it with its input.

python -m tests.fuzz [--seconds 60] [TARGET ...]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

FOUND = Path(".run", "fuzz")  # where inputs of findings are kept


def _run_one(name: str) -> None:
    """In a process of its own: libFuzzer never returns."""
    import atheris

    # What is imported before this is not seen by the fuzzer, so nothing of the gateway or of fido2 is.
    with atheris.instrument_imports(include=["gateway", "fido2"]):
        from tests.fuzz.targets import TARGETS
    atheris.Setup([sys.argv[0], *sys.argv[3:]], TARGETS[name])
    atheris.Fuzz()


def main() -> int:
    from tests.fuzz.corpus import seeds
    from tests.fuzz.targets import TARGETS

    parser = argparse.ArgumentParser(prog="make fuzz")
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("targets", nargs="*", default=sorted(TARGETS), help="all of them when none is named")
    args = parser.parse_args()
    FOUND.mkdir(parents=True, exist_ok=True)
    failed = []
    for name in args.targets:
        if name not in TARGETS:
            parser.error(f"there is no target {name}; there are {', '.join(sorted(TARGETS))}")
        with tempfile.TemporaryDirectory() as folder:
            for number, seed in enumerate(seeds(name)):
                Path(folder, f"seed{number}").write_bytes(seed)
            command = [sys.executable, "-m", "tests.fuzz", "--one", name, folder]
            options = [
                f"-max_total_time={args.seconds}",
                "-max_len=16384",
                "-timeout=10",
                "-rss_limit_mb=2048",
                f"-artifact_prefix={FOUND}/",
            ]
            done = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
        last = [line for line in done.stderr.splitlines() if "\tDONE" in line or "ERROR" in line][-1:]
        print(
            f"{name:16} {'ok' if done.returncode == 0 else 'FAILED'}  {''.join(last).strip()[:100]}",
            flush=True,
        )
        if done.returncode:
            failed.append(name)
            print(done.stderr[-3000:])
    return 1 if failed else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        _run_one(sys.argv[2])
    sys.exit(main())
