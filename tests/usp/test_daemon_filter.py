"""The values and commands over the control socket, from a home with marked names."""

from __future__ import annotations

import base64
import inspect
import json
import os
import subprocess
import sys
import zlib
from collections.abc import Iterator, Mapping
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any, TypeVar, cast

import pytest

from gateway.control.client import Client
from gateway.control.protocol import ControlRequest, decode, encode
from gateway.control.schema import values_of
from gateway.control.verbs import Verb
from gateway.core.errors import ControlError
from gateway.core.files import SOCKET
from gateway.core.reason_codes import Code
from gateway.features.status import vitals
from gateway.features.status.metrics import EVERY
from gateway.policy.values import Reason, Verdict
from gateway.usp.agent import Denied
from gateway.usp.daemon_filter import GZIP, PATIENCE, DaemonFilter
from gateway.usp.messages import ErrorCode
from gateway.usp.model import MODEL, ValueType
from gateway.usp.settings import UspSettings
from gateway.usp.values import UNKNOWN_TIME
from tests.control.running import running
from tests.features.conftest import *  # noqa: F403 -- its fixtures
from tests.features.conftest import Make
from tests.features.desk import NOON, Desk, Running
from tests.figures import HEALTH_FIGURES, HOME
from tests.sentences import sentence
from tests.webui.standin.places import NOW

Answer = TypeVar("Answer")
(STATS,) = (part for part in MODEL if part.name == "Stats.")

NAMES = ("Zulfiya", "Temirlan")  # of the children, whose names nothing may have
SETTINGS = UspSettings(
    "", "", "isp.example", "Alma Net", "https://isp.example/help", "https://feed.isp.example/qalqan/"
)


