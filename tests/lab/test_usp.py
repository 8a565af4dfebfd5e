"""The USP Service of a real daemon, with a stand-in for the router's USP agent."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
import zlib
from collections.abc import Iterator
from typing import Any

import pytest

from gateway.usp.messages import (
    Body,
    ErrorCode,
    Get,
    MessageType,
    ObjectSettings,
    Operate,
    ParameterSetting,
    Set,
)
from tests.lab import names
from tests.lab.daemon import Daemon
from tests.lab.home import ROOT, Home
from tests.usp.scripted import ROOT as OBJECT
from tests.usp.scripted import VENDOR
from tests.usp.standin import StandInBroker, message_of, request_frame

pytestmark = pytest.mark.lab

CHILDREN = {
    "daughter": {"name": "Zulfiya", "band": "10-12", "devices": [names.TABLET.mac]},
    "son": {"name": "Temirlan", "band": "13-15", "devices": [names.PHONE.mac]},
}
GZIP = 16 + zlib.MAX_WBITS
SWITCH_OFF = Set(False, (ObjectSettings(OBJECT, (ParameterSetting("Enable", "false", required=True),)),))


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandInBroker]:
    made = StandInBroker(tmp_path_factory.mktemp("usp") / "agent")
    yield made
    made.close()


@pytest.fixture(scope="module")
def daemon(broker: StandInBroker) -> Iterator[Daemon]:
    settings = {"usp": {"vendor": VENDOR, "socket": str(broker.path)}}
    with Home() as home, Daemon(home, CHILDREN, settings=settings) as running:
        command = [sys.executable, "-m", "gateway", "--config", str(running.config), "usp"]
        service = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "QALQAN_UCI": ""})
        try:
            broker.greet()
            yield running
        finally:
            service.terminate()
            assert service.wait(10) == 0


def ask(broker: StandInBroker, kind: MessageType, **request: Any) -> Body:
    broker.send(request_frame(kind, **request))
    body = message_of(broker.part()).body
    assert body is not None
    return body


def values(broker: StandInBroker) -> dict[str, str]:
    response = ask(broker, MessageType.GET, get=Get((OBJECT,))).response
    assert response is not None
    assert response.get_resp is not None
    found = response.get_resp.req_path_results[0].resolved_path_results
    return {
        f"{entry.resolved_path}{name}".removeprefix(OBJECT): value
        for entry in found
        for name, value in entry.result_params.items()
    }


def test_the_values_are_the_daemon_s_and_name_no_child(broker: StandInBroker, daemon: Daemon) -> None:
    found = values(broker)
    status = daemon.client.call("status")
    assert (found["Status"], found["Version"]) == ("Running", status["version"])
    assert int(found["Lists.Entries"]) == status["table"]["names"]
    assert 0 < int(found["Memory"]) < 100_000
    said = json.dumps(found).casefold()
    words = set(re.findall(r"\w+", said))
    assert not words & {"zulfiya", "temirlan", "daughter", "son"}
    for device in (names.TABLET, names.PHONE):
        assert device.mac not in said


def test_the_filter_is_switched_with_an_approval_only(broker: StandInBroker, daemon: Daemon) -> None:
    error = ask(broker, MessageType.SET, set=SWITCH_OFF).error
    assert error is not None
    assert error.param_errs[0].err_code == ErrorCode.PERMISSION_DENIED
    assert daemon.client.call("status")["mode"] == "on"
    daemon.client.call("switch_access", minutes=60, by="Mum")
    assert ask(broker, MessageType.SET, set=SWITCH_OFF).response is not None
    assert daemon.client.call("status")["mode"] == "off"
    daemon.client.call("switch_access", by="Mum")
    assert daemon.client.call("status")["mode"] == "on"


def test_the_support_file_is_returned_with_an_approval_only(broker: StandInBroker, daemon: Daemon) -> None:
    operate = Operate(f"{OBJECT}GetSupportFile()", send_resp=True)
    results = []
    for minutes in (None, 60):
        if minutes is not None:
            daemon.client.call("support_access", minutes=minutes, by="Mum")
        response = ask(broker, MessageType.OPERATE, operate=operate).response
        assert response is not None
        assert response.operate_resp is not None
        results.append(response.operate_resp.operation_results[0])
    refused, done = results
    assert refused.cmd_failure is not None
    assert refused.cmd_failure.err_code == ErrorCode.PERMISSION_DENIED
    assert done.req_output_args is not None
    file = zlib.decompress(base64.b64decode(done.req_output_args.output_args["File"]), GZIP)
    assert json.loads(file)["file"]["format"] == 1
    for secret in (b"Zulfiya", b"Temirlan", names.TABLET.mac.encode()):
        assert secret not in file
