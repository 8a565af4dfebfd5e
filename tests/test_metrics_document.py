"""docs/providers/metrics.md, its dashboard and alert rules: they use declared metrics only.

Prometheus' own tool accepts them, and the text of the gateway.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.control.contract.lists import UpdatePlan
from gateway.features.status.metric_catalogue import CATALOGUE, Measured, prometheus
from gateway.policy.config.list_tiers import ListTier
from gateway.policy.time.list_update_times import UpdateInterval
from gateway.policy.values import Reason, Verdict
from tests.figures import FIGURES, HEALTH_FIGURES
from tests.metrics_document import DOCUMENT, document

FOLDER = DOCUMENT.with_suffix("")
DASHBOARD: dict[str, Any] = json.loads((FOLDER / "dashboard.json").read_text("utf-8"))
ALERTS = FOLDER / "alerts.yml"
RULES: list[dict[str, Any]] = yaml.safe_load(ALERTS.read_text("utf-8"))["groups"][0]["rules"]
LABELS = {metric.sample: set(metric.labels) for metric in CATALOGUE}
NAME = re.compile(r"\b(?:qalqan|node)_\w+|\bup\b")
OTHERS = {"up", "node_textfile_mtime_seconds"}  # Prometheus' own, and the node exporter's
CASES = """
rule_files: [{alerts}]
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
      - series: 'qalqan_queue_dropped_packets_total{{instance="a"}}'
        values: '0+600x60'
      - series: 'qalqan_queue_dropped_packets_total{{instance="b"}}'
        values: '7+0x60'
      - series: 'qalqan_cpu_seconds_total{{instance="a"}}'
        values: '1 2 1 2 1 2 1 2+1x60'
      - series: 'qalqan_cpu_seconds_total{{instance="b"}}'
        values: '1+1x60'
      - series: 'qalqan_list_newest_timestamp_seconds{{instance="a"}}'
        values: '-800000+0x120'
      - series: 'qalqan_list_newest_timestamp_seconds{{instance="b"}}'
        values: '0+0x120'
      - series: 'qalqan_clock_trusted{{instance="a"}}'
        values: '0+0x120'
    alert_rule_test:
      - {{alertname: QalqanPacketsDropped, eval_time: 30m, exp_alerts: [
          {{exp_labels: {{severity: critical, instance: a}}, exp_annotations: {dropped}}}]}}
      - {{alertname: QalqanRestarts, eval_time: 30m, exp_alerts: [
          {{exp_labels: {{severity: critical, instance: a}}, exp_annotations: {restarts}}}]}}
      - {{alertname: QalqanClockUnknown, eval_time: 30m}}
      - {{alertname: QalqanListsOld, eval_time: 30m}}
      - {{alertname: QalqanProblems, eval_time: 90m}}
"""


def queries() -> Iterator[str]:
    """Yield those of the dashboard, panel by panel."""
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", ()):
            yield target["expr"]


def promtool(*arguments: str, text: str = "") -> str:
    done = subprocess.run(["promtool", *arguments], input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (text, done.stdout, done.stderr)
    return done.stdout + done.stderr


def test_the_table_is_that_of_the_declarations() -> None:
    assert DOCUMENT.read_text("utf-8") == document(), "run: python -m tests.metrics_document"


def test_the_dashboard_uses_declared_metrics_only() -> None:
    used = {name for query in queries() for name in NAME.findall(query)}
    assert used <= LABELS.keys(), used - LABELS.keys()
    assert len(used) > len(LABELS) / 2
    assert f"label_values({'qalqan_build_info'}, instance)" in json.dumps(DASHBOARD["templating"])


def test_the_dashboard_groups_and_selects_by_declared_labels() -> None:
    for query in queries():
        labels = LABELS[NAME.findall(query)[0]] | {"instance"}
        grouped = {label for found in re.findall(r"by \(([\w, ]+)\)", query) for label in found.split(", ")}
        selected = set(re.findall(r"(\w+)=~?\"", query))
        assert grouped | selected <= labels, query
        assert 'instance=~"$instance"' in query, "the choice of gateways applies to each panel"


def test_panels_have_places_of_their_own() -> None:
    panels = list(DASHBOARD["panels"])
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken = set[tuple[int, int]]()
    for panel in panels:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert place["x"] + place["w"] <= 24, panel["title"]
        assert not cells & taken, panel["title"]
        taken |= cells
        assert panel["type"] == "row" or panel["targets"], panel["title"]


def test_the_alert_rules_use_declared_metrics_only_and_say_what_to_do() -> None:
    used = {name for rule in RULES for name in NAME.findall(rule["expr"])}
    assert used - OTHERS <= LABELS.keys()
    assert len({rule["alert"] for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert rule["labels"].keys() == {"severity"}, rule["alert"]
        assert rule["annotations"].keys() == {"summary", "description"}, rule["alert"]


@pytest.mark.system
@pytest.mark.needs("promtool")
def test_prometheus_accepts_the_rules_and_they_fire_when_they_should(tmp_path: Path) -> None:
    assert f"{len(RULES)} rules found" in promtool("check", "rules", "--lint-fatal", str(ALERTS))
    notes = {rule["alert"]: dict(rule["annotations"]) for rule in RULES}
    shown = {
        name: json.dumps({key: text.replace("{{ $labels.instance }}", "a") for key, text in found.items()})
        for name, found in notes.items()
    }
    cases = tmp_path / "cases.yml"
    cases.write_text(
        CASES.format(alerts=ALERTS, dropped=shown["QalqanPacketsDropped"], restarts=shown["QalqanRestarts"])
    )
    assert "SUCCESS" in promtool("test", "rules", str(cases))


@pytest.mark.system
@pytest.mark.needs("promtool")
def test_prometheus_accepts_the_queries_of_the_dashboard(tmp_path: Path) -> None:
    """As rules, which it parses."""
    texts = [
        query.replace("$__rate_interval", "5m").replace("$instance", ".*").replace("$", "")
        for query in queries()
    ]
    rules = [{"record": f"panel:{number}", "expr": text} for number, text in enumerate(texts)]
    file = tmp_path / "rules.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    assert f"{len(rules)} rules found" in promtool("check", "rules", str(file))


@pytest.mark.system
@pytest.mark.needs("promtool")
def test_prometheus_accepts_the_text_of_the_gateway() -> None:
    """Its linter knows the conventions: units, suffixes, help."""
    plan = UpdatePlan(UpdateInterval.DAILY, False, None, None, "", 0, "", ListTier.SMALL, False)
    decided = {(verdict, reason): 1 for verdict in Verdict for reason in Reason}
    measured = Measured("0.1.0", "3.13.5", 1.5, HEALTH_FIGURES, FIGURES, plan, decided)
    assert promtool("check", "metrics", text=prometheus(measured)) == ""
