"""What the daemon does about its memory, each in a process of its own: all of it changes the process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.daemon.memory import in_a_child

ROOT = Path(__file__).parents[2]


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    return done.stdout.strip()


def test_hashes_work_without_openssl() -> None:
    loaded = "any('libcrypto' in line for line in open('/proc/self/maps'))"
    code = f"import hashlib, hmac; print(hashlib.sha256(b'a').hexdigest()[:8], {loaded})"
    first = "from gateway.daemon.memory import one_openssl; one_openssl();"
    assert run(first + code) == "ca978112 False"
    assert run(
        code + ";" + first + "import secrets, hashlib; print(hashlib.sha1(b'a').hexdigest()[:4])"
    ).endswith("86f7")


def test_dataclasses_come_without_inspect_and_who_asks_for_it_gets_it() -> None:
    first = (
        "import sys, gateway.cli; from gateway.daemon.memory import dataclasses_alone; dataclasses_alone();"
    )
    made = "from dataclasses import dataclass, fields; D = dataclass(frozen=True, slots=True)(type('D', (), "
    made += "{'__annotations__': {'a': int, 'b': str}, 'b': 'x'}));"
    shown = (
        "print(D(1), [one.name for one in fields(D)], [name in sys.modules for name in ('inspect', 'ast')])"
    )
    assert run(first + made + shown) == "D(a=1, b='x') ['a', 'b'] [False, False]"
    asked = "import inspect, dataclasses;"
    asked += "print(str(inspect.signature(D)), dataclasses.inspect.unwrap(D) is D, 'ast' in sys.modules)"
    assert run(first + made + asked) == "(a: int, b: str = 'x') -> None True True"
    late = "import inspect, sys; from gateway.daemon.memory import dataclasses_alone; dataclasses_alone();"
    assert run(late + "import dataclasses; print(dataclasses.inspect is inspect)") == "True"


def test_nothing_that_only_start_needs_is_in_the_daemon() -> None:
    heavy = (
        "inspect", "scapy", "subprocess", "idna", "zipfile", "importlib.resources", "tempfile", "shutil",
        "sqlite_utils", "asyncio", "ssl",
    )  # fmt: skip
    code = (
        "import sys; from gateway.daemon.memory import dataclasses_alone, one_openssl; dataclasses_alone();"
        "one_openssl();"
        "import gateway.daemon.main; from gateway import household; household.load_product();"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    assert run(code) == "[]"


def test_a_child_leaves_what_it_did_on_the_disk_and_nothing_in_memory(tmp_path: Path) -> None:
    done: list[int] = []

    def work() -> None:
        done.append(1)
        (tmp_path / "made").write_text(str(os.getpid()))

    in_a_child(work)
    assert int((tmp_path / "made").read_text()) != os.getpid()
    assert done == []


@pytest.mark.parametrize("error", [RuntimeError, SystemExit, KeyboardInterrupt])
def test_what_goes_wrong_in_a_child_stays_there(error: type[BaseException]) -> None:
    def work() -> None:
        raise error

    in_a_child(work)
