"""Verbs of the filter tests: from a child's device, and of bypass methods."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from gateway.control.schema import OneLine, record
from gateway.control.verbs import BY_CHILDREN, BY_GUARDIANS, BY_PAGES, NoValues, Verb
from gateway.policy.profile.bypass_methods import MethodSetting
from gateway.policy.profile.rules import Mode
from gateway.policy.values import Proto, Reason, Verdict

Found = Literal["open", "closed", "passes", "refused", "unknown", "absent"]
"""The result of a check over one IP version. ``absent``: the household has no addresses of this version."""


@record
class BypassTestRequest:
    id: str  # of the child
    action: Literal["start", "look"]


@record
class BypassCheck:
    """The results over IPv4 and IPv6 for one bypass method, or for traffic that must pass."""

    id: str
    must_pass: bool
    setting: str | None  # that blocks it, as in the files
    fault: bool  # differs from the rules
    ipv4: Found
    ipv6: Found


@record
class BypassTestState:
    running: bool  # for this child's rules
    busy: bool  # for any child's rules
    ended: datetime | None
    problem: str  # why the last test failed
    checks: tuple[BypassCheck, ...]


BYPASS_TEST = Verb("trial", BypassTestRequest, BypassTestState, senders=BY_PAGES | BY_GUARDIANS)


@record
class DeviceTestRequest:
    """Starts, reads, reports to, repeats or ends the filter test of a child's device.

    ``id``: the child, for guardians. The tested device names itself by the sender's key ``device``.
    """

    action: Literal["start", "look", "tell", "again", "end"]
    id: OneLine | None = None
    results: Mapping[str, Literal["opened", "failed"]] | None = None  # by the tested host


@record
class DeviceCheck:
    """The state of one check: whether the gateway blocked its host, and whether the browser reached it.

    The values are those of gateway/policy/judge/device_test.py.
    """

    topic: str
    state: str
    host: str
    name: str  # of its service
    because: str | None  # why there is nothing to test
    blocked: bool  # by the gateway, since the test began
    passed: bool
    reached: bool | None  # by the device's browser; None: it has not reported yet
    at: datetime | None  # when bedtime begins


@record
class DeviceTestState:
    id: str  # of the child
    device: str
    name: str  # of the device
    running: bool
    seconds: int  # until it ends
    took: int | None  # seconds, once all checks are reported
    lines: tuple[DeviceCheck, ...]


@record
class DeviceTestResponse:
    proof: DeviceTestState | None  # None: no test runs or has run lately


DEVICE_TEST = Verb(
    "proof",
    DeviceTestRequest,
    DeviceTestResponse,
    senders=BY_PAGES | BY_GUARDIANS | BY_CHILDREN,
)


@record
class BeginAuditRequest:
    who: OneLine  # a child's profile, or the MAC address of a filtered device
    mac: OneLine  # of the temporary device
    interface: OneLine | None = None  # to the test network
    stranger: OneLine | None = None  # MAC address of a device that stays unknown


@record
class AuditedRules:
    """The rules of the temporary device of an audit; the stricter of both where its owner is uncertain."""

    profile: str
    name: str
    band: str
    strict: bool
    mode: Mode
    ways: Mapping[str, MethodSetting]
    seconds: int  # after which the audit ends


@record
class AuditedDecision:
    """A filter decision about the temporary device of an audit.

    What is blocked for everyone has one reason, without a rule.
    """

    proto: Proto
    host: str | None
    dst: str | None
    dport: int
    verdict: Verdict
    reason: Reason
    rule: str | None


@record
class AuditedDecisions:
    seen: tuple[AuditedDecision, ...]  # oldest first
    lost: int  # older ones


@record
class PauseAuditRequest:
    paused: bool


AUDIT_BEGIN = Verb("audit_begin", BeginAuditRequest, AuditedRules)
AUDIT_SEEN = Verb("audit_seen", NoValues, AuditedDecisions)
AUDIT_PAUSE = Verb("audit_pause", PauseAuditRequest, NoValues)
AUDIT_CLEAR = Verb("audit_clear", NoValues, NoValues)
AUDIT_END = Verb("audit_end", NoValues, NoValues)
