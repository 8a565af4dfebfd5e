from __future__ import annotations

import ctypes
import shutil
from collections.abc import Iterator

import pytest

from gateway.core.errors import KernelError
from gateway.kernel.nft import LIBRARY, Backend, Command, Library, Nft, explain, find_backend
from tests.kernel.home import Namespace

TABLE = "table inet qalqan {\n set s {\n  type mark\n }\n chain c {\n  accept\n }\n}\n"


@pytest.fixture
def inside() -> Iterator[None]:
    namespace = Namespace()
    with namespace.inside():
        yield
    namespace.close()


@pytest.fixture(params=["libnftables", "nft"])
def nft(request: pytest.FixtureRequest, inside: None) -> Iterator[Nft]:
    backend: Backend = (
        Library(LIBRARY) if request.param == "libnftables" else Command(shutil.which("nft") or "nft")
    )
    made = Nft(backend)
    assert made.backend == request.param
    yield made
    made.close()


@pytest.mark.lab
def test_table_comes_and_goes(nft: Nft) -> None:
    assert not nft.exists("inet qalqan")
    nft.apply(TABLE)
    assert nft.exists("inet qalqan")
    assert not nft.exists("ip qalqan")
    nft.apply("delete table inet qalqan")
    assert not nft.exists("inet qalqan")


class _Malloc(ctypes.Structure):
    """struct mallinfo2 of glibc; bytes in use are ``e`` (mapped) and ``h`` (in arenas)."""

    _fields_ = [(name, ctypes.c_size_t) for name in "abcdefghij"]


def allocated() -> int:
    mallinfo = ctypes.CDLL(None).mallinfo2
    mallinfo.restype = _Malloc
    info = mallinfo()
    return int(info.e + info.h)


@pytest.mark.lab
def test_the_library_keeps_no_copy_of_the_tables(inside: None) -> None:
    """Such a copy takes 1.6 MB."""
    nft = Nft(Library(LIBRARY))
    before = allocated()
    for text in (TABLE, f"delete table inet qalqan\n{TABLE}", "add element inet qalqan s { 7 }"):
        nft.apply(text)
    nft.list("list table inet qalqan")
    assert allocated() - before < 200_000
    nft.close()


@pytest.mark.lab
def test_check_changes_nothing(nft: Nft) -> None:
    nft.check(TABLE)
    assert not nft.exists("inet qalqan")
    nft.apply(TABLE)
    assert nft.exists("inet qalqan")


@pytest.mark.lab
def test_transaction_is_whole_or_nothing(nft: Nft) -> None:
    with pytest.raises(KernelError):
        nft.apply(TABLE + "add rule inet qalqan nowhere accept\n")
    assert not nft.exists("inet qalqan")


@pytest.mark.lab
def test_list_gives_objects(nft: Nft) -> None:
    nft.apply(TABLE + "add element inet qalqan s { 5 }\n")
    kinds = [next(iter(each)) for each in nft.list("list table inet qalqan")]
    assert sorted(kinds) == ["chain", "rule", "set", "table"]
    assert nft.list("list set inet qalqan s")[0]["set"]["elem"] == [5]


@pytest.mark.lab
def test_complaint_names_the_line_and_the_library_stays_usable(nft: Nft) -> None:
    broken = TABLE.replace("accept", "acept")
    with pytest.raises(KernelError, match=r"^nft refused line \d+ \(.*acept.*\): syntax error") as raised:
        nft.apply(broken)
    assert "\n" not in str(raised.value)
    nft.apply(TABLE)
    assert nft.exists("inet qalqan")
    with pytest.raises(KernelError, match=r"line 2 \(add rule inet gone c accept\)"):
        nft.apply("# a comment\nadd rule inet gone c accept\n")


@pytest.mark.lab
def test_many_transactions_leave_no_memory_behind(inside: None) -> None:
    nft = Nft(Library(LIBRARY))
    nft.apply(TABLE)
    renewal = "destroy element inet qalqan s { 1, 2 }\nadd element inet qalqan s { 1, 2 }\n"
    for _ in range(500):
        nft.apply(renewal)
    before = resident_kilobytes()
    for _ in range(2000):
        nft.apply(renewal)
    assert resident_kilobytes() - before < 500
    nft.close()


def resident_kilobytes() -> int:
    with open("/proc/self/status", encoding="ascii") as status:
        return int(next(line for line in status if line.startswith("VmRSS")).split()[1])


def test_command_is_taken_where_there_is_no_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.kernel.nft.LIBRARY", "libnftables.so.none")
    found = find_backend()
    assert found.name == "nft"


def test_neither_library_nor_command_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.kernel.nft.LIBRARY", "libnftables.so.none")
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr("gateway.core.programs._SYSTEM", ())
    with pytest.raises(KernelError, match="install the package nftables"):
        find_backend()


@pytest.mark.parametrize(
    ("said", "explained"),
    [
        ("/dev/stdin:2:1-5: Error: syntax error\nb\n^\n", "nft refused line 2 (second): syntax error"),
        ("/dev/stdin:9:1-5: Error: odd\n", "nft refused line 9 (): odd"),
        ("Error: no location\n", "nft refused the rules: Error: no location"),
        ("", "nft refused the rules: no reason given"),
        (
            "/dev/stdin:1:1-5: Error: Could not process rule: Operation not permitted\n",
            "nft refused line 1 (first): Could not process rule: Operation not permitted; "
            "run as root or with CAP_NET_ADMIN",
        ),
        (
            "/dev/stdin:2:1-5: Error: Could not process rule: No such file or directory\n",
            "nft refused line 2 (second): Could not process rule: No such file or directory; "
            "it is not loaded, or the kernel lacks the nft module for it",
        ),
    ],
)
def test_complaint_becomes_one_line(said: str, explained: str) -> None:
    assert explain("first\n  second\n", said) == explained
