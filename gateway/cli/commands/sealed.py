"""`qalqan sealed`: creates, fetches and lists sealed lists, and checks a provider's forms.

A sealed list is an issuer's signed list of names, as keyed hashes, that are blocked for everyone. No name of
a list is ever printed. An error names the line by its number.
"""

from __future__ import annotations

import os
import secrets
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.cli import output
from gateway.cli.commands.feed import check_provider_files
from gateway.cli.owner import become_owner
from gateway.cli.settings import config_in_use, config_path, control_socket
from gateway.control.client import Client, Unreachable
from gateway.control.contract.status import RELOAD
from gateway.core.errors import ControlError, GatewayError, ListError, PolicyError
from gateway.core.files import read_bounded, write_atomically
from gateway.core.optional_packages import require
from gateway.feed.provider_files import provider_folder
from gateway.household.loading import load_product
from gateway.lists import public_suffixes as suffixes
from gateway.lists.fetch import Fetcher
from gateway.lists.public_suffixes import public_suffix_check
from gateway.lists.sealed import SealedShelf, SealedState, SealedUpdate, read_keys, read_private
from gateway.policy.config.config import Config
from gateway.policy.names.hosts import HostError, labels, rule_host
from gateway.policy.sealed.appeals import Appeal, IsFree, figures, overdue, parse_appeals
from gateway.policy.sealed.isp_forms import parse_record, parse_report, written_report
from gateway.policy.sealed.sealed_set import (
    CHECK_BYTES,
    ID_BYTES,
    KEY_BYTES,
    MAX_ENTRIES,
    MAX_LABELS,
    SetHead,
    unsigned_set,
)

if TYPE_CHECKING:
    from pathlib import Path

RELOAD_PATIENCE = 30.0  # seconds; the daemon reads every rule file again
NICE = 10  # of an update that the daemon started: packets go first
DAY = 86_400
MAX_LINE = 1024  # characters; a name has at most 253
_PRIVATE_KEY = 4096  # bytes; a key file may have at most so many
FORMS = ("appeals", "record", "report")


def run(args: Namespace) -> int:
    if args.action == "key":
        return _key(args.file)
    if args.action == "make":
        return _make(args)
    if args.action in FORMS:
        return _check_form(args)
    config = config_in_use(config_path(args))
    return _update(args, config) if args.action == "update" else _status(args, config)


# ---------------------------------------------------------------------------------------- for issuers


def _key(path: Path) -> int:
    """Create an issuer's signing key in a file and print its public key, for the configuration of gateways.

    Return 0. Raises ListError if the file exists, MissingPackageError without ``cryptography``.
    """
    require("cryptography", "sealed lists")
    from cryptography.hazmat.primitives import serialization as forms
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    if path.exists():
        msg = f"{path}: exists already; lists signed with it would become invalid: name another file"
        raise ListError(msg)
    key = Ed25519PrivateKey.generate()
    form = (forms.Encoding.PEM, forms.PrivateFormat.PKCS8, forms.NoEncryption())
    write_atomically(path, key.private_bytes(*form))
    print(key.public_key().public_bytes_raw().hex())
    return 0


def _make(args: Namespace) -> int:
    """Make a sealed list (signed, with hashed names) from the host names on standard input.

    Write the list and its secret key to separate files. The key file also keeps the key of the previous list.
    Return 0. Raises ListError for an invalid name or key file; then nothing is written.
    """
    sign = _signer(args.issuer_key)
    names = list(_names(sys.stdin))
    made = int(time.time())
    key = secrets.token_bytes(KEY_BYTES)
    times = made, made + args.days * DAY
    head = SetHead(args.issuer, args.scope, secrets.token_bytes(ID_BYTES), *times, bytes(CHECK_BYTES), 0)
    data = unsigned_set(head, names, key)
    before = read_keys(args.set_key)[:1] if args.set_key.exists() else ()
    # Write the key first: a list cannot be read without it. The previous key stays, for the previous list.
    write_atomically(args.set_key, "".join(f"{secret.hex()}\n" for secret in (key, *before)).encode())
    write_atomically(args.set, data + sign(data))
    print(f"{len(set(names))} names, until {_when(times[1])}")
    return 0


