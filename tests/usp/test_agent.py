"""What the agent answers, by TR-369 section 6: requests that the recordings do not have, too."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest

from gateway.usp.agent import Agent
from gateway.usp.messages import (
    Add,
    Body,
    CurrentInstance,
    Delete,
    ErrorCode,
    ErrorMessage,
    Get,
    GetInstances,
    GetSupportedDM,
    GetSupportedProtocol,
    Header,
    MessageType,
    ObjectSettings,
    Operate,
    ParameterSetting,
    RegisterMessage,
    Request,
    Response,
    Set,
    UspMessage,
)
from gateway.usp.model import MODEL, SUPPORT_COMMAND
from gateway.usp.subscriptions import SUBSCRIPTIONS_LIMIT, TABLE, TEXT_LIMIT
from tests.usp.scripted import FILE, REFUSAL, ROOT, VENDOR, ScriptedFilter

KIND_OF = {
    "get": MessageType.GET,
    "set": MessageType.SET,
    "add": MessageType.ADD,
    "delete": MessageType.DELETE,
    "operate": MessageType.OPERATE,
    "get_supported_dm": MessageType.GET_SUPPORTED_DM,
    "get_instances": MessageType.GET_INSTANCES,
    "get_supported_protocol": MessageType.GET_SUPPORTED_PROTO,
    "register": MessageType.REGISTER,
}


class Desk:
    """An agent, and its filter."""

    def __init__(self) -> None:
        self.filter = ScriptedFilter()
        self.agent = Agent(VENDOR, self.filter)

    def body(self, **request: Any) -> Body | None:
        kind = KIND_OF[next(iter(request))]
        answer = self.agent.respond(UspMessage(Header("1", kind), Body(request=Request(**request))))
        return None if answer is None else answer.body

    def ask(self, **request: Any) -> Response:
        body = self.body(**request)
        assert body is not None
        assert body.response is not None
        return body.response

    def error(self, **request: Any) -> ErrorMessage:
        body = self.body(**request)
        assert body is not None
        assert body.error is not None
        return body.error

    def get(self, path: str, depth: int = 0) -> dict[str, dict[str, str]] | int:
        found = self.ask(get=Get((path,), depth)).get_resp
        assert found is not None
        result = found.req_path_results[0]
        if result.err_code:
            return result.err_code
        return {entry.resolved_path: dict(entry.result_params) for entry in result.resolved_path_results}

    def set(self, value: str, *, param: str = "Enable", path: str = ROOT, **how: bool) -> Body:
        setting = ParameterSetting(param, value, required=how.get("required", False))
        update = ObjectSettings(path, (setting,))
        body = self.body(set=Set(how.get("partial", False), (update,)))
        assert body is not None
        return body

    def subscribe(self, path: str, **settings: str) -> str:
        values = {"ID": "s", "NotifType": "ValueChange", "ReferenceList": path, "Enable": "true", **settings}
        listed = tuple(ParameterSetting(name, value, required=True) for name, value in values.items())
        found = self.ask(add=Add(False, (ObjectSettings(TABLE, listed),))).add_resp
        assert found is not None
        status = found.created_obj_results[0].oper_status
        assert status is not None
        assert status.oper_success is not None
        return status.oper_success.instantiated_path

    def notified(self) -> list[tuple[str, str, str]]:
        ids = count()
        found = []
        for message in self.agent.notifications(lambda: str(next(ids))):
            assert message.body is not None
            assert message.body.request is not None
            notify = message.body.request.notify
            assert notify is not None
            assert notify.value_change is not None
            change = notify.value_change
            found.append((notify.subscription_id, change.param_path.removeprefix(ROOT), change.param_value))
        return found


@pytest.fixture
def desk() -> Desk:
    return Desk()


# Get, GetSupportedDM, GetInstances, GetSupportedProtocol


def test_get_of_a_parameter_an_object_and_a_part_of_the_tree(desk: Desk) -> None:
    assert desk.get(f"{ROOT}Brand.Name") == {f"{ROOT}Brand.": {"Name": "Alma Net"}}
    everything = desk.get(ROOT)
    assert isinstance(everything, dict)
    assert list(everything) == [f"{ROOT}{part.name}" for part in MODEL]
    assert desk.get(ROOT, depth=1) == {ROOT: everything[ROOT]}
    assert desk.get("Device.") == everything


@pytest.mark.parametrize(
    "path",
    [
        f"{ROOT}Children", f"{ROOT}Children.", "Device.WiFi.", f'{ROOT}[Name=="x"].', "", "x" * 300,
        f"{TABLE}7.", f"{TABLE}7.ID",
    ],
)  # fmt: skip
def test_get_of_an_unknown_path_is_an_invalid_path(desk: Desk, path: str) -> None:
    assert desk.get(path) == ErrorCode.INVALID_PATH


def test_get_of_an_empty_table_is_no_error(desk: Desk) -> None:
    assert desk.get(TABLE) == {}
    assert desk.get(f"{TABLE}*.") == {}
    path = desk.subscribe(f"{ROOT}Enable")
    assert desk.get(f"{TABLE}*.ID") == {path: {"ID": "s"}}


def supported(desk: Desk, path: str, **what: bool) -> dict[str, Any]:
    found = desk.ask(get_supported_dm=GetSupportedDM((path,), **what)).get_supported_dm_resp
    assert found is not None
    return {entry.supported_obj_path: entry for entry in found.req_obj_results[0].supported_objs}


def test_the_supported_model_is_the_declared_one(desk: Desk) -> None:
    found = supported(desk, ROOT, return_params=True, return_commands=True)
    declared = {
        f"{ROOT}{part.name}": (
            {parameter.name: int(parameter.writable) for parameter in part.parameters},
            [command.name for command in part.commands],
        )
        for part in MODEL
    }
    assert declared == {
        path: (
            {parameter.param_name: parameter.access for parameter in entry.supported_params},
            [command.command_name for command in entry.supported_commands],
        )
        for path, entry in found.items()
    }


def test_only_what_is_asked_for_is_in_the_supported_model(desk: Desk) -> None:
    assert not any(
        entry.supported_params or entry.supported_commands for entry in supported(desk, ROOT).values()
    )
    assert list(supported(desk, f"{ROOT}Stats.")) == [f"{ROOT}Stats."]
    table = supported(desk, "Device.", return_unique_key_sets=True)[f"{TABLE}{{i}}."]
    assert (table.is_multi_instance, table.unique_key_sets[0].key_names) == (True, ("ID", "Recipient"))
    assert supported(desk, "Device.WiFi.") == {}


def test_instances_are_those_of_the_table(desk: Desk) -> None:
    path = desk.subscribe(f"{ROOT}Enable")
    found = desk.ask(get_instances=GetInstances((TABLE, "Device.", ROOT, "Device.WiFi."))).get_instances_resp
    assert found is not None
    table, device, own, unknown = found.req_path_results
    instance = CurrentInstance(path, {"ID": "s", "Recipient": ""})
    assert table.curr_insts == device.curr_insts == (instance,)
    assert (own.err_code, unknown.err_code) == (ErrorCode.NOT_A_TABLE, ErrorCode.INVALID_PATH)


def test_the_supported_versions_of_the_protocol(desk: Desk) -> None:
    found = desk.ask(get_supported_protocol=GetSupportedProtocol("1.0,1.4")).get_supported_protocol_resp
    assert found is not None
    assert found.agent_supported_protocol_versions == "1.3,1.4"


# Set and Operate


def test_without_an_approval_the_filter_is_not_switched(desk: Desk) -> None:
    error = desk.set("false", required=True).error
    assert error is not None
    assert error.err_code == ErrorCode.REQUIRED_PARAMETER_FAILED
    assert [(entry.param, entry.err_code, entry.err_msg) for entry in error.param_errs] == [
        (f"{ROOT}Enable", ErrorCode.PERMISSION_DENIED, REFUSAL)
    ]
    assert desk.filter.on


def test_a_parameter_that_is_not_required_fails_alone(desk: Desk) -> None:
    response = desk.set("false").response
    assert response is not None
    assert response.set_resp is not None
    status = response.set_resp.updated_obj_results[0].oper_status
    assert status is not None
    assert status.oper_success is not None
    instance = status.oper_success.updated_inst_results[0]
    assert [entry.err_code for entry in instance.param_errs] == [ErrorCode.PERMISSION_DENIED]
    assert dict(instance.updated_params) == {}


def test_with_an_approval_it_is(desk: Desk) -> None:
    desk.filter.perform("approve switch")
    assert desk.set("0", required=True).response is not None
    assert not desk.filter.on
    assert desk.get(f"{ROOT}Status") == {ROOT: {"Status": "Off"}}
    assert desk.set("true", required=True).response is not None
    assert desk.filter.on


@pytest.mark.parametrize(
    ("param", "path", "value", "code"),
    [
        ("Enable", ROOT, "maybe", ErrorCode.INVALID_TYPE),
        ("Version", ROOT, "9", ErrorCode.NOT_WRITEABLE),
        ("Name", f"{ROOT}Brand.", "Other", ErrorCode.NOT_WRITEABLE),
        ("Children", ROOT, "1", ErrorCode.UNSUPPORTED_PARAMETER),
    ],
)
def test_nothing_else_can_be_set(desk: Desk, param: str, path: str, value: str, code: ErrorCode) -> None:
    desk.filter.perform("approve switch")
    error = desk.set(value, param=param, path=path, required=True).error
    assert error is not None
    assert [entry.err_code for entry in error.param_errs] == [code]


OFF, UNKNOWN = ParameterSetting("Enable", "false"), ParameterSetting("Children", "1", required=True)


@pytest.mark.parametrize("partial", [False, True])
def test_an_object_with_a_required_error_is_not_changed(desk: Desk, partial: bool) -> None:
    desk.filter.perform("approve switch")
    body = desk.body(set=Set(partial, (ObjectSettings(ROOT, (OFF, UNKNOWN)),)))
    assert body is not None
    assert (body.error is None) == partial
    assert desk.filter.on


@pytest.mark.parametrize("partial", [False, True])
def test_one_object_that_fails_prevents_all_changes_unless_a_part_is_enough(
    desk: Desk, partial: bool
) -> None:
    desk.filter.perform("approve switch")
    updates = (ObjectSettings(ROOT, (OFF,)), ObjectSettings("Device.WiFi.", ()))
    body = desk.body(set=Set(partial, updates))
    assert body is not None
    assert (body.error is None) == partial
    assert desk.filter.on == (not partial)


@pytest.mark.parametrize("partial", [False, True])
@pytest.mark.parametrize("switch_first", [False, True])
def test_a_refusal_of_the_filter_prevents_all_changes_unless_a_part_is_enough(
    desk: Desk, partial: bool, switch_first: bool
) -> None:
    path = desk.subscribe(f"{ROOT}Enable")
    off = (ParameterSetting("Enable", "false", required=True),)
    objects = (ROOT, path) if switch_first else (path, ROOT)
    body = desk.body(set=Set(partial, tuple(ObjectSettings(entry, off) for entry in objects)))
    assert body is not None
    assert (body.error is None) == partial
    assert desk.get(f"{path}Enable") == {path: {"Enable": "false" if partial else "true"}}
    if body.response is not None:
        assert body.response.set_resp is not None
        assert tuple(entry.requested_path for entry in body.response.set_resp.updated_obj_results) == objects


def test_an_unknown_object_cannot_be_set(desk: Desk) -> None:
    error = desk.set("1", path="Device.WiFi.").error
    assert error is not None
    assert error.err_code == ErrorCode.NO_OBJECT
    response = desk.set("1", path="Device.WiFi.", partial=True).response
    assert response is not None
    assert response.set_resp is not None
    status = response.set_resp.updated_obj_results[0].oper_status
    assert status is not None
    assert status.oper_failure is not None
    assert status.oper_failure.err_code == ErrorCode.NO_OBJECT


def operated(desk: Desk, command: str, *, send: bool = True) -> Any:
    response = desk.body(operate=Operate(command, "key", send, {"Unknown": "1"}))
    if response is None:
        return None
    assert response.response is not None
    assert response.response.operate_resp is not None
    return response.response.operate_resp.operation_results[0]


def test_the_support_file_needs_an_approval(desk: Desk) -> None:
    failure = operated(desk, ROOT + SUPPORT_COMMAND).cmd_failure
    assert (failure.err_code, failure.err_msg) == (ErrorCode.PERMISSION_DENIED, REFUSAL)
    desk.filter.perform("approve support")
    assert operated(desk, ROOT + SUPPORT_COMMAND).req_output_args.output_args == {"File": FILE}
    assert operated(desk, ROOT + SUPPORT_COMMAND, send=False) is None
    desk.filter.perform("end support")
    assert operated(desk, ROOT + SUPPORT_COMMAND).cmd_failure is not None


def test_an_unknown_command_fails_in_the_response(desk: Desk) -> None:
    assert operated(desk, f"{ROOT}Erase()").cmd_failure.err_code == ErrorCode.INVALID_PATH


# Subscriptions


def test_a_change_is_notified_once(desk: Desk) -> None:
    desk.subscribe(f"{ROOT}Enable, {ROOT}Approval.")
    assert desk.notified() == []
    desk.filter.perform("approve switch")
    desk.set("false")
    assert desk.notified() == [
        ("s", "Enable", "false"),
        ("s", "Approval.SwitchUntil", "2026-12-01T08:00:00Z"),
    ]
    assert desk.notified() == []


def test_each_subscription_gets_its_own(desk: Desk) -> None:
    desk.subscribe(f"{ROOT}Enable", ID="a")
    desk.subscribe(ROOT, ID="b")
    desk.subscribe(f"{ROOT}Enable", ID="c", Enable="false")
    desk.subscribe(f"{ROOT}Enable", ID="d", NotifType="Event")
    desk.filter.on = False
    assert [entry for entry in desk.notified() if entry[1] == "Enable"] == [
        ("a", "Enable", "false"),
        ("b", "Enable", "false"),
    ]


@pytest.mark.parametrize(("enable", "changes"), [("1", [("s", "Enable", "false")]), ("0", [])])
def test_a_boolean_can_be_a_digit(desk: Desk, enable: str, changes: list[tuple[str, str, str]]) -> None:
    desk.subscribe(f"{ROOT}Enable", Enable=enable, NotifRetry="0")
    desk.filter.on = False
    assert desk.notified() == changes


def test_counters_are_not_notified(desk: Desk) -> None:
    for part in MODEL:
        for parameter in part.parameters:
            assert parameter.notified or parameter.type == "unsignedLong"
    assert not any(parameter.notified for parameter in MODEL[-1].parameters)


def test_a_deleted_subscription_is_silent(desk: Desk) -> None:
    path = desk.subscribe(f"{ROOT}Enable")
    response = desk.ask(delete=Delete(False, (path,))).delete_resp
    assert response is not None
    status = response.deleted_obj_results[0].oper_status
    assert status is not None
    assert status.oper_success is not None
    assert status.oper_success.affected_paths == (path,)
    desk.filter.on = False
    assert desk.notified() == []
    assert desk.error(delete=Delete(False, (path,))).err_code == ErrorCode.NO_OBJECT
    assert desk.error(delete=Delete(False, (ROOT,))).err_code == ErrorCode.NO_OBJECT


def test_each_parameter_that_is_announced_as_writable_can_be_set(desk: Desk) -> None:
    path = desk.subscribe(f"{ROOT}Enable")
    entry = supported(desk, TABLE, return_params=True)[f"{TABLE}{{i}}."]
    instance = desk.get(path)
    assert isinstance(instance, dict)
    for parameter in entry.supported_params:
        value = instance[path][parameter.param_name]
        answer = desk.set(value, param=parameter.param_name, path=path, required=True)
        assert (answer.error is None) == bool(parameter.access), parameter.param_name
    assert desk.get(path) == instance


def test_a_subscription_is_disabled_and_enabled(desk: Desk) -> None:
    path = desk.subscribe(f"{ROOT}Enable")
    desk.set("false", path=path, required=True)
    desk.filter.on = False
    assert desk.notified() == []
    desk.set("true", path=path, required=True)
    assert desk.notified() == [], "only later changes count"
    desk.filter.on = True
    assert desk.notified() == [("s", "Enable", "true")]
    error = desk.set("Else", param="NotifType", path=path, required=True).error
    assert error is not None
    assert [entry.param for entry in error.param_errs] == [f"{path}NotifType"]
    assert desk.get(f"{path}NotifType") == {path: {"NotifType": "ValueChange"}}


def test_the_table_is_limited(desk: Desk) -> None:
    for number in range(SUBSCRIPTIONS_LIMIT):
        desk.subscribe(ROOT, ID=str(number))
    more = Add(False, (ObjectSettings(TABLE),))
    assert desk.error(add=more).err_code == ErrorCode.RESOURCES_EXCEEDED


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("NotifType", "Else"),
        ("NotifRetry", "true"),
        ("ID", "x" * (TEXT_LIMIT + 1)),
        ("Other", "1"),
    ],
)
def test_settings_that_no_subscription_has(desk: Desk, name: str, value: str) -> None:
    def add(*, required: bool) -> Add:
        return Add(False, (ObjectSettings(TABLE, (ParameterSetting(name, value, required),)),))

    assert desk.error(add=add(required=True)).err_code == ErrorCode.REQUIRED_PARAMETER_FAILED
    assert desk.ask(add=add(required=False)).add_resp is not None


def test_no_other_object_can_be_created(desk: Desk) -> None:
    assert desk.error(add=Add(False, (ObjectSettings(ROOT),))).err_code == ErrorCode.NOT_CREATABLE


def test_one_failure_undoes_the_whole_message(desk: Desk) -> None:
    both = (ObjectSettings(TABLE), ObjectSettings(ROOT))
    assert desk.error(add=Add(False, both)).err_code == ErrorCode.NOT_CREATABLE
    assert not any(desk.agent.subscriptions.all)
    path = desk.subscribe(ROOT)
    assert desk.error(delete=Delete(False, (path, ROOT))).err_code == ErrorCode.NO_OBJECT
    assert desk.agent.subscriptions.remove(path), "it stays"


# Messages as a whole


def test_two_requests_in_one_message_are_refused(desk: Desk) -> None:
    error = desk.error(get=Get((ROOT,)), operate=Operate(ROOT + SUPPORT_COMMAND, send_resp=True))
    assert error.err_code == ErrorCode.INVALID_ARGUMENTS


def test_other_messages_are_not_supported(desk: Desk) -> None:
    assert desk.error(register=RegisterMessage()).err_code == ErrorCode.NOT_SUPPORTED


def test_a_message_without_an_id_is_not_answered(desk: Desk) -> None:
    request = Body(request=Request(get=Get((ROOT,))))
    assert desk.agent.respond(UspMessage(Header("", MessageType.GET), request)) is None
    assert desk.agent.respond(UspMessage(None, request)) is None
    assert desk.agent.respond(UspMessage(Header("1", MessageType.GET))) is None
