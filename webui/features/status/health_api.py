"""API operations for the gateway's health: check results, figures, log.

The provider's support gets no children, devices, names or sites.
"""

from __future__ import annotations

from gateway.control.contract.health import (
    HEALTH,
    METRICS_ACCESS,
    SUPPORT_ACCESS,
    CheckResult,
    Health,
    MetricsAccess,
    MetricsAccessRequest,
    SupportAccess,
    SupportAccessRequest,
    SupportFile,
)
from gateway.control.contract.health import SUPPORT as SUPPORT_FILE
from gateway.control.contract.time import SWITCH_ACCESS, SwitchAccessRequest, SwitchEnd
from gateway.policy.accounts.people import PersonRole
from webui.api.operations import GUARDIAN, SUPPORT, Noun
from webui.api.who import Caller
from webui.features.status.health_text import of_support

noun = Noun("health")


@noun.declare("GET", "/health", GUARDIAN, SUPPORT, answer=Health)
def now(me: Caller) -> object:
    """Return check results, figures, one sample a minute for the last hour, and the last lines of the log.

    The provider's support gets those of the support report, without personal data.
    """
    if me.role == PersonRole.GUARDIAN:
        return me.ask(HEALTH)
    return of_support(me.ask(SUPPORT_FILE))


@noun.declare("POST", "/health/check", answer=CheckResult)
def again(me: Caller) -> object:
    """Run the gateway's checks again, unless they have just run. The event `health` reports their end."""
    return me.ask(HEALTH, again=True).check


@noun.declare("GET", "/health/support", GUARDIAN, SUPPORT, answer=SupportFile)
def support(me: Caller) -> object:
    """Return the report for the provider's support, which has no personal data."""
    return me.ask(SUPPORT_FILE)


@noun.declare("POST", "/health/support/access", body=SupportAccessRequest, answer=SupportAccess)
def access(me: Caller, body: SupportAccessRequest) -> object:
    """Let the provider's support fetch the support report for some minutes. Without minutes, end that."""
    return me.change(SUPPORT_ACCESS, **({"minutes": body.minutes} if body.minutes else {}))


@noun.declare("POST", "/health/provider/switch", body=SwitchAccessRequest, answer=SwitchEnd)
def switch(me: Caller, body: SwitchAccessRequest) -> object:
    """Let the provider turn filtering off and on for some minutes. Without minutes, end that."""
    return me.change(SWITCH_ACCESS, minutes=body.minutes)


@noun.declare("POST", "/health/metrics/access", body=MetricsAccessRequest, answer=MetricsAccess)
def metrics_access(me: Caller, body: MetricsAccessRequest) -> object:
    """Let the provider read the counters for 30 days from now, or end that."""
    return me.change(METRICS_ACCESS, allowed=body.allowed)
