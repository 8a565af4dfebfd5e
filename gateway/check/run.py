"""`qalqan check`: finds problems of files and system, and how to fix them. Needs no daemon and no root."""

from __future__ import annotations

import json
import os
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

from gateway.check import system as check_system
from gateway.check.devices import device_findings
from gateway.check.findings import Finding, Severity, note, ok, refused
from gateway.check.firewall import firewall_findings
from gateway.check.household import country_findings, profile_findings, router_findings
from gateway.check.lan import lan_findings
from gateway.check.lists import (
    copy_findings,
    feed_findings,
    how_to_update,
    register_findings,
    sealed_findings,
    table_findings,
)
from gateway.check.provider_archive import agent_findings, archive_refusals
from gateway.check.rulesets import mark_findings, read_rules, rule_findings
from gateway.check.trusted_name import announcement_findings, certificate_findings, name_findings
from gateway.cli import output
from gateway.cli.settings import config_path, read_config
from gateway.core.errors import PolicyError
from gateway.household import loading as household
from gateway.lan.machine import read_machine
from gateway.policy.config.config import Config

NICE = 10  # for a check that the daemon starts: packets have priority


def run(args: Namespace) -> int:
    if args.archive:
        return _archive(args.archive, config_path(args))
    if args.steps:
        return _steps(config_path(args))
    findings = list(findings_of(config_path(args)))
    healthy = all(finding.level is not Severity.ERROR for finding in findings)
    if args.json:
        counts = {
            f"{level}s": sum(finding.level is level for finding in findings)
            for level in Severity
            if level is not Severity.OK
        }
        listed = [finding.as_json() for finding in findings]
        output.as_json({"ok": healthy, **counts, "findings": listed})
    else:
        for finding in findings:
            print(output.clean(finding))
    return 0 if healthy else 1


def _archive(archive: Path, path: Path) -> int:
    refusals = archive_refusals(archive, path)
    for refusal in refusals:
        print(output.clean(refusal))
    if not refusals:
        print(output.clean(f"{archive}: sets only what is the provider's"))
    return 1 if refusals else 0


def _steps(path: Path) -> int:
    """Check the configuration ``path``; print each finding as a line of JSON, for the daemon. Return 0."""
    os.nice(NICE)
    for finding in findings_of(path):
        print(json.dumps(finding.as_json()), flush=True)
    return 0


def findings_of(path: Path) -> Iterator[Finding]:
    """Run all checks with the configuration at ``path`` (qalqan.yaml), and yield their findings.

    If the configuration is unusable, only the checks that do not need it run. An invalid setting that
    filtering does not need has its default in the other checks.
    """
    product, family = None, None
    try:
        product = household.load_product()
    except PolicyError as error:
        yield refused("product", error, code="product_damaged")
    else:
        count = len(product.catalogue.services)
        yield ok("product", f"{len(product.categories.by_id)} categories, {count} services")
    try:
        config = read_config(path, lenient=True)
    except PolicyError as error:
        yield refused("config", error, code="settings_mistake")
    else:
        if not config.problems:
            yield ok("config", str(path))
        yield from router_findings(config)
        if product is not None:
            product, _ = household.product_in_use(config, product)
            yield from country_findings(config, product)
            family = yield from profile_findings(path, config, product)
        yield from check_system.folders(config)
        yield from table_findings(Path(config.state))
        has_child = family is not None and bool(family.children)
        if has_child:
            yield from device_findings(config)
        yield from copy_findings(Path(config.state), needed=how_to_update(config) if has_child else "")
        yield from feed_findings(config, product)
        yield from sealed_findings(config)
        yield from register_findings(config)
        yield from check_system.clock(config)
        yield from _network(config, filters=family is None or family.filters)
        yield from check_system.pages(config)
        yield from check_system.explained(config)
        yield from certificate_findings(config)
        yield from name_findings(config)
        yield from announcement_findings(config)
    yield from check_system.kernel()
    yield from check_system.accounting()
    yield from check_system.other_filters()
    yield from agent_findings()


def _network(config: Config, *, filters: bool) -> Iterator[Finding]:
    rules = read_rules()
    try:
        machine = read_machine()
    except OSError as error:
        yield note(
            "lan", f"the interfaces cannot be read from the kernel ({error.strerror or error})", code="unread"
        )
    else:
        yield from lan_findings(config, machine)
        yield from firewall_findings(config, machine, rules)
    yield from rule_findings(config, rules, filters=filters)
    yield from mark_findings(config.marks, rules)
