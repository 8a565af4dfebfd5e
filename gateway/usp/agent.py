"""Answers the requests of the broker about the filter's object and the table of subscriptions.

It does no input or output of its own: it gets messages, returns messages, and uses a `Filter`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from gateway.core.errors import GatewayError
from gateway.usp.messages import (
    PROTOCOL_VERSIONS,
    Add,
    AddResponse,
    Body,
    Created,
    CreateResult,
    CreateStatus,
    CurrentInstance,
    Delete,
    Deleted,
    DeleteResponse,
    DeleteResult,
    DeleteStatus,
    ErrorCode,
    ErrorMessage,
    FailedInstance,
    Get,
    GetInstances,
    GetInstancesResponse,
    GetResponse,
    GetResult,
    GetSupportedDM,
    GetSupportedDMResponse,
    Header,
    InstancesResult,
    MessageType,
    Notify,
    ObjectSettings,
    Operate,
    OperateResponse,
    OperationFailure,
    OperationResult,
    OutputArguments,
    ParameterError,
    ParameterSetting,
    ProtocolResponse,
    Request,
    ResolvedPath,
    Response,
    Set,
    SetResponse,
    SupportedCommand,
    SupportedObject,
    SupportedParameter,
    SupportedResult,
    UniqueKeySet,
    Updated,
    UpdatedInstance,
    UpdateFailure,
    UpdateResult,
    UpdateStatus,
    UspMessage,
    ValueChange,
)
from gateway.usp.model import ENABLE, FLAGS, MODEL, ModelObject, ModelParameter, ValueType, root_path
from gateway.usp.paths import (
    depth_below,
    is_below,
    is_object,
    is_plain,
    is_same,
    split_parameter,
    supported,
)
from gateway.usp.protobuf import chosen
from gateway.usp.subscriptions import DEFAULTS, KEYS, TABLE, Subscription, SubscriptionTable, setting_errors

MODEL_URI = "urn:broadband-forum-org:tr-181-2-19-1"
VALUE_TYPES = {
    ValueType.BINARY: 1, ValueType.FLAG: 2, ValueType.TIME: 3, ValueType.TEXT: 8, ValueType.COUNT: 10
}  # fmt: skip
READ_ONLY, READ_WRITE = 0, 1
ADD_DELETE = 1
CHANGE_NOTIFIED, CHANGE_IGNORED = 1, 2
SYNCHRONOUS = 1
UNKNOWN_PATH = "the path is not in the data model"

CheckedUpdate = tuple[ObjectSettings, tuple[ParameterError, ...]]
"""The change of an object in a Set request, and the errors of its settings."""


class Denied(GatewayError):
    """Raised by a `Filter` that refuses a change or command, or cannot carry it out.

    ``reason`` is sent to the USP controller.
    """

    def __init__(self, reason: ErrorCode, text: str) -> None:
        super().__init__(text)
        self.reason = reason


class Filter(Protocol):
    """What the agent needs of the family filter: its values, a switch, and the support file."""

    def values(self) -> Mapping[str, str]:
        """Return the value of each parameter of the data model as text, by `ModelParameter.key`."""
        ...

    def switch(self, on: bool) -> None:
        """Turn filtering on or off. Raises Denied if the filter refuses it or does not respond."""
        ...

    def support_file(self) -> str:
        """Return the support file: JSON, compressed with gzip, in base64.

        Raises Denied if the filter refuses it, does not respond, or takes too long.
        """
        ...


@dataclass(frozen=True, slots=True)
class Instance:
    """An existing object of the data model: its path, and the values of its parameters by name."""

    path: str
    values: Mapping[str, str]


class Agent:
    """Answers the USP requests of the broker on one connection, about the filter and its subscriptions."""

    def __init__(self, vendor: str, family_filter: Filter) -> None:
        self.root = root_path(vendor)
        self.subscriptions = SubscriptionTable()
        self._filter = family_filter
        self._objects: Mapping[str, ModelObject] = {f"{self.root}{entry.name}": entry for entry in MODEL}
        self._known: Mapping[str, str] = {}  # notified values, as the broker knows them

    def respond(self, message: UspMessage) -> UspMessage | None:
        """Carry out a USP request and return the response or error message.

        None for a message that is no request, and for a command of which no response is wanted.
        """
        header, body = message.header, message.body
        if header is None or not header.msg_id or body is None or body.request is None:
            return None  # a response, an error, or no message that can be answered
        kind, response = self._response(body.request)
        if isinstance(response, ErrorMessage):
            return UspMessage(Header(header.msg_id, MessageType.ERROR), Body(error=response))
        if response is None:
            return None
        return UspMessage(Header(header.msg_id, kind), Body(response=response))

    def _response(self, request: Request) -> tuple[MessageType, Response | ErrorMessage | None]:
        if len(chosen(request)) > 1:
            text = "the request has several messages"
            return MessageType.ERROR, ErrorMessage(ErrorCode.INVALID_ARGUMENTS, text)
        if request.get is not None:
            return MessageType.GET_RESP, Response(get_resp=self._get(request.get))
        if request.get_supported_dm is not None:
            found = self._supported(request.get_supported_dm)
            return MessageType.GET_SUPPORTED_DM_RESP, Response(get_supported_dm_resp=found)
        if request.get_instances is not None:
            instances = self._instances(request.get_instances)
            return MessageType.GET_INSTANCES_RESP, Response(get_instances_resp=instances)
        if request.set is not None:
            return MessageType.SET_RESP, self._set(request.set)
        if request.add is not None:
            return MessageType.ADD_RESP, self._add(request.add)
        if request.delete is not None:
            return MessageType.DELETE_RESP, self._delete(request.delete)
        if request.operate is not None:
            return MessageType.OPERATE_RESP, self._operate(request.operate)
        if request.get_supported_protocol is not None:
            versions = ProtocolResponse(PROTOCOL_VERSIONS)
            return MessageType.GET_SUPPORTED_PROTO_RESP, Response(get_supported_protocol_resp=versions)
        text = "a USP Service of this kind has no such message"
        return MessageType.ERROR, ErrorMessage(ErrorCode.NOT_SUPPORTED, text)

    # Reading.

    def _instantiated(self) -> tuple[Instance, ...]:
        values = self._filter.values()
        own = (
            Instance(path, {entry.name: values[entry.key] for entry in found.parameters})
            for path, found in self._objects.items()
        )
        return (*own, *(Instance(entry.path, entry.values) for entry in self.subscriptions.all))

    def _get(self, request: Get) -> GetResponse:
        instances = self._instantiated()
        return GetResponse(
            tuple(self._resolved(path, instances, request.max_depth) for path in request.param_paths)
        )

    def _resolved(self, path: str, instances: Iterable[Instance], depth: int) -> GetResult:
        if is_plain(path):
            found = tuple(_chosen(path, instances, depth))
            if found or (is_object(path) and self._is_supported(path) and not _names_instance(path)):
                return GetResult(path, resolved_path_results=found)
        return GetResult(path, ErrorCode.INVALID_PATH, UNKNOWN_PATH)

    def _is_supported(self, path: str) -> bool:
        known = (*self._objects, f"{TABLE}{{i}}.")
        return any(entry.startswith(supported(path)) for entry in known)

    def _supported(self, request: GetSupportedDM) -> GetSupportedDMResponse:
        return GetSupportedDMResponse(
            tuple(self._supported_result(path, request) for path in request.obj_paths)
        )

    def _supported_result(self, path: str, request: GetSupportedDM) -> SupportedResult:
        wanted = supported(path)
        deepest = 1 if request.first_level_only else 99
        found = tuple(
            entry
            for entry in self._all_supported(request)
            if entry.supported_obj_path.startswith(wanted)
            and _levels(entry.supported_obj_path) - _levels(wanted) <= deepest
        )
        if not is_object(path) or not is_plain(path) or not found:
            return SupportedResult(path, ErrorCode.INVALID_PATH, UNKNOWN_PATH)
        return SupportedResult(path, data_model_inst_uri=MODEL_URI, supported_objs=found)

    def _all_supported(self, request: GetSupportedDM) -> Iterator[SupportedObject]:
        for path, entry in self._objects.items():
            yield SupportedObject(
                path,
                READ_ONLY,
                supported_commands=tuple(
                    SupportedCommand(
                        command.name,
                        output_arg_names=tuple(output.name for output in command.outputs),
                        command_type=SYNCHRONOUS,
                    )
                    for command in (entry.commands if request.return_commands else ())
                ),
                supported_params=tuple(
                    map(_supported_parameter, entry.parameters if request.return_params else ())
                ),
            )
        names = DEFAULTS if request.return_params else ()
        yield SupportedObject(
            f"{TABLE}{{i}}.",
            ADD_DELETE,
            is_multi_instance=True,
            supported_params=tuple(
                SupportedParameter(name, READ_WRITE, VALUE_TYPES[ValueType.TEXT], CHANGE_IGNORED)
                for name in names
            ),
            unique_key_sets=(UniqueKeySet(KEYS),) if request.return_unique_key_sets else (),
        )

    def _instances(self, request: GetInstances) -> GetInstancesResponse:
        return GetInstancesResponse(tuple(map(self._instances_result, request.obj_paths)))

    def _instances_result(self, path: str) -> InstancesResult:
        if not is_object(path) or not is_plain(path) or not self._is_supported(path):
            return InstancesResult(path, ErrorCode.INVALID_PATH, UNKNOWN_PATH)
        if not f"{TABLE}{{i}}.".startswith(supported(path)):
            return InstancesResult(path, ErrorCode.NOT_A_TABLE, "the object has no instances")
        found = (entry for entry in self.subscriptions.all if is_below(entry.path, path))
        return InstancesResult(
            path, curr_insts=tuple(CurrentInstance(entry.path, entry.keys) for entry in found)
        )

    # Changing.

    def _set(self, request: Set) -> Response | ErrorMessage:
        """Carry out a USP Set request: change parameters. Return the response, or an error message.

        All objects are checked first: without ``allow_partial``, an unknown one, or an error of a
        required parameter, prevents every change. A required change that the filter refuses does too,
        because the filter's changes are made before those of subscriptions (`_apply_all`).
        """
        updates = [(update, self._setting_errors(update)) for update in request.update_objs]
        if request.allow_partial or not any(self._update_failure(*checked) for checked in updates):
            updates = self._apply_all(updates, allow_partial=request.allow_partial)
        results = []
        for update, errors in updates:
            failure = self._update_failure(update, errors)
            if failure is None:
                results.append(_updated(update, errors))
            elif request.allow_partial:
                results.append(UpdateResult(update.obj_path, UpdateStatus(oper_failure=failure)))
            else:
                return _error(failure.err_code, update.obj_path, failure.err_msg, errors)
        return Response(set_resp=SetResponse(tuple(results)))

    def _setting_errors(self, update: ObjectSettings) -> tuple[ParameterError, ...]:
        if self.subscriptions.at(update.obj_path) is not None:
            return setting_errors(update.param_settings)
        found = self._objects.get(update.obj_path)
        parameters = {entry.name: entry for entry in found.parameters} if found else {}
        problems = ((setting, _problem(parameters.get(setting.param), setting.value))
                    for setting in update.param_settings)  # fmt: skip
        return tuple(ParameterError(setting.param, *problem) for setting, problem in problems if problem)

    def _update_failure(
        self, update: ObjectSettings, errors: tuple[ParameterError, ...]
    ) -> UpdateFailure | None:
        """Return why the change of an object fails as a whole; None if its valid settings may be applied.

        It fails if the object is unknown or a required parameter has an error.
        """
        if update.obj_path not in self._objects and self.subscriptions.at(update.obj_path) is None:
            text = "the object is not in the data model, or is not writeable"
            return UpdateFailure(ErrorCode.NO_OBJECT, text)
        failed = _required_error(update, errors)
        if failed is None:
            return None
        instance = FailedInstance(update.obj_path, errors)
        return UpdateFailure(ErrorCode.REQUIRED_PARAMETER_FAILED, failed.err_msg, (instance,))

    def _apply_all(self, updates: Sequence[CheckedUpdate], *, allow_partial: bool) -> list[CheckedUpdate]:
        """Change the objects of ``updates``. Return them in the same order, with all errors.

        The filter's object comes before subscriptions, because only the filter can refuse a change
        that was checked. Without ``allow_partial``, the first object that fails ends this. If a request
        sets the filter's switch twice and only the second change is refused, the first one stays.
        """
        done = list(updates)
        order = sorted(range(len(done)), key=lambda number: done[number][0].obj_path not in self._objects)
        for number in order:
            update, errors = updates[number]
            done[number] = (update, self._apply(update, errors))
            if not allow_partial and self._update_failure(*done[number]) is not None:
                break
        return done

    def _apply(
        self, update: ObjectSettings, errors: tuple[ParameterError, ...]
    ) -> tuple[ParameterError, ...]:
        """Change the object's parameters with valid settings, unless it fails as a whole.

        ``errors``: the errors found before. Return them, and one more for each change that the filter
        refuses.
        """
        if self._update_failure(update, errors) is not None:
            return errors
        subscription = self.subscriptions.at(update.obj_path)
        if subscription is not None:
            self._remember(self.subscriptions.change(subscription, _valid_settings(update, errors)))
            return errors
        for setting in _valid_settings(update, errors):
            assert setting.param == ENABLE  # the only writable one
            try:
                self._filter.switch(FLAGS[setting.value])
            except Denied as error:
                errors = (*errors, ParameterError(setting.param, error.reason, str(error)))
        return errors

    def _operate(self, request: Operate) -> Response | None:
        path, name = split_parameter(request.command)
        entries = self._objects[path].commands if path in self._objects else ()
        command = next((entry for entry in entries if entry.name == name), None)
        if command is None:
            failure = OperationFailure(ErrorCode.INVALID_PATH, "there is no such command")
            result = OperationResult(request.command, cmd_failure=failure)
        else:
            try:
                outputs = OutputArguments({command.outputs[0].name: self._filter.support_file()})
                result = OperationResult(request.command, req_output_args=outputs)
            except Denied as error:
                failure = OperationFailure(error.reason, str(error))
                result = OperationResult(request.command, cmd_failure=failure)
        return Response(operate_resp=OperateResponse((result,))) if request.send_resp else None

    # The table of subscriptions.

    def _add(self, request: Add) -> Response | ErrorMessage:
        results: list[CreateResult] = []
        for creation in request.create_objs:
            status = self._created(creation)
            if status.oper_failure is not None and not request.allow_partial:
                failure = status.oper_failure
                for result in results:
                    if result.oper_status is not None and result.oper_status.oper_success is not None:
                        self.subscriptions.remove(result.oper_status.oper_success.instantiated_path)
                return _error(failure.err_code, creation.obj_path, failure.err_msg, ())
            results.append(CreateResult(creation.obj_path, status))
        return Response(add_resp=AddResponse(tuple(results)))

    def _created(self, creation: ObjectSettings) -> CreateStatus:
        errors = setting_errors(creation.param_settings)
        if creation.obj_path != TABLE:
            text = "instances of this object cannot be created"
            return CreateStatus(oper_failure=OperationFailure(ErrorCode.NOT_CREATABLE, text))
        if self.subscriptions.full:
            text = "the table of subscriptions is full"
            return CreateStatus(oper_failure=OperationFailure(ErrorCode.RESOURCES_EXCEEDED, text))
        failed = _required_error(creation, errors)
        if failed is not None:
            text = f"{failed.param}: {failed.err_msg}"
            return CreateStatus(oper_failure=OperationFailure(ErrorCode.REQUIRED_PARAMETER_FAILED, text))
        added = self.subscriptions.add(_valid_settings(creation, errors))
        self._remember(added)
        return CreateStatus(oper_success=Created(added.path, errors, added.keys))

    def _delete(self, request: Delete) -> Response | ErrorMessage:
        present = {entry.path for entry in self.subscriptions.all}
        missing = next((path for path in request.obj_paths if path not in present), None)
        if missing is not None and not request.allow_partial:
            return _error(ErrorCode.NO_OBJECT, missing, "there is no such instance", ())
        results = []
        for path in request.obj_paths:
            if self.subscriptions.remove(path):
                status = DeleteStatus(oper_success=Deleted((path,)))
            else:
                failure = OperationFailure(ErrorCode.NO_OBJECT, "there is no such instance")
                status = DeleteStatus(oper_failure=failure)
            results.append(DeleteResult(path, status))
        return Response(delete_resp=DeleteResponse(tuple(results)))

    # Notifications.

    def _remember(self, subscription: Subscription) -> None:
        """Store the present values of the paths that a subscription covers now, as known to the broker.

        So only later changes are notified.
        """
        present = self._notified_values()
        new = {path: value for path, value in present.items() if subscription.covers(path)}
        self._known = {**new, **self._known}

    def _notified_values(self) -> dict[str, str]:
        values = self._filter.values()
        return {
            f"{path}{entry.name}": values[entry.key]
            for path, found in self._objects.items()
            for entry in found.parameters
            if entry.notified
        }

    def notifications(self, next_id: Callable[[], str]) -> list[UspMessage]:
        """Return a Notify message for each changed value and each subscription that covers it.

        Changes are those since the previous call; call it every few seconds. ``next_id`` returns a
        new message id.
        """
        watched = self.subscriptions.all
        if not watched:
            self._known = {}
            return []
        present = self._notified_values()
        found = []
        for path, value in present.items():
            before = self._known.get(path)
            if before is None or before == value:
                continue
            change = ValueChange(path, value)
            for subscription in watched:
                if subscription.covers(path):
                    notify = Notify(subscription.values["ID"], value_change=change)
                    body = Body(request=Request(notify=notify))
                    found.append(UspMessage(Header(next_id(), MessageType.NOTIFY), body))
        self._known = {path: value for path, value in present.items() if _is_covered(path, watched)}
        return found


def _is_covered(path: str, subscriptions: Iterable[Subscription]) -> bool:
    return any(subscription.covers(path) for subscription in subscriptions)


def _levels(path: str) -> int:
    return path.replace("{i}.", "").count(".")


def _names_instance(path: str) -> bool:
    return any(part.isdecimal() for part in path.split("."))


def _chosen(path: str, instances: Iterable[Instance], depth: int) -> Iterator[ResolvedPath]:
    """Yield the objects at and below an object path, or the one parameter that a path names, with values.

    ``depth``: levels of objects, 1 for the object alone; 0 for all levels.
    """
    if is_object(path):
        for instance in instances:
            if is_below(instance.path, path) and (not depth or depth_below(instance.path, path) < depth):
                yield ResolvedPath(instance.path, instance.values)
        return
    parent, name = split_parameter(path)
    for instance in instances:
        if name in instance.values and is_same(instance.path, parent):
            yield ResolvedPath(instance.path, {name: instance.values[name]})


def _supported_parameter(entry: ModelParameter) -> SupportedParameter:
    return SupportedParameter(
        entry.name,
        READ_WRITE if entry.writable else READ_ONLY,
        VALUE_TYPES[entry.type],
        CHANGE_NOTIFIED if entry.notified else CHANGE_IGNORED,
    )


def _problem(parameter: ModelParameter | None, value: str) -> tuple[ErrorCode, str] | None:
    """Return the USP error code and text if a parameter cannot be set to ``value``; None if it can.

    ``parameter``: None if the data model has no such parameter. Only booleans can be set.
    """
    if parameter is None:
        return ErrorCode.UNSUPPORTED_PARAMETER, "there is no such parameter"
    if not parameter.writable:
        return ErrorCode.NOT_WRITEABLE, "the parameter is read-only"
    return None if value in FLAGS else (ErrorCode.INVALID_TYPE, "the value is no boolean")


def _valid_settings(settings: ObjectSettings, errors: Iterable[ParameterError]) -> Iterator[ParameterSetting]:
    wrong = {error.param for error in errors}
    return (setting for setting in settings.param_settings if setting.param not in wrong)


def _required_error(settings: ObjectSettings, errors: Iterable[ParameterError]) -> ParameterError | None:
    """Return the first error of a setting that is marked as required; None if there is none."""
    required = {setting.param for setting in settings.param_settings if setting.required}
    return next((error for error in errors if error.param in required), None)


def _updated(update: ObjectSettings, errors: tuple[ParameterError, ...]) -> UpdateResult:
    done = {setting.param: setting.value for setting in _valid_settings(update, errors)}
    instance = UpdatedInstance(update.obj_path, errors, done)
    return UpdateResult(update.obj_path, UpdateStatus(oper_success=Updated((instance,))))


def _error(code: int, path: str, text: str, errors: Iterable[ParameterError]) -> ErrorMessage:
    """Return an error message for a whole request. ``errors``: of the object's parameters, by their names.

    ``path``: the object's path, which is put before these names.
    """
    places = tuple(ParameterError(f"{path}{error.param}", error.err_code, error.err_msg) for error in errors)
    return ErrorMessage(code, text, places or (ParameterError(path, code, text),))
