"""The records and messages of USP that a USP Service uses (usp-record-1-4.proto, usp-msg-1-4.proto).

An exclusive choice (``oneof``) is a group of fields of which one is not None.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum

from gateway.usp.protobuf import (
    binary,
    fixed32,
    flag,
    message,
    messages,
    text,
    text_map,
    texts,
    whole,
    wire_message,
)

PROTOCOL_VERSIONS = "1.3,1.4"
RECORD_VERSION = "1.4"


class MessageType(IntEnum):
    ERROR = 0
    GET = 1
    GET_RESP = 2
    NOTIFY = 3
    SET = 4
    SET_RESP = 5
    OPERATE = 6
    OPERATE_RESP = 7
    ADD = 8
    ADD_RESP = 9
    DELETE = 10
    DELETE_RESP = 11
    GET_SUPPORTED_DM = 12
    GET_SUPPORTED_DM_RESP = 13
    GET_INSTANCES = 14
    GET_INSTANCES_RESP = 15
    NOTIFY_RESP = 16
    GET_SUPPORTED_PROTO = 17
    GET_SUPPORTED_PROTO_RESP = 18
    REGISTER = 19
    REGISTER_RESP = 20


class ErrorCode(IntEnum):
    """The USP error codes (TR-369, section 6.5) that the service sends."""

    NOT_SUPPORTED = 7001
    INTERNAL_ERROR = 7003
    INVALID_ARGUMENTS = 7004
    RESOURCES_EXCEEDED = 7005
    PERMISSION_DENIED = 7006
    UNSUPPORTED_PARAMETER = 7010
    INVALID_TYPE = 7011
    INVALID_VALUE = 7012
    NOT_WRITEABLE = 7013
    NO_OBJECT = 7016
    NOT_A_TABLE = 7018
    NOT_CREATABLE = 7019
    REQUIRED_PARAMETER_FAILED = 7021
    COMMAND_FAILURE = 7022
    INVALID_PATH = 7026


@wire_message
class Empty:
    """A USP message without fields, such as UDSConnectRecord."""


@wire_message
class PlainPayload:
    """A USP record's payload without session (NoSessionContextRecord): the bytes of one USP message."""

    payload: bytes = binary(2)


@wire_message
class Disconnect:
    reason: str = text(1)
    reason_code: int = fixed32(2)


@wire_message
class UspRecord:
    version: str = text(1)
    to_id: str = text(2)
    from_id: str = text(3)
    plain: PlainPayload | None = message(7, PlainPayload)
    disconnect: Disconnect | None = message(12, Disconnect)
    uds_connect: Empty | None = message(13, Empty)


@wire_message
class Header:
    msg_id: str = text(1)
    msg_type: int = whole(2)


@wire_message
class ParameterError:
    param: str = text(1)
    err_code: int = fixed32(2)
    err_msg: str = text(3)


@wire_message
class OperationFailure:
    """Error code and text of one failed operation: of Add, Delete, Register, or CommandFailure of Operate."""

    err_code: int = fixed32(1)
    err_msg: str = text(2)


@wire_message
class ErrorMessage:
    err_code: int = fixed32(1)
    err_msg: str = text(2)
    param_errs: tuple[ParameterError, ...] = messages(3, ParameterError)


@wire_message
class Get:
    param_paths: tuple[str, ...] = texts(1)
    max_depth: int = fixed32(2)


@wire_message
class ResolvedPath:
    resolved_path: str = text(1)
    result_params: Mapping[str, str] = text_map(2)


@wire_message
class GetResult:
    requested_path: str = text(1)
    err_code: int = fixed32(2)
    err_msg: str = text(3)
    resolved_path_results: tuple[ResolvedPath, ...] = messages(4, ResolvedPath)


@wire_message
class GetResponse:
    req_path_results: tuple[GetResult, ...] = messages(1, GetResult)


@wire_message
class GetSupportedDM:
    obj_paths: tuple[str, ...] = texts(1)
    first_level_only: bool = flag(2)
    return_commands: bool = flag(3)
    return_events: bool = flag(4)
    return_params: bool = flag(5)
    return_unique_key_sets: bool = flag(6)


