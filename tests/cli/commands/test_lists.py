"""`qalqan lists reports`: what parents reported as wrong, for the makers of the lists."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import Qalqan

WRONG = """
wrong:
  w0: {host: chess.example, category: gambling, by: Mum, at: 2026-11-24}
  w1: {host: club.example, category: dating, by: Dad, at: 2026-11-25}
"""


def test_reports_are_printed(qalqan: Qalqan, config: Path) -> None:
    config.with_name("lists.yaml").write_text(WRONG)
    done = qalqan("--config", config, "lists", "reports")
    assert done.status == 0, done
    assert "chess.example" in done.out
    assert "built-in" in done.out


def test_reports_for_a_maker_have_no_data_of_the_home(qalqan: Qalqan, config: Path) -> None:
    config.with_name("lists.yaml").write_text(WRONG)
    done = qalqan("--config", config, "lists", "reports", "--json")
    assert json.loads(done.out)[1] == {
        "host": "club.example",
        "category": "dating",
        "at": "2026-11-25",
        "lists": [],
    }
    assert "Mum" not in done.out
