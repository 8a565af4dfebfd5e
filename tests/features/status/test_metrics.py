"""Metrics over the control socket and in a file: who may read them, and what they leave out."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from gateway.control.contract.health import COUNTER_DAYS
from gateway.control.contract.lists import FeedState
from gateway.control.protocol import Role
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from gateway.features.status import vitals
from gateway.features.status.checking import GatewayCheck
from gateway.features.status.metric_catalogue import (
    CATALOGUE,
    COUNTER,
    INFO,
    PREFIX,
    RULES,
    TECHNICAL,
    Measured,
    openmetrics,
    prometheus,
)
from gateway.features.status.metrics import EVERY, FILE
from gateway.household.config_file import VARIABLE
from gateway.policy.accounts.people import Account, PersonRole, digest
from gateway.policy.accounts.tokens import Token
from gateway.policy.values import Reason, Verdict
from gateway.store.tables.pauses import COUNTERS, TimedSwitch
from tests.features.conftest import Make
from tests.features.desk import NOON, Desk
from tests.figures import FIGURES, HEALTH_FIGURES

SECRET = "of-the-provider-0123456789"
PROVIDER = {"token_sha256": sha256(SECRET.encode()).hexdigest()}
NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
BASE_UNITS = {"seconds", "bytes"}
DECIDED = {(verdict, reason): 1 for verdict in Verdict for reason in Reason}
NOT_APPROVED = {"until": None, "by": ""}


def make_measured(desk: Desk, **more: Any) -> Measured:
    found = Measured(
        "0.1.0", "3.13.5", 1.5, HEALTH_FIGURES, FIGURES, desk.features.list_updates.plan(), DECIDED
    )
    return replace(found, **more)


@pytest.fixture
def desk(make: Make, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setattr(vitals.Vitals, "figures", lambda _: HEALTH_FIGURES)
    return make(NOON, metrics={**PROVIDER, "textfile": True})


def samples(text: str) -> dict[str, float]:
    """Sample with its labels → value."""
    lines = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in lines}


def test_names_follow_the_conventions() -> None:
    assert len({metric.name for metric in CATALOGUE}) == len(CATALOGUE)
    for metric in CATALOGUE:
        assert NAME.fullmatch(metric.name), metric
        assert not metric.name.endswith(("_total", "_info", "_count", "_sum", "_bucket")), metric
        assert metric.unit in {*BASE_UNITS, ""}, metric
        assert (metric.name.rpartition("_")[2] in BASE_UNITS) == bool(metric.unit), metric
        assert not metric.unit or metric.name.endswith(f"_{metric.unit}"), metric
        assert metric.help.endswith("."), metric
        assert not set(metric.help) & set('\\"\n'), metric
        assert set(metric.labels) <= {"version", "python", "backend", "protocol", "verdict", "reason"}, metric


def test_every_source_has_values_of_the_declared_labels(desk: Desk) -> None:
    feed = FeedState(2026112401, False, datetime(2026, 11, 24, tzinfo=UTC), "")
    plan = desk.features.list_updates.plan()
    measured = make_measured(desk, lists=replace(plan, feed=feed, newest=feed.checked))
    for metric in CATALOGUE:
        values = metric.values(measured)
        assert values, metric.name
        assert all(len(labels) == len(metric.labels) for labels in values), metric.name
    for gone in ("feed_version", "feed_checked_timestamp_seconds", "list_newest_timestamp_seconds"):
        assert PREFIX + gone not in openmetrics(replace(measured, lists=replace(plan, newest=None)))


def test_the_help_says_what_is_counted() -> None:
    texts = {metric.name: metric.help for metric in CATALOGUE}
    assert texts["sealed_lists_late"] == "Sealed lists that have expired; they still apply."
    assert "last successful check" in texts["feed_checked_timestamp_seconds"]


def test_openmetrics_has_its_metadata_and_its_end(desk: Desk) -> None:
    text = openmetrics(make_measured(desk))
    assert text.endswith("\n# EOF\n")
    assert text.count("# EOF") == 1
    assert "# TYPE qalqan_queue_packets counter\nqalqan_queue_packets_total 6000\n" in text
    assert "# TYPE qalqan_build info\nqalqan_build_info{" in text
    assert "# TYPE qalqan_uptime_seconds gauge\n# UNIT qalqan_uptime_seconds seconds\n" in text
    assert 'qalqan_decided_connections_total{protocol="tls"} 4\n' in text
    assert "\n\n" not in text


def test_prometheus_s_text_names_the_samples(desk: Desk) -> None:
    text = prometheus(make_measured(desk))
    assert "# UNIT" not in text
    assert "# EOF" not in text
    assert "# TYPE qalqan_queue_packets_total counter\nqalqan_queue_packets_total 6000\n" in text
    assert "# TYPE qalqan_build_info gauge\n" in text
    assert samples(text) == samples(openmetrics(make_measured(desk)))
    declared = {metric.sample for metric in CATALOGUE}
    assert {name.partition("{")[0] for name in samples(text)} <= declared


def test_label_values_are_escaped(desk: Desk) -> None:
    assert 'version="a\\"b\\\\c\\nd"' in openmetrics(make_measured(desk, version='a"b\\c\nd'))


def test_the_metrics_contain_no_reason_of_the_family_s_rules(desk: Desk) -> None:
    """Nor that something is blocked for everyone: in a small household it would be about one person."""
    text = openmetrics(make_measured(desk))
    for reason in Reason:
        assert (f'reason="{reason}"' in text) == (reason in TECHNICAL), reason
    others = len(set(Reason) - TECHNICAL)
    assert samples(text)[f'qalqan_verdicts_total{{verdict="block",reason="{RULES}"}}'] == others
    family = {Reason.BEDTIME, Reason.PAUSED, Reason.CATEGORY, Reason.VPN, Reason.REFUSED_FOR_EVERYONE}
    assert not family & TECHNICAL
    assert len(text.splitlines()) < 250, "few series for a fleet"


# ---------------------------------------------------------------- who may read them


def refused(desk: Desk, token: str) -> bool:
    with pytest.raises(ControlError) as error:
        desk.ask("metrics", Role.WEB, token=token)
    return error.value.code == Code.WRONG_TOKEN


def parents_token(desk: Desk, word: str = "qalqan_word", role: str = PersonRole.SUPPORT) -> str:
    people = desk.store.people
    people.put(Account("Mum"))
    people.tokens.add(
        Token(
            digest(word),
            "Mum",
            "Grafana",
            role,
            desk.clock.now(),
            until=desk.clock.now() + timedelta(hours=1),
        )
    )
    return word


def test_a_token_of_the_provider_or_of_a_parent_reads_them(desk: Desk) -> None:
    with pytest.raises(ControlError):
        desk.ask("metrics", Role.WEB, token="")
    for word in (SECRET.upper(), PROVIDER["token_sha256"], "qalqan_word"):
        assert refused(desk, word)
    text = desk.ask("metrics", Role.WEB, token=SECRET)["text"]
    assert samples(text)["qalqan_queue_packets_total"] == HEALTH_FIGURES.packets
    assert text.endswith("# EOF\n")
    plain = desk.ask("metrics", Role.WEB, token=SECRET, format="prometheus")["text"]
    assert "# EOF" not in plain
    for role in PersonRole:
        word = parents_token(desk, f"qalqan_{role}", role)
        assert desk.ask("metrics", Role.WEB, token=word)["text"] == text
    desk.store.people.remove("Mum")
    assert refused(desk, f"qalqan_{PersonRole.SUPPORT}")


@pytest.mark.parametrize("setting", [{}, PROVIDER, {"textfile": True}])
def test_health_says_whether_others_can_read_them(
    make: Make, monkeypatch: pytest.MonkeyPatch, setting: dict[str, Any]
) -> None:
    monkeypatch.setattr(vitals.Vitals, "figures", lambda _: HEALTH_FIGURES)
    monkeypatch.setattr(GatewayCheck, "look", lambda _, again: None)
    desk = make(NOON, metrics=setting)
    health = desk.ask("health", Role.WEB)
    assert health["metrics"] is bool(setting)
    assert health["metrics_access"] is None, "the household's own settings need no approval"


def test_a_token_that_has_ended_reads_nothing(desk: Desk) -> None:
    word = parents_token(desk)
    desk.ask("metrics", Role.WEB, token=word)
    desk.go(timedelta(hours=1))
    assert refused(desk, word)


@pytest.fixture
def providers(make: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Desk:
    """A router of which the provider sets the token and the file, as its management server does."""
    monkeypatch.setattr(vitals.Vitals, "figures", lambda _: HEALTH_FIGURES)
    monkeypatch.setattr(GatewayCheck, "look", lambda _, again: None)
    settings = tmp_path / "config"
    options = f"\toption token_sha256 '{PROVIDER['token_sha256']}'\n\toption textfile '1'\n"
    settings.write_text(f"config metrics 'metrics'\n{options}")
    monkeypatch.setenv(VARIABLE, str(settings))
    return make(NOON)


def is_approved(desk: Desk) -> bool:
    """Return whether the provider reads the counters, by the token and by the file alike."""
    read: bool = desk.ask("health", Role.WEB)["metrics"]
    if read:
        assert desk.ask("metrics", Role.WEB, token=SECRET)
    else:
        with pytest.raises(ControlError) as error:
            desk.ask("metrics", Role.WEB, token=SECRET)
        assert error.value.code == Code.NOT_APPROVED
    assert (desk.folder / "run" / FILE).exists() is read
    return read


def test_what_a_provider_sets_has_no_effect_until_a_parent_allows_it(providers: Desk) -> None:
    desk = providers
    assert not is_approved(desk)
    assert desk.ask("health", Role.WEB)["metrics_access"] == NOT_APPROVED
    assert desk.ask("metrics", Role.WEB, token=parents_token(desk)), "a parent's own token needs nothing more"
    approved = {"until": desk.local_now() + timedelta(days=COUNTER_DAYS), "by": "Mum"}
    assert desk.ask("metrics_access", allowed=True, by="Mum") == approved
    assert is_approved(desk)
    assert desk.ask("health", Role.WEB)["metrics_access"] == approved
    assert desk.ask("metrics_access", allowed=False, by="Mum") == NOT_APPROVED
    assert not is_approved(desk)
    minute(desk)
    assert not is_approved(desk)
    lines = [(line.who, line.what, line.detail) for line in reversed(desk.store.audit.lines())]
    until = "until 2026-12-24T12:00+05:00"
    assert lines == [("Mum", "counters", until), ("Mum", "counters end", "")]


def test_an_approval_ends_after_30_days_unless_it_is_renewed(providers: Desk) -> None:
    desk = providers
    desk.ask("metrics_access", allowed=True, by="Mum")
    desk.clock.at += timedelta(days=COUNTER_DAYS - 1)
    desk.ask("metrics_access", allowed=True, by="Mum")
    desk.clock.at += timedelta(days=COUNTER_DAYS, minutes=-2)
    minute(desk)
    assert is_approved(desk)
    minute(desk)
    assert not is_approved(desk)
    assert desk.ask("health", Role.WEB)["metrics_access"] == NOT_APPROVED


def test_an_approval_without_an_end_does_not_count(providers: Desk) -> None:
    """Versions before the first release stored such ones."""
    desk = providers
    desk.store.pauses._switches[COUNTERS] = TimedSwitch(desk.clock.now(), None, "Mum")
    assert not is_approved(desk)


def test_usp_needs_the_same_approval(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vitals.Vitals, "figures", lambda _: HEALTH_FIGURES)
    monkeypatch.setattr(GatewayCheck, "look", lambda _, again: None)
    desk = make(NOON, usp={"vendor": "isp.example"})
    assert desk.ask("health", Role.WEB)["metrics_access"] == NOT_APPROVED
    desk.visible_verdicts.update(DECIDED)
    assert desk.ask("status")["counters"] is None
    desk.ask("metrics_access", allowed=True, by="Mum")
    assert desk.ask("status")["counters"] == {
        "packets": HEALTH_FIGURES.packets, "dropped": HEALTH_FIGURES.dropped, "faults": 0,
        "flows": HEALTH_FIGURES.flows, "blocked": len(Reason), "repairs": 0,
    }  # fmt: skip
    desk.clock.at += timedelta(days=COUNTER_DAYS)
    assert desk.ask("status")["counters"] is None


def test_without_a_setting_nothing_reads_or_writes_them(make: Make) -> None:
    desk = make(NOON)
    assert refused(desk, SECRET)
    assert not (desk.folder / "run" / FILE).exists()


def test_nobody_is_named(desk: Desk) -> None:
    word = parents_token(desk)
    desk.visible_verdicts.update(dict.fromkeys(DECIDED, 3))
    text = desk.ask("metrics", Role.WEB, token=word)["text"].casefold()
    for mark in ("aruzhan", "daughter", "02:00:00", "tiktok", "mum", "192.168", "grafana", "almaty"):
        assert mark not in text


def test_values_are_of_a_minute(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    counted = [7000]
    monkeypatch.setattr(vitals.Vitals, "figures", lambda _: replace(HEALTH_FIGURES, packets=counted[0]))
    desk = make(NOON, metrics=PROVIDER)

    def packets() -> float:
        text = desk.ask("metrics", Role.WEB, token=SECRET)["text"]
        return samples(text)["qalqan_queue_packets_total"]

    assert packets() == 7000
    counted[0] = 8000
    desk.go(timedelta(seconds=EVERY - 1))
    assert packets() == 7000
    desk.go(timedelta(seconds=1))
    assert packets() == 8000


# ---------------------------------------------------------------- the file of a node exporter


def minute(desk: Desk) -> None:
    desk.go(timedelta(seconds=EVERY))


def test_the_file_is_written_each_minute_until_the_end(desk: Desk) -> None:
    path = desk.folder / "run" / FILE
    assert samples(path.read_text())["qalqan_problems"] == HEALTH_FIGURES.problems, "from the start"
    assert path.stat().st_mode & 0o777 == 0o644
    path.write_text("old")
    minute(desk)
    assert "qalqan_problems" in path.read_text()
    desk.features.metrics.close()
    assert not path.exists()


def test_the_file_goes_with_its_setting(desk: Desk) -> None:
    path = desk.folder / "run" / FILE
    settings = desk.rules.path.read_text()
    desk.rules.path.write_text(settings.replace("textfile: true", "textfile: false"))
    desk.reload()
    assert not path.exists()
    minute(desk)
    assert not path.exists()
    desk.rules.path.write_text(settings)
    desk.reload()
    assert path.exists()


def test_a_file_that_cannot_be_written_is_one_line_of_the_log(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    path = desk.folder / "run" / FILE
    path.unlink()
    path.mkdir()
    (path / "x").touch()
    for _ in range(3):
        minute(desk)
    assert len([line for line in caplog.messages if FILE in line]) == 1
    (path / "x").unlink()
    path.rmdir()
    minute(desk)
    assert path.is_file()


def test_every_metric_is_used_once() -> None:
    """Two metrics of one source would be a mistake of the declaration."""
    sources = [metric.source for metric in CATALOGUE]
    assert len(set(sources)) == len(sources)
    properties = {name for name, value in vars(Measured).items() if isinstance(value, property)}
    first = {source.partition(".")[0] for source in sources}
    assert properties <= first
    assert first <= properties | {field.name for field in fields(Measured)}
    assert {metric.kind for metric in CATALOGUE if metric.labels} == {COUNTER, INFO}