@wire_message
class SupportedCommand:
    command_name: str = text(1)
    input_arg_names: tuple[str, ...] = texts(2)
    output_arg_names: tuple[str, ...] = texts(3)
    command_type: int = whole(4)


@wire_message
class SupportedParameter:
    param_name: str = text(1)
    access: int = whole(2)
    value_type: int = whole(3)
    value_change: int = whole(4)


@wire_message
class UniqueKeySet:
    key_names: tuple[str, ...] = texts(1)


@wire_message
class SupportedObject:
    supported_obj_path: str = text(1)
    access: int = whole(2)
    is_multi_instance: bool = flag(3)
    supported_commands: tuple[SupportedCommand, ...] = messages(4, SupportedCommand)
    supported_params: tuple[SupportedParameter, ...] = messages(6, SupportedParameter)
    unique_key_sets: tuple[UniqueKeySet, ...] = messages(8, UniqueKeySet)


@wire_message
class SupportedResult:
    req_obj_path: str = text(1)
    err_code: int = fixed32(2)
    err_msg: str = text(3)
    data_model_inst_uri: str = text(4)
    supported_objs: tuple[SupportedObject, ...] = messages(5, SupportedObject)


@wire_message
class GetSupportedDMResponse:
    req_obj_results: tuple[SupportedResult, ...] = messages(1, SupportedResult)


@wire_message
class GetInstances:
    obj_paths: tuple[str, ...] = texts(1)
    first_level_only: bool = flag(2)


@wire_message
class CurrentInstance:
    instantiated_obj_path: str = text(1)
    unique_keys: Mapping[str, str] = text_map(2)


@wire_message
class InstancesResult:
    requested_path: str = text(1)
    err_code: int = fixed32(2)
    err_msg: str = text(3)
    curr_insts: tuple[CurrentInstance, ...] = messages(4, CurrentInstance)


@wire_message
class GetInstancesResponse:
    req_path_results: tuple[InstancesResult, ...] = messages(1, InstancesResult)


@wire_message
class GetSupportedProtocol:
    controller_supported_protocol_versions: str = text(1)


@wire_message
class ProtocolResponse:
    agent_supported_protocol_versions: str = text(1)


@wire_message
class ParameterSetting:
    param: str = text(1)
    value: str = text(2)
    required: bool = flag(3)


@wire_message
class ObjectSettings:
    """An object's path and settings in an Add or Set request (CreateObject, UpdateObject)."""

    obj_path: str = text(1)
    param_settings: tuple[ParameterSetting, ...] = messages(2, ParameterSetting)


@wire_message
class Add:
    allow_partial: bool = flag(1)
    create_objs: tuple[ObjectSettings, ...] = messages(2, ObjectSettings)


@wire_message
class Created:
    instantiated_path: str = text(1)
    param_errs: tuple[ParameterError, ...] = messages(2, ParameterError)
    unique_keys: Mapping[str, str] = text_map(3)


@wire_message
class CreateStatus:
    oper_failure: OperationFailure | None = message(1, OperationFailure)
    oper_success: Created | None = message(2, Created)


@wire_message
class CreateResult:
    requested_path: str = text(1)
    oper_status: CreateStatus | None = message(2, CreateStatus)


@wire_message
class AddResponse:
    created_obj_results: tuple[CreateResult, ...] = messages(1, CreateResult)


@wire_message
class Delete:
    allow_partial: bool = flag(1)
    obj_paths: tuple[str, ...] = texts(2)


@wire_message
class Deleted:
    affected_paths: tuple[str, ...] = texts(1)


@wire_message
class DeleteStatus:
    oper_failure: OperationFailure | None = message(1, OperationFailure)
    oper_success: Deleted | None = message(2, Deleted)


@wire_message
class DeleteResult:
    requested_path: str = text(1)
    oper_status: DeleteStatus | None = message(2, DeleteStatus)


@wire_message
class DeleteResponse:
    deleted_obj_results: tuple[DeleteResult, ...] = messages(1, DeleteResult)


@wire_message
class Set:
    allow_partial: bool = flag(1)
    update_objs: tuple[ObjectSettings, ...] = messages(2, ObjectSettings)


@wire_message
class FailedInstance:
    affected_path: str = text(1)
    param_errs: tuple[ParameterError, ...] = messages(2, ParameterError)