@pytest.fixture
def desk(make: Make, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setattr(vitals.Vitals, "figures", lambda _: HEALTH_FIGURES)
    made = make(NOON, daughter={"name": NAMES[0]}, son={"name": NAMES[1]}, usp={"vendor": "isp.example"})
    checking = cast("Any", inspect.unwrap(made._verbs["health"])).__self__._checking
    checking._process = cast("Any", Running())
    return made


class DeskClient(Client):
    """Asks a desk, with JSON in between as on the socket, since the desk's database belongs to one thread."""

    __slots__ = ("desk",)

    def __init__(self, desk: Desk) -> None:
        super().__init__(Path("/nonexistent"))
        self.desk = desk

    def ask(self, verb: Verb[Any, Answer], /, **values: object) -> Answer:
        return verb.decode_response(decode(encode(self.desk.ask(verb.name, **values))[:-1]))


@pytest.fixture
def family_filter(desk: Desk) -> DaemonFilter:
    """Each look is a new one. The check of the gateway ends during the first pause."""
    ticks = iter(range(0, 10_000, 3))

    def end_check(_: float) -> None:
        checking = cast("Any", inspect.unwrap(desk._verbs["health"])).__self__._checking
        checking._process.running = False
        checking._done(0, "")

    return DaemonFilter(DeskClient(desk), SETTINGS, lambda: float(next(ticks)), end_check)


def test_each_parameter_has_a_value_of_its_type(family_filter: DaemonFilter) -> None:
    values = family_filter.values()
    for part in MODEL:
        for parameter in part.parameters:
            value = values[parameter.key]
            if parameter.choices:
                assert value in parameter.choices
            elif parameter.type is ValueType.TEXT:
                assert len(value) <= parameter.most
            elif parameter.type is ValueType.FLAG:
                assert value in ("true", "false")
            elif parameter.type is ValueType.COUNT:
                assert value.isdecimal()
            else:
                assert len(value) == len(UNKNOWN_TIME)
    assert values["status"] == "Running"
    assert values["support_code"] == "0.1.0-WNK0"
    assert values["brand_name"] == "Alma Net"


def test_counters_are_given_with_an_approval_only(desk: Desk, family_filter: DaemonFilter) -> None:
    """They are those of the metrics: without decisions about children whose present is private."""
    blocked = (Verdict.BLOCK, Reason.CATEGORY)
    desk.visible_verdicts.update({blocked: 2, (Verdict.ALLOW, Reason.OPEN): 5})

    def counters() -> list[str]:
        values = family_filter.values()
        return [values[parameter.key] for parameter in STATS.parameters]

    assert set(counters()) == {"0"}
    desk.ask("metrics_access", allowed=True, by="Mum")
    assert counters() == ["6000", "3", "0", "3", "2", "0"]
    desk.visible_verdicts[blocked] += 1
    assert counters()[4] == "2", "as the metrics, they are of the last minute"
    desk.go(timedelta(seconds=EVERY))
    assert counters()[4] == "3"
    desk.ask("metrics_access", allowed=False, by="Mum")
    assert set(counters()) == {"0"}


def test_no_value_names_a_person_or_device(desk: Desk, family_filter: DaemonFilter) -> None:
    desk.ask("switch_access", minutes=60, by="Mum")
    desk.ask("metrics_access", allowed=True, by="Mum")
    desk.ask("support_access", minutes=60, by="Mum")
    said = json.dumps([dict(family_filter.values()), family_filter.support_file()])
    unpacked = zlib.decompress(base64.b64decode(family_filter.support_file()), GZIP).decode()
    status = json.dumps(desk.ask("status"), default=str)
    for secret in (*NAMES, "02:00:00", "daughter", "Mum"):
        assert secret in status or secret == "Mum"
        assert secret not in said
        assert secret not in unpacked


def test_the_filter_is_switched_with_an_approval_only(desk: Desk, family_filter: DaemonFilter) -> None:
    with pytest.raises(Denied, match=sentence(Code.NOT_APPROVED)) as caught:
        family_filter.switch(False)
    assert caught.value.reason is ErrorCode.PERMISSION_DENIED
    desk.ask("switch_access", minutes=60, by="Mum")
    family_filter.switch(False)
    until = (desk.local_now() + timedelta(hours=1)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    values = family_filter.values()
    assert (values["enabled"], values["status"]) == ("false", "Off")
    assert values["off_until"] == values["switch_until"] == until
    family_filter.switch(True)
    assert family_filter.values()["enabled"] == "true"


def test_the_support_file_needs_an_approval(desk: Desk, family_filter: DaemonFilter) -> None:
    with pytest.raises(Denied, match=sentence(Code.NOT_APPROVED)):
        family_filter.support_file()
    desk.ask("support_access", minutes=60, by="Mum")
    report = json.loads(zlib.decompress(base64.b64decode(family_filter.support_file()), GZIP))
    assert report["code"] == "0.1.0-WNK0"
    assert report["file"]["format"] == 1
    assert not report["file"]["check"]["running"]
    assert desk.store.audit.lines()[0].what == "support sent"


def test_no_support_file_is_returned_that_the_list_of_changes_does_not_show(desk: Desk) -> None:
    desk.ask("support_access", minutes=60, by="Mum")
    now = [0.0]

    def pause(seconds: float) -> None:
        now[0] += seconds

    family_filter = DaemonFilter(DeskClient(desk), SETTINGS, lambda: now[0], pause)
    with pytest.raises(Denied, match="try again in a minute") as caught:
        family_filter.support_file()  # the check does not end
    assert caught.value.reason is ErrorCode.COMMAND_FAILURE
    assert now[0] == PATIENCE
    assert "support sent" not in [line.what for line in desk.store.audit.lines()]


def test_a_state_serves_a_burst_of_requests(desk: Desk) -> None:
    now = [0.0]
    family_filter = DaemonFilter(DeskClient(desk), SETTINGS, lambda: now[0])
    first = family_filter.values()
    assert family_filter.values() is first
    now[0] = 2.0
    assert family_filter.values() is not first


def test_without_a_daemon_the_filter_is_stopped(tmp_path: Path) -> None:
    family_filter = DaemonFilter(Client(tmp_path / "none"), SETTINGS, lambda: 0.0)
    values = family_filter.values()
    assert (values["status"], values["enabled"], values["support_code"]) == ("Stopped", "false", "0.1.0-USU0")
    assert (values["brand_name"], values["off_until"]) == ("Alma Net", UNKNOWN_TIME)
    with pytest.raises(Denied, match="does not run") as caught:
        family_filter.switch(True)
    assert caught.value.reason is ErrorCode.INTERNAL_ERROR


# Calls of rpcd, for bbfdm, over a real socket.


@pytest.fixture
def control(tmp_path: Path) -> Iterator[Path]:
    """The path of a control socket, behind which a parent has approved support only."""

    def refuse(_: ControlRequest) -> Mapping[str, Any]:
        raise ControlError.of(Code.NOT_APPROVED)

    file = {
        "format": 1, "made": NOW, "version": "0.1.0", "python": "3.13", "kernel": "6.12", "machine": "x86_64",
        "platform": "debian 13", "findings": (), "check": {"running": False, "ended": NOW},
        "figures": values_of(HEALTH_FIGURES), "samples": (), "log": (),
    }  # fmt: skip
    report = {"code": "0.1.0-WNK0", "until": NOW, "file": file}
    verbs = {"status": lambda _: HOME, "on": lambda _: {}, "off": refuse, "support_report": lambda _: report}
    with running(tmp_path / SOCKET, verbs) as found:
        yield found.path


def call(control: Path, name: str, arguments: str = "") -> subprocess.CompletedProcess[str]:
    config = control.parent / "qalqan.yaml"
    config.write_text(f"lan: [lo]\nruntime: {control.parent}\nstate: {control.parent}\n", "utf-8")
    return subprocess.run(
        [sys.executable, "-m", "gateway", "usp", "--call", name, "--config", config],
        input=arguments,
        env={**os.environ, "QALQAN_UCI": ""},
        capture_output=True,
        text=True,
        timeout=30,
    )


def test_a_call_prints_json_or_a_refusal(control: Path) -> None:
    state = json.loads(call(control, "state").stdout)
    assert {parameter.key for part in MODEL for parameter in part.parameters} == state.keys()
    assert state["status"] == "Running"
    assert call(control, "switch", '{"on": "1"}').stdout == "{}\n"
    refused = call(control, "switch", '{"on": "false"}')
    assert (refused.returncode, refused.stdout) == (1, "")
    assert Code.NOT_APPROVED.sentence in refused.stderr
    assert json.loads(call(control, "support_file").stdout)["File"]


@pytest.mark.parametrize("arguments", ["", "[]", '{"on": "maybe"}', "{"])
def test_a_call_with_wrong_arguments_is_refused(control: Path, arguments: str) -> None:
    refused = call(control, "switch", arguments)
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
