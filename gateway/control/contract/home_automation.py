"""The verb of the connection to home automation (`qalqan mqtt`): its settings, and whether it works."""

from __future__ import annotations

from typing import Annotated, Literal

from gateway.control.schema import OneLine, Text, Whole, record
from gateway.control.verbs import BY_GUARDIANS, BY_PAGES, Danger, Verb
from gateway.policy.accounts.tokens import LABEL_LIMIT

TOKEN_FILE = "mqtt.token"  # that the daemon writes for the process; a systemd unit starts it for this file
SECRET_LIMIT = 200  # characters of a user name or password

# What the process reports. `refused`: by the broker, such as for a wrong password. `permission`: the token
# has ended. `files`: a file of the settings cannot be used. A certificate that is not accepted is
# `unreachable`: the library does not say why a connection failed.
ConnectionState = Literal["connected", "unreachable", "refused", "permission", "files"]
Secret = Annotated[str, Text(1, SECRET_LIMIT, r"[^\x00-\x1f\x7f]+")]


@record
class HomeAutomationRequest:
    """Request to show, set or turn off the MQTT connection; ``report`` is for the MQTT process itself.

    ``set`` needs the address and the label. It creates a new API token of the guardian for the process.
    Without a new password the stored one is used, if the user is the same. ``off`` deletes both.
    """

    action: Literal["show", "set", "off", "report"] = "show"
    address: OneLine | None = None
    port: Annotated[int, Whole(1, 0xFFFF)] | None = None  # None: the usual one
    tls: bool = False
    user: Secret | None = None  # None: the broker needs no account
    password: Secret | None = None  # no answer contains it
    rights: Literal["helper", "guardian"] = "helper"  # of commands that come by the broker
    label: Annotated[str, Text(1, LABEL_LIMIT, one_line=True)] | None = None  # of the token, for audit lines
    state: ConnectionState | None = None  # of ``report``


@record
class HomeAutomationState:
    """The settings of the MQTT connection without secrets, and the state that its process reported last."""

    on: bool
    address: str
    port: int
    tls: bool
    user: str
    has_password: bool
    rights: str  # helper, guardian; empty: there is no valid token
    installed: bool  # the packages that the connection needs
    state: str  # a ConnectionState; empty: the process has reported none lately


HOME_AUTOMATION = Verb(
    "home_automation",
    HomeAutomationRequest,
    HomeAutomationState,
    senders=BY_GUARDIANS | BY_PAGES,
    danger=Danger("connecting to home automation", lambda args: args.action == "set", by_tokens=False),
)
