"""Public suffixes for the few names of a family, without the whole list in memory."""

from __future__ import annotations

from pathlib import Path

from gateway.policy.hosts import PublicSuffixCheck


def suffixes_when_asked() -> PublicSuffixCheck:
    """As `gateway.policy.hosts.public_suffix_check`, but reads the rules of one top-level name when a name
    under it is asked about: 3 ms each, where the whole list is 30 ms and 2 MB that are never given back.
    """
    from publicsuffixlist import PSLFILE, PublicSuffixList

    known: dict[str, PublicSuffixList] = {}

    def check(name: str) -> bool:
        top = name.rpartition(".")[2]
        if top not in known:
            known[top] = PublicSuffixList(_rules_under(top, Path(PSLFILE)))
        return bool(known[top].publicsuffix(name) == name)

    return check


def _rules_under(top: str, file: Path) -> list[bytes]:
    """Lines of the list that can be about names under ``top``; for one in A-labels all that are not ASCII."""
    encoded, ending = top.startswith("xn--"), top.encode()
    with file.open("rb") as lines:
        return [line for line in lines if line.rstrip().endswith(ending) or (encoded and not line.isascii())]
