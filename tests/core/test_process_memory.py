"""What the daemon does about its memory, each in a process of its own: all of it changes the process."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.core.process_memory import drop_read_pages, read_areas, run_in_child

ROOT = Path(__file__).parents[2]


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    return done.stdout.strip()


def test_hashes_work_without_openssl() -> None:
    loaded = "any('libcrypto' in line for line in open('/proc/self/maps'))"
    code = f"import hashlib, hmac; print(hashlib.sha256(b'a').hexdigest()[:8], {loaded})"
    first = "from gateway.core.process_memory import one_openssl; one_openssl();"
    assert run(first + code) == "ca978112 False"
    assert run(
        code + ";" + first + "import secrets, hashlib; print(hashlib.sha1(b'a').hexdigest()[:4])"
    ).endswith("86f7")


def test_dataclasses_come_without_inspect_and_who_asks_for_it_gets_it() -> None:
    first = "import sys, gateway.cli.main; from gateway.core.process_memory import import_dataclasses_alone;"
    first += "import_dataclasses_alone();"
    made = "from dataclasses import dataclass, fields; D = dataclass(frozen=True, slots=True)(type('D', (), "
    made += "{'__annotations__': {'a': int, 'b': str}, 'b': 'x'}));"
    shown = (
        "print(D(1), [one.name for one in fields(D)], [name in sys.modules for name in ('inspect', 'ast')])"
    )
    assert run(first + made + shown) == "D(a=1, b='x') ['a', 'b'] [False, False]"
    asked = "import inspect, dataclasses;"
    asked += "print(str(inspect.signature(D)), dataclasses.inspect.unwrap(D) is D, 'ast' in sys.modules)"
    assert run(first + made + asked) == "(a: int, b: str = 'x') -> None True True"
    late = "import inspect, sys; from gateway.core import process_memory as memory;"
    late += "memory.import_dataclasses_alone();"
    assert run(late + "import dataclasses; print(dataclasses.inspect is inspect)") == "True"


COMPACT = """
import gc
from gateway.core.process_memory import forget_annotations_and_docstrings, import_dataclasses_alone
import_dataclasses_alone()
from gateway.core.compact_dataclasses import install_compact_dataclasses
install_compact_dataclasses()
from dataclasses import FrozenInstanceError, dataclass, field, replace

@dataclass(frozen=True, slots=True)
class Point:
    x: int
    y: int = field(default=2, repr=False)
    z: tuple[int, ...] = ()

@dataclass
class Open:
    a: int
    def __repr__(self): return "own"

@dataclass(repr=False)
class Silent:
    a: int
"""


def test_compact_dataclasses_are_as_they_were() -> None:
    assert run(COMPACT + "print(Point(1), Open(1), 'Silent object' in repr(Silent(1)))") == (
        "Point(x=1, z=()) own True"
    )
    assert run(COMPACT + "print(replace(Point(1), x=3) == Point(3), len({Point(1), Point(1)}))") == "True 1"
    refused = "\np = Point(1)\nfor change in (lambda: setattr(p, 'x', 2), lambda: delattr(p, 'x')):\n"
    refused += "    try: change()\n    except FrozenInstanceError as error: print(error)\nprint(p.x)"
    assert run(COMPACT + refused) == "cannot assign to field 'x'\ncannot delete field 'x'\n1"
    assert run(COMPACT + "\nopen = Open(1); open.a = 2; print(open.a)") == "2"


def test_compact_dataclasses_generate_a_method_at_its_first_call() -> None:
    own = "[name for name in ('__init__', '__eq__', '__hash__') if getattr(Point, name).__name__ == name]"
    uses = f"p = Point(1, z=(3,)); a = {own}; b = p == Point(1, 2, (3,)), p == 1; c = {own}; hash(p)"
    assert run(COMPACT + f"{uses}; print(a, b, c, {own})") == (
        "['__init__'] (True, False) ['__init__', '__eq__'] ['__init__', '__eq__', '__hash__']"
    )


def test_compact_dataclasses_have_all_options_of_the_standard_ones() -> None:
    """Compared with the standard decorator."""
    classes = """
@dataclass
class Parent:
    a: list[int] = field(default_factory=list)
    b: int = field(default=1, compare=False, kw_only=True)
    c: int = field(default=5, init=False)
    d: InitVar[int] = 6
    e: ClassVar[int] = 7
    def __post_init__(self, d): self.after = d

class Sub(Parent):
    def __init__(self): super().__init__([8], d=9)

def error(call):
    try: call()
    except Exception as error: return type(error).__name__, str(error)

@dataclass(frozen=True, slots=True)
class Small:
    x: int
    y: int = field(default=3, init=False)

@dataclass(order=True)
class Ordered:
    x: int

@dataclass(eq=False)
class Same:
    x: int

