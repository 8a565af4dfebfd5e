"""Public suffixes from the Public Suffix List (publicsuffix.org), in the copy that is installed."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Container, Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.core.errors import PolicyError

if TYPE_CHECKING:
    from gateway.policy.names.hosts import PublicSuffixCheck

PACKAGE = "publicsuffixlist"  # on PyPI; only its data file is used, none of its code
SYSTEM = Path("/usr/share/publicsuffix/public_suffix_list.dat")  # Debian's package publicsuffix
_NAME = SYSTEM.name


def list_file() -> Path:
    """Return the path of the Public Suffix List on this machine: of the Python package, else of the system.

    Raises PolicyError if it is not installed.
    """
    spec = find_spec(PACKAGE)
    if spec is not None and spec.origin is not None:
        return Path(spec.origin).with_name(_NAME)
    if not SYSTEM.exists():
        raise PolicyError(str(SYSTEM), "does not exist", "install the package publicsuffix")
    return SYSTEM


def rules() -> Iterator[str]:
    """Yield all rules of the Public Suffix List in A-labels, with their prefixes `*.` and `!`.

    Raises PolicyError if the list is not installed.
    """
    with list_file().open("rb") as lines:
        yield from _rules_of(lines)


def public_suffix_check() -> PublicSuffixCheck:
    """Return a function that says whether a name is a public suffix.

    Public suffixes are those of registries, those that companies have registered, such as ``github.io``,
    and top-level names that are not in the list. Building the check takes 20 ms and 1 MB: build it when
    rules are loaded, and drop it afterwards. Raises PolicyError if the list is not installed.
    """
    return _check_of(frozenset(rules()))


def compact_public_suffix_check() -> PublicSuffixCheck:
    """Return a public suffix check that may stay in memory: 80 kB. Building it takes 20 ms.

    It has only the hashes of the rules, and so can be wrong: on a 32-bit machine for one name in 400,000.
    Use it for grouping names, not for rules. Raises PolicyError if the list is not installed.
    """
    return _check_of(_Hashes(rules()))


class _Hashes:
    """A set of texts that stores only their hashes, 8 bytes each; ``in`` may be wrong for equal hashes."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._sorted = array("q", sorted(map(hash, texts)))

    def __contains__(self, text: object) -> bool:
        wanted = hash(text)
        at = bisect_left(self._sorted, wanted)
        return at < len(self._sorted) and self._sorted[at] == wanted


def lazy_public_suffix_check() -> PublicSuffixCheck:
    """Return a public suffix check for few names; it reads the rules of a top-level domain at its first use.

    Each top-level domain takes 3 ms once. The whole list would occupy 1 MB permanently. The check
    raises PolicyError if the list is not installed.
    """
    known: dict[str, PublicSuffixCheck] = {}

    def check(name: str) -> bool:
        top = name.rpartition(".")[2]
        if top not in known:
            known[top] = _check_of(frozenset(_rules_of(_lines_under(top, list_file()))))
        return known[top](name)

    return check


def _check_of(known: Container[str]) -> PublicSuffixCheck:
    """Return a function that says whether a name is a public suffix by the rules ``known``.

    A top-level name is always one: its names have many owners. So is a name with the rule `*.` below it.
    """

    def check(name: str) -> bool:
        _, dot, parent = name.partition(".")
        if not dot or name in known or f"*.{name}" in known:
            return True
        return f"*.{parent}" in known and f"!{name}" not in known

    return check


def _rules_of(lines: Iterable[bytes]) -> Iterator[str]:
    for line in lines:
        rule = line.partition(b"//")[0].strip()
        if rule.isascii():
            if rule:
                yield rule.decode("ascii").lower()
        else:
            yield rule.decode("utf-8").encode("idna").decode("ascii")


def _lines_under(top: str, file: Path) -> list[bytes]:
    """Return the lines of the Public Suffix List that end in ``top``, a top-level domain.

    For an A-label also all non-ASCII lines.
    """
    encoded, ending = top.startswith("xn--"), top.encode()
    with file.open("rb") as lines:
        return [line for line in lines if line.rstrip().endswith(ending) or (encoded and not line.isascii())]
