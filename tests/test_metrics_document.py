"""docs/providers/metrics.md, its dashboard and alert rules: they use declared metrics only.

Prometheus' own tool accepts them, and the text of the gateway.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class AlertCase:
    """A simulation of one rule. ``series``: values from the start, one a minute, in promtool's notation.

    ``fires``: the labels of the alerts in minute ``at``, apart from the severity. In minute ``before`` there
    is none: the rule waits. ``value`` is what stands for its value in the annotations.
    """

    series: Mapping[str, str]
    at: int
    before: int | None = None
    fires: Sequence[Mapping[str, str]] = ({"instance": "a"},)
    value: str = ""


def pair(name: str, bad: str, good: str) -> dict[str, str]:
    """Return the series of a gateway ``a`` with a fault and of a healthy one."""
    return {f'{name}{{instance="a"}}': bad, f'{name}{{instance="b"}}': good}


JOB = {"instance": "a", "job": "qalqan"}
TEXTFILE = {"instance": "a", "file": "/var/prometheus/qalqan.prom"}
CASES = {
    "QalqanDown": AlertCase(
        {'up{instance="a",job="qalqan"}': "0x60", 'up{instance="b",job="qalqan"}': "1x60",
         'up{instance="a",job="other"}': "0x60"}, 16, 14, [JOB]
    ),
    "QalqanTextfileOld": AlertCase(
        {'node_textfile_mtime_seconds{instance="a",file="/var/prometheus/qalqan.prom"}': "0x60",
         'node_textfile_mtime_seconds{instance="a",file="/var/prometheus/other.prom"}': "0x60",
         'node_textfile_mtime_seconds{instance="b",file="/var/prometheus/qalqan.prom"}': "0+60x60"},
        22, 20, [TEXTFILE],
    ),
    "QalqanRestarts": AlertCase(pair("qalqan_cpu_seconds_total", "1 2 1 2 1 2 1 2+1x60", "1 2 1 2+1x60"), 30),
    "QalqanPacketsDropped": AlertCase(
        pair("qalqan_queue_dropped_packets_total", "0+600x60", "7+30x60"), 30, 10
    ),
    "QalqanFaults": AlertCase(pair("qalqan_queue_failed_packets_total", "0x5 1x60", "3x60"), 30, 5),
    "QalqanProblems": AlertCase(pair("qalqan_problems", "2x120", "0x120"), 61, 59, value="2"),
    "QalqanTableChanged": AlertCase(
        pair("qalqan_table_repairs_total", "0x5 2+2x60", "0x5 1 2 3x60"), 30, 5
    ),
    "QalqanClockUnknown": AlertCase(pair("qalqan_clock_trusted", "0x120", "1x120"), 61, 59),
    "QalqanListsOld": AlertCase(
        pair("qalqan_list_newest_timestamp_seconds", "-800000x120", "-600000x120"),
        61, 59, value="9d 7h 14m 20s",
    ),
    "QalqanSealedListsLate": AlertCase(pair("qalqan_sealed_lists_late", "1x1500", "0x1500"), 1441, 1439),
    "QalqanFeedUnchecked": AlertCase(
        pair("qalqan_feed_checked_timestamp_seconds", "-300000x120", "-200000x120"), 61, 59
    ),
    "QalqanMemoryHigh": AlertCase(
        pair("qalqan_resident_memory_bytes", "67108864x60", "40000000x60"), 31, 29, value="64Mi"
    ),
    "QalqanDiskFull": AlertCase(
        pair("qalqan_disk_free_bytes", "3145728x60", "5000000x60"), 31, 29, value="3Mi"
    ),
    "QalqanDatabaseLost": AlertCase(
        pair("qalqan_database_replacements_total", "0x5 1x60", "1x60")
        | pair("qalqan_database_dropped_decisions_total", "0x60", "0x60")
        | {'qalqan_database_dropped_decisions_total{instance="c"}': "0x5 20x60"},
        30, 5, [{"instance": "a"}, {"instance": "c"}],
    ),
}  # fmt: skip


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


def simulation(rule: Mapping[str, Any], case: AlertCase) -> dict[str, Any]:
    """Return promtool's test of a rule: silent in the minute before it fires, then exactly these alerts."""
    alert = rule["alert"]

    def shown(text: str, labels: Mapping[str, str]) -> str:
        named = text.replace("{{ $labels.instance }}", labels["instance"])
        return re.sub(r"{{ \$value[^}]*}}", case.value, named)

    alerts = [
        {"exp_labels": {**rule["labels"], **labels},
         "exp_annotations": {key: shown(text, labels) for key, text in rule["annotations"].items()}}
        for labels in case.fires
    ]  # fmt: skip
    looks = [{"eval_time": f"{case.at}m", "alertname": alert, "exp_alerts": alerts}]
    if case.before is not None:
        looks.append({"eval_time": f"{case.before}m", "alertname": alert, "exp_alerts": []})
    series = [{"series": name, "values": values} for name, values in case.series.items()]
    return {"interval": "1m", "input_series": series, "alert_rule_test": looks}


def test_each_rule_has_a_simulation_that_waits_as_long_as_the_rule() -> None:
    assert [rule["alert"] for rule in RULES] == list(CASES)
    for rule in RULES:
        case = CASES[rule["alert"]]
        assert case.before is not None or "for" not in rule, rule["alert"]


@pytest.mark.system
@pytest.mark.needs("promtool")
def test_prometheus_accepts_the_rules() -> None:
    assert f"{len(RULES)} rules found" in promtool("check", "rules", "--lint-fatal", str(ALERTS))


@pytest.mark.system
@pytest.mark.needs("promtool")
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_a_rule_fires_when_it_should(rule: dict[str, Any], tmp_path: Path) -> None:
    cases = tmp_path / "cases.yml"
    tests = [simulation(rule, CASES[rule["alert"]])]
    whole = {"rule_files": [str(ALERTS)], "evaluation_interval": "1m", "tests": tests}
    cases.write_text(yaml.safe_dump(whole))
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