@dataclass(frozen=True)
class Base:
    x: int

@dataclass(frozen=True)
class Derived(Base):
    z: int = 4

one = Parent([1], b=2)
print(vars(one), one == Parent([1]), one == Parent([2]), error(lambda: hash(one)), vars(Sub()))
print(error(lambda: Parent([1], 2, 3)), error(lambda: Small()), error(lambda: Small(1, 2)))
print(Small(1), Small(1) == Small(1), len({Small(1), Small(1)}), Small(1) != Small(2), Small(1).y)
print(Ordered(1) < Ordered(2), Ordered(1) == Ordered(1), Same(1) == Same(1))
print(Derived(1), replace(Derived(1), z=2), Derived(1) == Base(1))
print(Small.__init__.__qualname__, Small.__match_args__)
"""
    first = "from dataclasses import *; from typing import ClassVar\n"
    compact = COMPACT.partition("from dataclasses")[0]
    assert run(compact + first + classes) == run(first + classes)


def test_compact_dataclasses_are_there_once() -> None:
    copies = "gc.collect(); print(sum(one.__name__ == 'Point' for one in object.__subclasses__()))"
    assert run(COMPACT + copies) == "1"


def test_annotations_of_our_functions_alone_are_forgotten() -> None:
    code = "\nfrom gateway.policy.yaml.documents import parse_document\nimport json, typing\n"
    code += "def other(a: int): pass\nforget_annotations_and_docstrings('gateway.')\n"
    code += "print(parse_document.__annotations__, other.__annotations__, parse_document('a: b', 'f').keys)"
    assert run(COMPACT + code) == "{} {'a': <class 'int'>} {'a': Place(file='f', line=1, path='a')}"


def test_docstrings_are_forgotten_and_the_code_works() -> None:
    code = "\nimport json, textwrap\nfrom gateway.policy.yaml import documents\n"
    code += "from gateway.policy.yaml.fields import Place\n"
    code += (
        "def other():\n    'Text.'\n    return 'Text.', 5\nforget_annotations_and_docstrings('gateway.')\n"
    )
    code += (
        "docs = [one.__doc__ for one in (documents, Place, documents.parse_document, json.dumps, other)]\n"
    )
    code += "print(docs, other(), json.dumps([1]), documents.parse_document('a: b', 'f').keys)"
    keys = "{'a': Place(file='f', line=1, path='a')}"
    assert run(COMPACT + code) == f"[None, None, None, None, None] ('Text.', 5) [1] {keys}"


def test_how_modules_were_found_is_forgotten_and_imports_work() -> None:
    code = "\nimport json\nfrom gateway.policy import yaml\nfrom gateway.policy.yaml import fields\n"
    code += "forget_annotations_and_docstrings('gateway.')\n"
    code += "import gateway.policy.yaml.documents, gateway.policy.yaml.fields as again\n"
    code += "print(fields.__spec__, again is fields, yaml.__spec__ is not None, json.__spec__.name)"
    assert run(COMPACT + code) == "None True True json"


def test_the_daemon_reads_and_writes_yaml_without_the_parser_in_python(tmp_path: Path) -> None:
    code = f"""
from gateway.core.process_memory import forget_yaml_in_python
forget_yaml_in_python()
from pathlib import Path
import yaml
from gateway.core.errors import PolicyError
from gateway.household.loading import load_product
from gateway.lists.own_lists import OwnLists, read_own, write_own
path = Path({str(tmp_path)!r}, "lists.yaml")
own = OwnLists({{}}, frozenset({{"ut1-adult"}}), frozenset(), ())
write_own(path, own)
print(read_own(path, load_product().categories) == own, hasattr(yaml.SafeLoader, "check_token"))
path.write_text("on: [a\\noff: ")
try:
    read_own(path, load_product().categories)
except PolicyError as error:
    print(error)
"""
    same, error = run(code).splitlines()
    assert same == "True False"
    assert "lists.yaml:2: is not YAML" in error


def test_a_daemon_has_no_parser_of_command_lines(tmp_path: Path) -> None:
    """It is stopped by its qalqan.yaml, which is read when all is imported."""
    code = (
        "import sys; from gateway.cli.main import main;"
        f"print(main(['run', '--config', {str(tmp_path / 'qalqan.yaml')!r}]),"
        "'gateway.app.daemon' in sys.modules, 'argparse' in sys.modules, 'gettext' in sys.modules)"
    )
    assert run(code) == "1 True False False"


def test_nothing_that_only_start_needs_is_in_the_daemon() -> None:
    heavy = (
        "inspect", "scapy", "subprocess", "idna", "zipfile", "importlib.resources", "tempfile", "shutil",
        "sqlite_utils", "asyncio", "ssl", "platform",
    )  # fmt: skip
    code = (
        "import sys; from gateway.core.process_memory import import_dataclasses_alone, one_openssl;"
        "import_dataclasses_alone(); one_openssl();"
        "import gateway.app.daemon; from gateway.household import loading; loading.load_product();"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    assert run(code) == "[]"


def test_a_child_leaves_what_it_did_on_the_disk_and_nothing_in_memory(tmp_path: Path) -> None:
    done: list[int] = []

    def work() -> None:
        done.append(1)
        (tmp_path / "made").write_text(str(os.getpid()))

    run_in_child(work)
    assert int((tmp_path / "made").read_text()) != os.getpid()
    assert done == []


def test_freed_memory_between_used_blocks_returns_to_the_system() -> None:
    code = """
