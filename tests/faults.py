"""Seeds faults and reports which of them the quick tests catch: ``make faults``, ``python -m tests.faults``.

Each fault replaces one piece of text in a copy of the tree and runs the quick tests of the named files there.
A fault is caught when each of those files has a failing test. The same files must pass without a fault. Where
code has moved, the one file of the package that has the text now is used. A fault whose text is nowhere, or
not unique, is an error of this table: correct the entry.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
TEST_FAILED = 1  # exit status of pytest
LONGEST = 300.0  # seconds for the tests of one fault
QUICK = ("-m", "not system and not slow")


@dataclass(frozen=True, slots=True)
class Fault:
    """``old`` becomes ``new`` in ``file``; at least one test of each file in ``tests`` must fail."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


FAULTS = (
    Fault(
        "a blocked name is sent to the resolver",
        "gateway/path/dns.py",
        "return QueryResult(None, self._refuse(query, message, subject, seen, decision))",
        "return QueryResult(query, None)",
        ("tests/path/test_dns.py",),
    ),
    Fault(
        "TLS: a hello with a second server name is read as the first alone",
        "gateway/wire/tls/hello.py",
        "if kind != 0 or not name or length != len(name) or size != length + 3:",
        "name = name[:length]\n    if kind != 0 or not name:",
        ("tests/wire/tls/test_tls.py",),
    ),
    Fault(
        "QUIC: different bytes for one offset are not compared",
        "gateway/wire/quic/initials.py",
        "            self._compare(run, start, data)\n",
        "            continue\n",
        ("tests/wire/quic/test_quic_frames.py",),
    ),
    Fault(
        "HTTP: the name before @ is taken for the host",
        "gateway/wire/http/head.py",
        'authority.rpartition(b"@")[2]',
        'authority.partition(b"@")[0]',
        ("tests/wire/http/test_http.py",),
    ),
    Fault(
        "TLS: a connection passes on a HelloRetryRequest, before the server accepts a hello",
        "gateway/wire/flows/undecided.py",
        "if hellos and not hellos[-1].hello_retry:",
        "if hellos:",
        ("tests/wire/flows/test_flow_tcp_tls.py",),
    ),
    Fault(
        "nftables: the server's packets of a refused connection pass",
        "gateway/kernel/ruleset/chains.py",
        '            *without_payload("accept"),\n            "drop",\n',
        '            "accept",\n',
        ("tests/kernel/ruleset/test_ruleset.py",),
    ),
    Fault(
        "conntrack mark: the class is written one bit too low",
        "gateway/kernel/marks.py",
        "return class_number << STATE_BITS | min(state, _HELP_OR_ASKS)",
        "return class_number << (STATE_BITS - 1) | min(state, _HELP_OR_ASKS)",
        ("tests/kernel/test_marks.py",),
    ),
    Fault(
        "bedtime ends at midnight",
        "gateway/policy/time/schedule.py",
        "start = 0 if night.value.crosses_midnight else night.value.start",
        "start = night.value.start",
        ("tests/policy/time/test_schedule.py",),
    ),
    Fault(
        "the day of limits turns at midnight",
        "gateway/policy/time/schedule.py",
        "return _reaching(day, self.day_starts, self.zone)",
        "return _reaching(day, 0, self.zone)",
        ("tests/policy/time/test_schedule.py",),
    ),
    Fault(
        "a time limit closes one minute late",
        "gateway/policy/time/time_rules.py",
        "if budget.left <= 0:",
        "if budget.left < 0:",
        ("tests/policy/time/test_time_rules.py",),
    ),
    Fault(
        "extra time is counted from the tap instead of from the closing",
        "gateway/policy/time/extension.py",
        "end = closings[first] + extra",
        "end = outlook.start + extra",
        ("tests/policy/time/test_extension.py",),
    ),
    Fault(
        "extra time lifts a pause",
        "gateway/policy/time/time_rules.py",
        "if now < grant.until and grant.gate != DEVICE)",
        "if now < grant.until)",
        ("tests/policy/time/test_time_rules.py",),
    ),
    Fault(
        "a pause does not end",
        "gateway/policy/time/time_rules.py",
        "if situation.paused_until is not None and now < situation.paused_until:",
        "if situation.paused_until is not None:",
        ("tests/policy/time/test_time_rules.py",),
    ),
    Fault(
        "the most lenient of several categories decides",
        "gateway/policy/judge/facts.py",
        "key=lambda fact: (-fact.rule.value.strictness, fact.id)",
        "key=lambda fact: (fact.rule.value.strictness, fact.id)",
        ("tests/policy/judge/test_conclude.py",),
    ),
    Fault(
        "a tie of allow and block is an allow",
        "gateway/policy/judge/conclude.py",
        "entry.rank >= other.rank",
        "entry.rank > other.rank",
        ("tests/policy/judge/test_conclude.py",),
    ),
    Fault(
        "an allow-list blocks unknown names alone",
        "gateway/policy/judge/conclude.py",
        "if rules.mode.value is Mode.ALLOW_LIST:",
        "if rules.mode.value is Mode.ALLOW_LIST and not facts.known:",
        ("tests/policy/judge/test_conclude.py",),
    ),
    Fault(
        "moderate safe search is off",
        "gateway/policy/judge/conclude.py",
        "if engine is None or level is SafeSearch.OFF:",
        "if engine is None or level is not SafeSearch.STRICT:",
        ("tests/policy/judge/test_conclude.py",),
    ),
    Fault(
        "a sealed list does not block names below its entries",
        "gateway/policy/sealed/sealed_set.py",
        "for name in suffixes(host):",
        "for name in (host,):",
        ("tests/policy/sealed/test_sealedset.py",),
    ),
    Fault(
        "the store writes a pause later",
        "gateway/store/durable_writes.py",
        "            self._try(list(statements))",
        "            self.behind = True",
        ("tests/store/test_database.py",),
    ),
    Fault(
        "the store does not wait for the disk",
        "gateway/store/durable_writes.py",
        "durable=True)",
        "durable=False)",
        ("tests/store/test_database.py",),
    ),
    Fault(
        "a guest's device may ask as a child's",
        "gateway/features/accounts/access.py",
        "or not member.profile.is_child or member.quarantined",
        "or member.quarantined",
        ("tests/features/requests/test_requests.py",),
    ),
    Fault(
        "the web process may ask what is root's alone",
        "gateway/control/protocol.py",
        "if self.role is not Role.OWNER:",
        "if self.role not in (Role.OWNER, Role.WEB):",
        ("tests/control/test_protocol.py",),
    ),
    Fault(
        "pages take a form of another port of the same host",
        "webui/request_checks.py",
        'return fetch_site == "same-origin"',
        'return fetch_site in ("same-origin", "same-site")',
        ("tests/webui/test_request_checks.py",),
    ),
    Fault(
        "the sign-in limiter forgets wrong passwords",
        "webui/accounts/tries.py",
        "wrong = error.code in WRONG",
        "wrong = False",
        ("tests/webui/pages/test_door.py",),
    ),
    Fault(
        "parents see when a device of a teenager of 13 was here",
        "gateway/household/visibility.py",
        "        if shows_present(level):\n            return PresenceDetail.MOMENT",
        "        if level >= KINDS_LEVEL:\n            return PresenceDetail.MOMENT",
        ("tests/features/test_privacy_here.py",),
    ),
    Fault(
        "blocked names of a teenager of 13 are stored",
        "gateway/store/stored_detail.py",
        "if level >= NAMES_LEVEL and verdict is Verdict.BLOCK:",
        "if level >= KINDS_LEVEL and verdict is Verdict.BLOCK:",
        ("tests/store/test_levels.py",),
    ),
    Fault(
        "a restored backup leaves profiles that are not in it",
        "gateway/features/backup/restore_plan.py",
        "wanted.update(backup.profiles)",
        "wanted = dict(backup.profiles)",
        ("tests/features/backup/test_restore.py",),
    ),
    Fault(
        "an error in a rule file names the line before",
        "gateway/policy/yaml/documents.py",
        "line = mark.line + 1 if mark is not None else 1",
        "line = mark.line if mark is not None else 1",
        ("tests/policy/yaml/test_documents.py",),
    ),
)