@wire_message
class UpdateFailure:
    err_code: int = fixed32(1)
    err_msg: str = text(2)
    updated_inst_failures: tuple[FailedInstance, ...] = messages(3, FailedInstance)


@wire_message
class UpdatedInstance:
    affected_path: str = text(1)
    param_errs: tuple[ParameterError, ...] = messages(2, ParameterError)
    updated_params: Mapping[str, str] = text_map(3)


@wire_message
class Updated:
    updated_inst_results: tuple[UpdatedInstance, ...] = messages(1, UpdatedInstance)


@wire_message
class UpdateStatus:
    oper_failure: UpdateFailure | None = message(1, UpdateFailure)
    oper_success: Updated | None = message(2, Updated)


@wire_message
class UpdateResult:
    requested_path: str = text(1)
    oper_status: UpdateStatus | None = message(2, UpdateStatus)


@wire_message
class SetResponse:
    updated_obj_results: tuple[UpdateResult, ...] = messages(1, UpdateResult)


@wire_message
class Operate:
    command: str = text(1)
    command_key: str = text(2)
    send_resp: bool = flag(3)
    input_args: Mapping[str, str] = text_map(4)


@wire_message
class OutputArguments:
    output_args: Mapping[str, str] = text_map(1)


@wire_message
class OperationResult:
    executed_command: str = text(1)
    req_output_args: OutputArguments | None = message(3, OutputArguments)
    cmd_failure: OperationFailure | None = message(4, OperationFailure)


@wire_message
class OperateResponse:
    operation_results: tuple[OperationResult, ...] = messages(1, OperationResult)


@wire_message
class ValueChange:
    param_path: str = text(1)
    param_value: str = text(2)


@wire_message
class Notify:
    subscription_id: str = text(1)
    send_resp: bool = flag(2)
    value_change: ValueChange | None = message(4, ValueChange)


@wire_message
class RegistrationPath:
    path: str = text(1)


@wire_message
class RegisterMessage:
    allow_partial: bool = flag(1)
    reg_paths: tuple[RegistrationPath, ...] = messages(2, RegistrationPath)


@wire_message
class Registered:
    registered_path: str = text(1)


@wire_message
class RegisterStatus:
    oper_failure: OperationFailure | None = message(1, OperationFailure)
    oper_success: Registered | None = message(2, Registered)


@wire_message
class RegisterResult:
    requested_path: str = text(1)
    oper_status: RegisterStatus | None = message(2, RegisterStatus)


@wire_message
class RegisterResponse:
    registered_path_results: tuple[RegisterResult, ...] = messages(1, RegisterResult)


@wire_message
class Request:
    get: Get | None = message(1, Get)
    get_supported_dm: GetSupportedDM | None = message(2, GetSupportedDM)
    get_instances: GetInstances | None = message(3, GetInstances)
    set: Set | None = message(4, Set)
    add: Add | None = message(5, Add)
    delete: Delete | None = message(6, Delete)
    operate: Operate | None = message(7, Operate)
    notify: Notify | None = message(8, Notify)
    get_supported_protocol: GetSupportedProtocol | None = message(9, GetSupportedProtocol)
    register: RegisterMessage | None = message(10, RegisterMessage)


@wire_message
class Response:
    get_resp: GetResponse | None = message(1, GetResponse)
    get_supported_dm_resp: GetSupportedDMResponse | None = message(2, GetSupportedDMResponse)
    get_instances_resp: GetInstancesResponse | None = message(3, GetInstancesResponse)
    set_resp: SetResponse | None = message(4, SetResponse)
    add_resp: AddResponse | None = message(5, AddResponse)
    delete_resp: DeleteResponse | None = message(6, DeleteResponse)
    operate_resp: OperateResponse | None = message(7, OperateResponse)
    get_supported_protocol_resp: ProtocolResponse | None = message(9, ProtocolResponse)
    register_resp: RegisterResponse | None = message(10, RegisterResponse)


@wire_message
class Body:
    request: Request | None = message(1, Request)
    response: Response | None = message(2, Response)
    error: ErrorMessage | None = message(3, ErrorMessage)


@wire_message
class UspMessage:
    header: Header | None = message(1, Header)
    body: Body | None = message(2, Body)
