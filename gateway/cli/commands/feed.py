"""`qalqan feed`: checks the signed data feed of this gateway, and makes and publishes feeds."""

from __future__ import annotations

from argparse import Namespace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.cli import output
from gateway.cli.owner import become_owner
from gateway.cli.settings import config_path, control_socket, read_config
from gateway.control.client import Client, Unreachable
from gateway.control.contract.status import RELOAD, STATUS
from gateway.core.errors import ControlError, ListError
from gateway.core.optional_packages import LIST_UPDATES, require
from gateway.feed.data_set import DataSet, packaged_data
from gateway.feed.status import read_check
from gateway.feed.target import FeedTable
from gateway.household.loading import product_in_use
from gateway.lists.fetch import Fetcher
from gateway.policy.config.config import Config
from gateway.policy.config.list_tiers import ListTier

if TYPE_CHECKING:
    from gateway.feed.repository import FeedRepository

RELOAD_PATIENCE = 30.0  # seconds; the daemon reads every rule file again
FEATURE = "signed data feeds"


def run(args: Namespace) -> int:
    if args.action == "status":
        return _status(args, read_config(config_path(args)))
    require(LIST_UPDATES, FEATURE)
    if args.action == "update":
        return _update(args, read_config(config_path(args)))
    require("tuf", FEATURE)
    require("cryptography", "the keys of signed data feeds")
    if args.action == "key":
        return _key(args.file)
    from gateway.feed.repository import FeedRepository

    return _publisher(args, FeedRepository(args.folder))


# ---------------------------------------------------------------------------------------- for gateways


def _update(args: Namespace, config: Config) -> int:
    """Check the signed feed, put new data in use, and make the daemon load it.

    Return the exit status: 1 if a file that the provider adds to the feed has a problem, else 0. Raises
    GatewayError if the check fails.
    """
    become_owner(Path(config.state))
    version = check_feed(config_path(args), config)
    if version is None:
        print("The feed has no newer data.")
    else:
        print(f"Data of version {version} is in use.")
        _reload_daemon(config)
    problem = read_check(Path(config.state)).problem
    if problem:  # of the provider's files
        output.problem(problem)
    return 1 if problem else 0


def _reload_daemon(config: Config) -> None:
    try:
        Client(control_socket(config), RELOAD_PATIENCE).ask(RELOAD)
    except Unreachable:
        return  # the next start reads it
    except ControlError as error:
        output.problem(f"the daemon still uses the old data: {error}")


def check_feed(path: Path, config: Config, tier: ListTier | None = None) -> int | None:
    """Download and check the signed feed, use its data, and return the version in use; None if unchanged.

    The provider's files are downloaded too. ``tier``: also download the ready-made category table of this
    set of lists, unless it is in use already; the caller puts it in use. Raises GatewayError if the feed
    cannot be used, or while the daemon does not know the time.
    """
    from gateway.household.feed_update import update_feed

    _check_time(config)
    return update_feed(path, config, datetime.now(UTC), tier=tier)


def check_provider_files(config: Config) -> list[str]:
    """Download the provider's files that changed in the signed feed. Return a line for each failure.

    Raises GatewayError if the feed cannot be used, or while the daemon does not know the time.
    """
    require(LIST_UPDATES, FEATURE)
    from gateway.household.feed_update import update_provider_files

    _check_time(config)
    return update_provider_files(config, datetime.now(UTC))


def _check_time(config: Config) -> None:
    if not _is_time_known(config):
        msg = "feed: not checked while the time is unknown, since its signatures expire; set the clock"
        raise ListError(msg)


def _is_time_known(config: Config) -> bool:
    """Return whether the daemon trusts the clock; True if the daemon cannot be asked."""
    try:
        return Client(control_socket(config)).ask(STATUS).clock.known
    except ControlError:
        return True


