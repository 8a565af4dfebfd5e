"""`qalqan audit --list`: the checks, without running them."""

from __future__ import annotations

import json

from gateway.filter_test.catalogue import CHECKS
from tests.cli.conftest import Qalqan


def test_the_checks_are_listed_for_people_and_programs(qalqan: Qalqan) -> None:
    shown = qalqan("audit", "--list", "--only", "tls", "help")
    assert [line.split()[0] for line in shown.out.splitlines()] == ["CHECK", "tls", "help"]
    listed = json.loads(qalqan("audit", "--list", "--json").out)["checks"]
    assert [check["id"] for check in listed] == [check.id for check in CHECKS]
    assert {check["id"]: check["setting"] for check in listed}["help"] is None
