"""`make quality LISTS=folder [SETS=folder] [ARGS="--tier large --missed"]`: print the quality of the lists.

Raises SystemExit with status 1 if a measured set is below its mark.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

from gateway.age.bands import AgeBand
from gateway.policy.config.list_tiers import ListTier
from tests.quality.measure import (
    FALSE_BLOCK_MARK,
    MARKS,
    RANDOM,
    FalseBlock,
    HeldOut,
    Recall,
    copies,
    held_out,
    library_for,
    measure,
    read_sets,
)

ADULT = "adult"  # category
OWN_SETS = Path(__file__).with_name("sets")


def main() -> int:
    options = _options()
    tier, band = ListTier(options.tier), AgeBand(options.band)
    sets = read_sets([OWN_SETS, *options.sets])
    with TemporaryDirectory() as work:
        library = library_for(Path(work), tier)
        sources, absent = copies(options.lists, library, tier)
        print(f"{len(sources)} lists of the tier {tier.value}; judged at {band.value}")
        if absent:
            print("no copy of:", ", ".join(published.id for published in absent))
        if options.held_out:
            return 0 if _print_held_out(held_out(library, sources, Path(work), band)) else 1
        recalls, wrong, good = measure(sets, library, sources, Path(work), band)
    kept = [_print_recall(recall) for recall in recalls]
    if options.missed:
        for recall in recalls:
            print(f"\nnot blocked, {recall.name_set.name}:", " ".join(recall.missed))
    return 0 if _print_wrong(wrong, good) and all(kept) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.quality", description=__doc__)
    parser.add_argument("lists", type=Path, help="a folder with copies of published lists, <source id>.txt")
    parser.add_argument("sets", type=Path, nargs="*", help="folders with further sets of names")
    parser.add_argument("--tier", choices=[tier.value for tier in ListTier], default=ListTier.MEDIUM.value)
    parser.add_argument("--band", default=AgeBand.AGE_10_12.value, choices=[band.value for band in AgeBand])
    parser.add_argument("--missed", action="store_true", help="print the names that are not blocked")
    parser.add_argument(
        "--held-out", action="store_true", help="judge a sample of each list without the list"
    )
    return parser.parse_args()


def _print_held_out(found: Iterable[HeldOut]) -> bool:
    """Print the share of each list, and of all lists of adult sites. Return whether that reaches its mark."""
    drawn = hits = 0
    for row in found:
        print(f"{row.category:28} {row.source:26} {row.drawn:6} names {row.share:5.1f} % without this list")
        if row.category == ADULT:
            drawn, hits = drawn + row.drawn, hits + row.blocked
    if not drawn:
        return True
    share, mark = 100 * hits / drawn, MARKS[RANDOM]
    missed = "" if share >= mark else "  MISSED"
    print(f"{RANDOM:28} {drawn:6} names  without the list  {share:5.1f} %  at least {mark:g} %{missed}")
    return share >= mark


def _print_recall(recall: Recall) -> bool:
    """Print the line of a set. Return whether it reaches its mark."""
    count = len(recall.name_set.hosts)
    share = 100 * len(recall.listed) / count if count else 100.0
    fresh = 100 * len(recall.fresh) / count if count else 100.0
    mark = recall.mark
    reached = mark is None or share >= mark
    wanted = "" if mark is None else f"at least {mark:g} %" + ("" if reached else "  MISSED")
    name, listed = recall.name_set.name, f"with lists {share:5.1f} %  {wanted}"
    print(f"{name:28} {count:6} names  fresh {fresh:5.1f} %  {listed}")
    return reached


def _print_wrong(wrong: list[FalseBlock], good: int) -> bool:
    """Print the wrongly blocked sites. Return whether their share is within the mark."""
    share = 100 * len(wrong) / good if good else 0.0
    reached = share <= FALSE_BLOCK_MARK
    print(
        f"{'known-good sites':28} {good:6} names  wrongly blocked {len(wrong)} = {share:.3f} %  "
        f"at most {FALSE_BLOCK_MARK:g} %" + ("" if reached else "  MISSED")
    )
    for found in wrong:
        where = (
            f"entry {', '.join(found.entries)} of {', '.join(found.lists)}"
            if found.entries
            else "by its name"
        )
        print(f"  {found.host}: {found.why}; {where}")
    return reached


if __name__ == "__main__":
    sys.exit(main())