def _status(args: Namespace, config: Config) -> int:
    product, problem = product_in_use(config)
    check = read_check(Path(config.state))
    if args.json:
        output.as_json(
            {
                "url": None if config.feed is None else config.feed.url,
                "version": product.data.version,
                "packaged": product.data.is_packaged,
                "checked": None if check.checked is None else check.checked.isoformat(),
                "succeeded": None if check.succeeded is None else check.succeeded.isoformat(),
                "problem": problem or check.problem,
            }
        )
        return 0
    rows = [
        ("address", "none: add feed: {url: …} to qalqan.yaml" if config.feed is None else config.feed.url),
        ("data", _data(product.data)),
    ]
    if config.feed is not None:
        if config.feed.provider:
            rows.append(("files of", config.feed.provider))
        checked = check.checked
        rows.append(("checked", "never" if checked is None else f"{checked.astimezone():%Y-%m-%d %H:%M}"))
    output.rows(rows)
    if config.feed is not None and (problem or check.problem):
        output.problem(problem or check.problem)
    return 0


def _data(data: DataSet) -> str:
    return f"version {data.version}, {'packaged' if data.is_packaged else 'from the feed'}"


# ---------------------------------------------------------------------------------------- for publishers


def _key(path: Path) -> int:
    from gateway.feed.repository import make_key

    print(make_key(path).public_key.keyid)
    return 0


def _publisher(args: Namespace, feed: FeedRepository) -> int:
    if args.action == "init":
        from gateway.feed.repository import ROOT_FILE, KeyCounts

        counts = KeyCounts(args.root_keys, args.root_threshold, args.targets_keys, args.targets_threshold)
        feed.init(args.keys, counts)
        print(f"Move {args.keys / 'offline'} to a medium that is not connected to any machine.")
        print(f"Copy {args.folder / ROOT_FILE} to each gateway: /etc/qalqan/{ROOT_FILE}")
    elif args.action == "build":
        _build(args, feed)
    elif args.action == "provider":
        feed.stage_provider(args.name, args.key)
        print("New targets metadata waits for a signature of the targets key: qalqan feed sign")
    elif args.action == "add":
        feed.stage_files(args.name, args.files, args.rollout)
        print("The files wait for a signature of the provider's key: qalqan feed sign")
    elif args.action == "rollout":
        _rollout(args, feed)
    elif args.action == "rotate":
        feed.stage_root(args.role, add=args.add, remove=args.remove, threshold=args.threshold)
        print("New root metadata waits for signatures: qalqan feed sign")
    elif args.action == "info":
        header, *rows = feed.describe()
        output.rows(rows, header)
        header, *rows = feed.rollouts()
        if rows:
            output.rows(rows, header)
    else:
        for line in feed.sign(args.key) if args.action == "sign" else feed.publish(args.key):
            print(line)
    return 0


def _rollout(args: Namespace, feed: FeedRepository) -> None:
    from gateway.feed.repository import TARGETS

    role = args.provider or TARGETS
    if args.withdraw:
        feed.stage_withdrawal(role, args.file)
    elif args.finish:
        feed.stage_end(role, args.file)
    else:
        feed.stage_percentage(role, args.percent, args.file)
    print(f"The roll-out waits for a signature of the key of {role}: qalqan feed sign")


def _build(args: Namespace, feed: FeedRepository) -> None:
    """Check the data in a folder, and add it to the feed as a version that waits for signatures.

    With ``--tables``, category tables are built and added. Raises GatewayError or OSError.
    """
    from gateway.household.feed_tables import fetch_lists, make_tables
    from gateway.household.feed_update import make_bundle

    if args.fetch and args.tables is None:
        msg = "--fetch needs the folder for the lists: --tables FOLDER"
        raise ListError(msg)
    packaged = packaged_data()
    known = max(packaged.version, feed.newest_version(packaged.format) + 1)
    version = args.number or max(int(f"{datetime.now(UTC):%Y%m%d}00"), known)
    bundle = make_bundle(args.data or packaged.folder, packaged.format, version)
    tables: list[FeedTable] = []
    if args.tables is not None:
        data, now = DataSet(args.data or packaged.folder, packaged.format, version), datetime.now(UTC)
        for line in fetch_lists(data, args.tables, Fetcher(), now) if args.fetch else ():
            output.problem(line)
        for table in make_tables(data, args.tables, now):
            print(f"Table {table.tier}, {table.order}-endian: {len(table.packed) >> 10} kB")
            tables.append(table)
    feed.stage_bundle(bundle, packaged.format, version, tables, args.rollout)
    print(f"Version {version}, {len(bundle) >> 10} kB, waits for a signature: qalqan feed sign")