from pathlib import Path
from gateway.core.process_memory import limit_arenas, return_free_memory
def anonymous():
    lines = Path('/proc/self/smaps_rollup').read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith('Anonymous:'))
limit_arenas()
blocks = [bytearray(60_000) for _ in range(200)]
before, last = anonymous(), blocks[-1]
del blocks
freed = anonymous()
return_free_memory()
print(before - freed < 1000, freed - anonymous() > 9000)
"""
    assert run(code) == "True True"


@pytest.mark.parametrize("error", [RuntimeError, SystemExit, KeyboardInterrupt])
def test_what_goes_wrong_in_a_child_stays_there(error: type[BaseException]) -> None:
    def work() -> None:
        raise error

    run_in_child(work)


SMAPS = """\
1000-3000 r--p 00000000 fe:00 15969                      /usr/lib/read.so
Rss:                   8 kB
Anonymous:             0 kB
Swap:                  0 kB
3000-5000 r-xp 00002000 fe:00 15969                      /usr/lib/with space (deleted)
Rss:                   8 kB
Anonymous:             0 kB
Swap:                  0 kB
VmFlags: rd ex mr mw me
5000-6000 r--p 00004000 fe:00 15969                      /usr/lib/relocated.so
Anonymous:             4 kB
Swap:                  0 kB
6000-7000 r--p 00005000 fe:00 15969                      /usr/lib/relocated-and-swapped.so
Anonymous:             0 kB
Swap:                  4 kB
7000-8000 rw-p 00006000 fe:00 15969                      /usr/lib/writable.so
Anonymous:             0 kB
Swap:                  0 kB
8000-9000 r--s 00000000 fe:00 4711                       /var/lib/qalqan/categories.table
Anonymous:             0 kB
Swap:                  0 kB
9000-a000 r--p 00000000 00:00 0
Anonymous:             0 kB
Swap:                  0 kB
a000-b000 r-xp 00000000 00:00 0                          [vdso]
Anonymous:             0 kB
Swap:                  0 kB
b000-c000 r-xp 00000000 fe:00 42                         /usr/bin/last
Anonymous:             0 kB
Swap:                  0 kB
"""


def test_pages_are_let_go_of_only_where_the_file_has_them_all() -> None:
    assert list(read_areas(SMAPS.splitlines())) == [(0x1000, 0x3000), (0x3000, 0x5000), (0xB000, 0xC000)]
    assert list(read_areas([])) == []


def test_what_the_start_has_read_is_let_go_of_and_comes_back_when_it_is_needed() -> None:
    code = (
        "from gateway.core.process_memory import drop_read_pages\n"
        "from gateway.wire.quic.crypto import initial_keys, warm_up\n"
        "def files():\n"
        "    return int(next(l for l in open('/proc/self/status') if l.startswith('RssFile')).split()[1])\n"
        "warm_up(); before = files(); drop_read_pages(); after = files()\n"
        "keys = initial_keys(1, b'12345678', server=False)\n"
        "packet = keys.seal(b'\\xc3' + b'x' * 20 + b'\\0\\0\\0\\1', 1, b'y' * 1162)\n"
        "keys = initial_keys(1, b'12345678', server=False)\n"
        "print(before - after > 4000, keys.open(packet, 21, -1).payload == b'y' * 1162)"
    )
    assert run(code) == "True True"


def test_a_kernel_that_tells_no_areas_keeps_its_pages(tmp_path: Path) -> None:
    drop_read_pages(tmp_path / "smaps")


def test_the_peak_is_the_process_own_and_not_that_of_who_started_it() -> None:
    code = (
        "import subprocess, sys; held = b'x' * 150_000_000\n"
        "inner = 'from gateway.features.status.figures import memory; print(vars(memory()))'\n"
        "print(subprocess.run([sys.executable, '-c', inner], capture_output=True, text=True).stdout)"
    )
    told = ast.literal_eval(run(code))
    assert sorted(told) == ["files", "peak", "private", "resident"]
    assert told["resident"] <= told["peak"] < 100_000_000
