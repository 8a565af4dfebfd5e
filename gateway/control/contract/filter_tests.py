"""Verbs of the filter tests: from a child's device, of bypass methods, and of one site."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from gateway.control.contract.rules import Explanation
from gateway.control.schema import OneLine, record
from gateway.control.verbs import BY_CHILDREN, BY_GUARDIANS, BY_PAGES, NoValues, Verb
from gateway.policy.profile.bypass_methods import MethodSetting
from gateway.policy.profile.rules import Mode
from gateway.policy.values import Proto, Reason, Verdict

FilterTestMethod = Literal["device", "bypass", "site"]
"""Sites in the browser of a child's device, bypass methods from a temporary device, or one site's rules."""

TestOutcome = Literal["waiting", "blocked", "open", "untested"]
"""``waiting``: the device has not reported yet. ``untested``: it could not be tested."""


@record
class FilterTestRequest:
    """Request to start, read, report to, repeat or end a filter test, of a child's device or bypass methods.

    ``tell`` reports the ``results`` of a device's browser. ``id``: the child, for guardians. The sender's key
    ``device`` names the tested device: by the device itself, or by a guardian who starts its test.
    """

    action: Literal["start", "look", "tell", "again", "end"]
    id: OneLine | None = None
    method: Literal["device", "bypass"] = "device"  # to start or end; a bypass test cannot be ended
    results: Mapping[str, Literal["opened", "failed"]] | None = None  # by the tested host


@record
class TestSiteRequest:
    id: OneLine  # of the child
    host: OneLine
    at: str | None = None  # ISO 8601; now without it


@record
class DeviceEvidence:
    """What was seen of one check of a filter test that runs on a child's device, by gateway and browser."""

    blocked: bool  # by the gateway, since the test began
    passed: bool
    reached: bool | None  # by the device's browser; None: it has not reported yet


@record
class FilterCheck:
    """One check of a filter test: what was tested, the outcome, and the reason."""

    id: str  # a topic of a device test, a check of gateway/filter_test, or `site`
    must_open: bool  # else it has to be blocked
    outcome: TestOutcome
    fault: bool  # what was seen differs from the rules
    reason: str = ""  # why it could not be tested, as a code
    host: str = ""
    name: str = ""  # of the host's service
    at: datetime | None = None  # when bedtime begins
    evidence: DeviceEvidence | None = None
    setting: str | None = None  # that blocks a bypass method, as in the files
    ipv4: TestOutcome | None = None  # of a bypass method; None: the home has no such addresses
    ipv6: TestOutcome | None = None
    explanation: Explanation | None = None  # of one site


@record
class FilterTestState:
    """The state and checks of a child's running or last filter test by one method."""

    method: FilterTestMethod
    running: bool
    ended: datetime | None = None
    problem: str = ""  # why it failed
    device: str = ""
    name: str = ""  # of the device
    seconds: int = 0  # until it ends
    took: int | None = None  # seconds, once the device has reported all checks
    checks: tuple[FilterCheck, ...] = ()


@record
class FilterTestResponse:
    id: str  # of the child; empty for a device without a test
    tests: tuple[FilterTestState, ...]  # at most one by each method
    busy: bool = False  # bypass methods are being tested for some child


FILTER_TEST = Verb(
    "filter_test",
    FilterTestRequest,
    FilterTestResponse,
    senders=BY_PAGES | BY_GUARDIANS | BY_CHILDREN,
)
# A verb of its own, because answers about sites are limited (gateway/features/status/disclosure_limit.py).
FILTER_TEST_SITE = Verb("filter_test_site", TestSiteRequest, Explanation, senders=BY_PAGES | BY_GUARDIANS)


@record
class BeginProbeRequest:
    who: OneLine  # a child's or the guests' profile, or the MAC address of a filtered device
    mac: OneLine  # of the temporary device
    interface: OneLine | None = None  # to the test network
    stranger: OneLine | None = None  # MAC address of a device that stays unknown


@record
class ProbeDeviceRules:
    """The rules that apply to the temporary device that a bypass test uses, and how long the test lasts.

    If the tested device has an uncertain owner, they are the stricter of both rules.
    """

    profile: str
    name: str
    band: str
    strict: bool
    mode: Mode
    ways: Mapping[str, MethodSetting]
    seconds: int  # after which the bypass test ends


@record
class ProbeDecision:
    """A filter decision about a query or connection of the temporary device of a bypass test.

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
class ProbeDecisions:
    seen: tuple[ProbeDecision, ...]  # oldest first
    lost: int  # older ones


@record
class PauseProbeRequest:
    paused: bool


PROBE_BEGIN = Verb("probe_begin", BeginProbeRequest, ProbeDeviceRules)
PROBE_SEEN = Verb("probe_seen", NoValues, ProbeDecisions)
PROBE_PAUSE = Verb("probe_pause", PauseProbeRequest, NoValues)
PROBE_CLEAR = Verb("probe_clear", NoValues, NoValues)
PROBE_END = Verb("probe_end", NoValues, NoValues)