class Tree:
    """A copy of the files that git knows, in which faults are seeded."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
        for name in filter(None, listed.stdout.decode().split("\0")):
            source, target = ROOT / name, folder / name
            if source.is_file():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, target, follow_symlinks=False)

    @contextmanager
    def seeded(self, fault: Fault) -> Iterator[None]:
        path = self.folder / file_of(fault)
        text = path.read_text()
        path.write_text(text.replace(fault.old, fault.new))
        try:
            yield
        finally:
            path.write_text(text)

    def run(self, *tests: str) -> int:
        """Run the quick tests of these files until one fails; the exit status of pytest."""
        options = ("-q", "-x", "-p", "no:cacheprovider", *QUICK)
        argv = [sys.executable, "-B", "-m", "pytest", *options, *tests]
        return subprocess.run(
            argv, cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=LONGEST
        ).returncode


class TableError(Exception):
    """An entry of the table does not fit the tree."""


def file_of(fault: Fault) -> str:
    """The file that has the text of a fault. Raises TableError."""
    path = ROOT / fault.file
    count = path.read_text().count(fault.old) if path.is_file() else 0
    if count == 1:
        return fault.file
    files = sorted((ROOT / Path(fault.file).parts[0]).rglob("*.py")) if count == 0 else []
    found = [other for other in files if other.read_text().count(fault.old) == 1]
    if len(found) != 1:
        msg = f"{fault.file} has its text {count} times, and {len(found)} other files have it"
        raise TableError(msg)
    return found[0].relative_to(ROOT).as_posix()


def problem_of(fault: Fault) -> str | None:
    """What is wrong with an entry of the table."""
    try:
        file_of(fault)
    except TableError as error:
        return str(error)
    missing = [one for one in fault.tests if not (ROOT / one).is_file()]
    return f"{missing[0]} does not exist" if missing else None


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument(
        "words", metavar="WORD", nargs="*", help="only faults with one of these in their name"
    )
    words: list[str] = parser.parse_args(argv).words
    faults = [one for one in FAULTS if not words or any(word in one.name for word in words)]
    caught = missed = errors = 0
    with tempfile.TemporaryDirectory(prefix="qalqan-faults-") as folder:
        tree = Tree(Path(folder))
        named = sorted({test for fault in faults for test in fault.tests})
        failing = {test for test in named if tree.run(test)}
        for fault in faults:
            problem = problem_of(fault)
            if problem is None and not failing.isdisjoint(fault.tests):
                problem = f"{', '.join(sorted(failing.intersection(fault.tests)))} fails without a fault"
            if problem is not None:
                errors += 1
                print(f"error   {fault.name}: {problem}", flush=True)
                continue
            with tree.seeded(fault):
                passing = [test for test in fault.tests if tree.run(test) != TEST_FAILED]
            caught, missed = (caught, missed + 1) if passing else (caught + 1, missed)
            print(
                f"missed  {fault.name}: {', '.join(passing)}" if passing else f"caught  {fault.name}",
                flush=True,
            )
    print(f"{len(faults)} faults: {caught} caught, {missed} missed, {errors} errors")
    return 1 if missed or errors else 0


if __name__ == "__main__":
    sys.exit(main())
