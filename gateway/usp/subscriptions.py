"""The table `Device.LocalAgent.Subscription.` of the service, by which the broker asks for notifications.

It is not persistent: the broker adds its subscriptions again after each registration.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gateway.usp.messages import ErrorCode, ParameterError, ParameterSetting
from gateway.usp.model import FLAGS
from gateway.usp.paths import is_below

TABLE = "Device.LocalAgent.Subscription."
SUBSCRIPTIONS_LIMIT = 64  # the broker makes one for each path that a controller subscribes to
TEXT_LIMIT = 4096  # characters of a value: `ReferenceList` names several paths

DEFAULTS = {
    "Enable": "false",
    "Recipient": "",
    "ID": "",
    "NotifType": "",
    "ReferenceList": "",
    "Persistent": "false",
    "TimeToLive": "0",
    "NotifExpiration": "0",
    "NotifRetry": "false",
}
KEYS = ("ID", "Recipient")
VALUE_CHANGE = "ValueChange"
NOTIFICATIONS = (
    VALUE_CHANGE, "Event", "OperationComplete", "ObjectCreation", "ObjectDeletion", "OnBoardRequest"
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Subscription:
    number: int  # of the instance
    values: Mapping[str, str]

    @property
    def path(self) -> str:
        return f"{TABLE}{self.number}."

    @property
    def keys(self) -> Mapping[str, str]:
        return {key: self.values[key] for key in KEYS}

    def covers(self, path: str) -> bool:
        """Return whether this subscription asks for a notification when the value at ``path`` changes.

        Only an enabled one of type ValueChange does.
        """
        if not FLAGS.get(self.values["Enable"], False) or self.values["NotifType"] != VALUE_CHANGE:
            return False
        return any(is_below(path, entry.strip()) for entry in self.values["ReferenceList"].split(","))


class SubscriptionTable:
    """Holds the subscriptions of one connection's broker (USP, TR-369) in memory; see `TABLE`."""

    def __init__(self) -> None:
        self._found: dict[int, Subscription] = {}
        self._next = 1

    @property
    def all(self) -> tuple[Subscription, ...]:
        return tuple(self._found.values())

    @property
    def full(self) -> bool:
        return len(self._found) >= SUBSCRIPTIONS_LIMIT

    def add(self, settings: Iterable[ParameterSetting]) -> Subscription:
        """Add a subscription with ``settings`` and defaults for the rest. Return it, with its new number.

        The settings must be valid (`setting_errors`).
        """
        values = {**DEFAULTS, **{setting.param: setting.value for setting in settings}}
        found = self._found[self._next] = Subscription(self._next, values)
        self._next += 1
        return found

    def at(self, path: str) -> Subscription | None:
        return next((entry for entry in self.all if entry.path == path), None)

    def change(self, found: Subscription, settings: Iterable[ParameterSetting]) -> Subscription:
        """Set parameters of a subscription of the table. Return it with its new values.

        The settings must be valid (`setting_errors`).
        """
        values = {**found.values, **{setting.param: setting.value for setting in settings}}
        changed = self._found[found.number] = Subscription(found.number, values)
        return changed

    def remove(self, path: str) -> bool:
        """Remove the subscription at ``path``. Return whether there was one."""
        found = self.at(path)
        return found is not None and self._found.pop(found.number, None) is not None


def setting_errors(settings: Iterable[ParameterSetting]) -> tuple[ParameterError, ...]:
    """Return an error for each setting whose parameter or value a subscription cannot have."""
    found = ((setting, _problem(setting)) for setting in settings)
    return tuple(
        ParameterError(setting.param, problem[0], problem[1]) for setting, problem in found if problem
    )


def _problem(setting: ParameterSetting) -> tuple[ErrorCode, str] | None:
    if setting.param not in DEFAULTS:
        return ErrorCode.UNSUPPORTED_PARAMETER, "a subscription has no such parameter"
    if len(setting.value) > TEXT_LIMIT:
        return ErrorCode.RESOURCES_EXCEEDED, f"the value has more than {TEXT_LIMIT} characters"
    if setting.param == "NotifType" and setting.value not in NOTIFICATIONS:
        return ErrorCode.INVALID_VALUE, "the notification type is unknown"
    if setting.param == "NotifRetry" and FLAGS.get(setting.value, True):
        return ErrorCode.INVALID_VALUE, "notifications are not repeated: the socket does not lose any"
    return None
