"""The service against recordings of a real agent: obuspa, with usp-js as its controller."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from gateway.usp import service as service_module
from gateway.usp.agent import Agent
from gateway.usp.exchange import Exchange, Stage
from gateway.usp.messages import MessageType
from gateway.usp.service import UspService
from tests.usp.scripted import FILE, REFUSAL, ROOT, VENDOR, ScriptedFilter
from tests.usp.standin import StandInBroker, Transcript, message_of, parts_of, record_of, transcript

RECORDED = transcript("obuspa")
AGAIN = transcript("obuspa-again")  # the service has restarted, and the agent had a subscription


def frames(data: bytes) -> list[bytes]:
    found = []
    while data:
        end = 8 + int.from_bytes(data[4:8], "big")
        found.append(data[:end])
        data = data[end:]
    return found


def replay(recorded: Transcript) -> Exchange:
    """Give the agent's frames to the service; compare each answer with the recorded one, byte by byte."""
    family_filter = ScriptedFilter()
    exchange = Exchange(Agent(VENDOR, family_filter))
    sent = frames(exchange.begin())
    for line in recorded.lines:
        if "parent" in line:
            family_filter.perform(line["parent"])
        elif line["from"] == "broker":
            sent += frames(exchange.receive(bytes.fromhex(line["frame"])))
        else:
            sent = sent or frames(exchange.notifications())
            assert sent.pop(0) == bytes.fromhex(line["frame"])
    assert not sent
    return exchange


@pytest.mark.parametrize("recorded", [RECORDED, AGAIN], ids=["first", "again"])
def test_the_service_answers_a_real_agent_as_recorded(recorded: Transcript) -> None:
    assert replay(recorded).stage is Stage.REGISTERED


def test_a_subscription_works_again_after_a_restart_of_the_service() -> None:
    change = {"paramPath": f"{ROOT}Approval.SupportUntil", "paramValue": "2026-12-01T08:00:00Z"}
    assert AGAIN.results["notified after a restart"]["result"] == [change]


def test_the_recording_has_each_message_of_the_protocol() -> None:
    found = set()
    for line in RECORDED.lines:
        for part in parts_of(bytes.fromhex(line.get("frame", ""))):
            if part.type == 3 and record_of(part).plain is not None:
                header = message_of(part).header
                assert header is not None
                found.add((line["from"], MessageType(header.msg_type)))
    requests = (
        MessageType.GET_SUPPORTED_DM, MessageType.GET, MessageType.SET, MessageType.OPERATE,
        MessageType.ADD, MessageType.DELETE, MessageType.REGISTER_RESP,
    )  # fmt: skip
    answers = (
        MessageType.REGISTER, MessageType.GET_SUPPORTED_DM_RESP, MessageType.GET_RESP, MessageType.SET_RESP,
        MessageType.OPERATE_RESP, MessageType.ADD_RESP, MessageType.DELETE_RESP, MessageType.NOTIFY,
    )  # fmt: skip
    assert found == {("broker", kind) for kind in requests} | {("service", kind) for kind in answers}


def test_what_the_controller_got() -> None:
    got = RECORDED.results
    assert got["get services"]["result"][0]["DataModelPaths"] == ROOT
    assert got["get all"]["result"]["Brand"] == {"Name": "Alma Net", "Support": "https://isp.example/help"}
    refused = got["set refused"]["error"]["updatedInstFailures"][0]["paramErrs"]
    assert refused == [{"param": "Enable", "errCode": 7006, "errMsg": REFUSAL}]
    assert got["set allowed"]["result"][0]["updatedParams"] == {"Enable": "false"}
    assert got["notified"]["result"] == [{"paramPath": f"{ROOT}Enable", "paramValue": "false"}]
    assert got["operate refused"]["error"] == {"errCode": 7006, "errMsg": REFUSAL}
    assert got["operate allowed"]["result"]["outputArgs"] == {"File": FILE}


def test_the_recording_over_a_real_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_module, "CHECK_EVERY", 0.2)
    broker = StandInBroker(tmp_path / "broker")
    family_filter = ScriptedFilter()
    service = UspService(tmp_path / "broker", VENDOR, family_filter)
    thread = threading.Thread(target=service.serve_once)
    thread.start()
    broker.accept()
    for line in RECORDED.lines:
        if "parent" in line:
            family_filter.perform(line["parent"])
        elif line["from"] == "broker":
            broker.send(bytes.fromhex(line["frame"]))
        else:
            assert [broker.part()] == parts_of(bytes.fromhex(line["frame"]))
    broker.close()
    thread.join(10)
    assert not thread.is_alive()