def _signer(path: Path) -> Callable[[bytes], bytes]:
    require("cryptography", "sealed lists")
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    data = read_private(path, _PRIVATE_KEY)
    try:
        key = load_pem_private_key(data, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        msg = f"{path}: is not a signing key; make one with: qalqan sealed key FILE"
        raise ListError(msg)
    return key.sign


def _names(lines: Iterable[str]) -> Iterator[str]:
    is_public_suffix = public_suffix_check()
    count = 0
    for number, line in enumerate(lines, 1):
        written = line.split("#", 1)[0].strip()
        if not written:
            continue
        count += 1
        problem = f"there are more than {MAX_ENTRIES} names" if count > MAX_ENTRIES else ""
        try:
            if len(line) > MAX_LINE:
                problem = "is too long for a name"
            name = "" if problem else rule_host(written, is_public_suffix)
        except HostError as error:
            problem, name = error.problem, ""
        if name and not 1 < labels(name) <= MAX_LABELS:
            problem = f"has fewer than 2 labels or more than {MAX_LABELS}"
        if problem:
            msg = f"standard input, line {number}: {problem}; nothing was created"
            raise ListError(msg)
        yield name


# ---------------------------------------------------------------------------------------- for a home


def _update(args: Namespace, config: Config) -> int:
    if args.nice:
        os.nice(NICE)
    become_owner(Path(config.state))
    problems = _fetch_from_feed(config)
    shelf = SealedShelf(Path(config.state))
    problems += SealedUpdate(shelf, Fetcher(), innocent_names, datetime.now(UTC)).renew(config.sealed)
    for line in problems:
        output.problem(line)
    if not args.nice:
        _reload_daemon(config)
    return 1 if problems else 0


def _fetch_from_feed(config: Config) -> list[str]:
    """Download the provider's files, such as sealed lists, from the signed feed.

    Nothing is downloaded if the configuration uses no sealed list from the feed. Return a line for each
    problem; the current file then stays.
    """
    folder = provider_folder(Path(config.state))
    if all(Path(source.file).parent != folder for source in config.sealed):
        return []
    try:
        return check_provider_files(config)
    except GatewayError as error:
        return [str(error)]


def innocent_names() -> Iterator[str]:
    """Yield names that no sealed list (hashed names to block) may contain. A list with one is refused.

    These are well-known sites, help lines and all public suffixes.
    """
    from gateway.household.loading import load_countries
    from gateway.lists.canaries import parse_canaries
    from gateway.policy.names.countries import help_names
    from profiles import DATA

    yield from parse_canaries(DATA.joinpath("canaries.yaml").read_bytes(), "profiles/canaries.yaml")
    yield from help_names(load_countries().values())
    for rule in suffixes.rules():
        yield rule.lstrip("!*.")


def _reload_daemon(config: Config) -> None:
    try:
        Client(control_socket(config), RELOAD_PATIENCE).ask(RELOAD)
    except Unreachable:
        return  # the next start reads it
    except ControlError as error:
        output.problem(f"the daemon still uses the old lists: {error}")


def _status(args: Namespace, config: Config) -> int:
    now = time.time()
    _, held = SealedShelf(Path(config.state)).load(config.sealed)
    states = [as_values(state, now) for state in held]
    if args.json:
        output.as_json({"sets": states})
    elif not states:
        print("No sealed lists: qalqan.yaml names none under 'sealed'.")
    else:
        rows = (
            [row[key] or "-" for key in ("issuer", "scope", "made", "expires", "count")] for row in states
        )
        ends = (row["problem"] or ("expired" if row["late"] else "") for row in states)
        output.rows(
            ([*row, end] for row, end in zip(rows, ends, strict=True)),
            ("ISSUER", "SCOPE", "MADE", "UNTIL", "NAMES", ""),
        )
    return 0


def as_values(state: SealedState, now: float) -> dict[str, object]:
    head = state.head
    about = (
        {"issuer": None, "scope": None, "made": None, "expires": None, "count": None}
        if head is None
        else {
            "issuer": head.issuer,
            "scope": head.scope,
            "made": _when(head.made),
            "expires": _when(head.expires),
            "count": head.count,
        }
    )
    return about | {"late": state.is_late(now), "problem": state.problem}


def _when(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="minutes")


# --------------------------------------------------------------------------------------- for providers


def _check_form(args: Namespace) -> int:
    """Check a provider's record of a hotline, report or log of appeals. This needs no gateway.

    Return the exit status: 1 if an appeal is overdue, else 0. Raises PolicyError for an invalid file.
    """
    if args.action == "record":
        record = parse_record(read_bounded(args.file), str(args.file), _today(args))
        print(f"{record['name']['en']}: whole; compared on {record['verified_on']}")
        return 0
    if args.action == "report":
        return _report(args)
    return _overdue(args)


def _overdue(args: Namespace) -> int:
    """Print a line for each overdue appeal in a log. Return 1 if there is one, else 0."""
    appeals, is_free = _log(args.file)
    late = list(overdue(appeals, _today(args), is_free))
    rows = [
        (appeal.id, "first" if appeal.first is None else "second", str(appeal.open_since), str(day))
        for appeal, day in late
    ]
    if rows:
        output.rows(rows, ("APPEAL", "LOOK", "SINCE", "WAS DUE"))
    else:
        print(f"{len(appeals)} appeals; none is overdue")
    return 1 if rows else 0


def _report(args: Namespace) -> int:
    appeals, is_free = _log(args.appeals)
    read = parse_report(read_bounded(args.file), str(args.file))
    within = [appeal for appeal in appeals if read["from"] <= appeal.received <= read["until"]]
    for line in written_report(read, figures(within, is_free)):
        print(output.clean(line))
    return 0


def _log(path: Path) -> tuple[tuple[Appeal, ...], IsFree]:
    country, appeals = parse_appeals(read_bounded(path), str(path))
    product = load_product()
    if country not in product.countries:
        where, known = str(path), ", ".join(sorted(product.countries))
        raise PolicyError(where, f"has an unknown country: {country}", f"write one of {known}")
    holidays: Mapping[date, str] = product.holidays(country)
    return appeals, lambda day: day.weekday() >= 5 or day in holidays


def _today(args: Namespace) -> date:
    today: date | None = args.today
    return date.today() if today is None else today
