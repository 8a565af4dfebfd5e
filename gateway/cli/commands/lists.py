"""`qalqan lists`: looks up a host in the lists of sites. The rest is in `gateway.cli.list_updates`."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from gateway.cli import output
from gateway.cli.rule_files import SealedAsked, config_if_there
from gateway.core.optional_packages import LIST_UPDATES, require
from gateway.household.loading import product_in_use
from gateway.lists.lookup import Lookup, look_up
from gateway.lists.table import open_table
from gateway.policy.config.config import Config
from gateway.policy.config.registers import register_title
from gateway.policy.names.categories import PROXY

REFUSED_FOR_EVERYONE = "blocked for everyone"


def run(args: Namespace) -> int:
    if args.action == "lookup":
        return _lookup(args, config_if_there(args))
    require(LIST_UPDATES, "list updates")
    from gateway.cli.list_updates import run as run_updates

    return run_updates(args)


def _lookup(args: Namespace, config: Config) -> int:
    product, _ = product_in_use(config)
    table = open_table(Path(config.state))
    sealed = SealedAsked(config)
    found = look_up(
        args.host, table, product.categories, product.catalogue, product.resolvers, sealed, product.words
    )
    if args.json:
        output.as_json(asdict(found))
    else:
        output.rows(_rows(found))
    return 0


def _rows(found: Lookup) -> Iterator[tuple[str, str]]:
    if found.refused_for_everyone:
        yield found.host, REFUSED_FOR_EVERYONE
        return
    for match in found.matches:
        yield match.name, ", ".join(map(register_title, match.categories))
    for service in found.services:
        yield found.host, f"service:{service}"
    if found.resolver:
        yield found.host, f"{PROXY}, a resolver of {found.resolver}"
    if not found.matches and not found.services and not found.resolver:
        yield found.host, "in no category and no service"
