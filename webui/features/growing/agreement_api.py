"""API operations of the agreement on a child's rules. A child agrees by its PIN, a guardian by a session."""

from __future__ import annotations

from gateway.control.contract.growing import AGREEMENT, AgreementStatus
from gateway.control.contract.profile import PROFILE
from webui.api.operations import ANYONE, Noun
from webui.api.problems import of_status
from webui.api.who import Caller
from webui.daemon import daemon, source_address
from webui.features.status.my_api import TypedPin, device_of_a_child

noun = Noun("agreement")


@noun.declare("GET", "/my/agreement", ANYONE, answer=AgreementStatus)
def mine(_me: Caller | None) -> object:
    """Return the agreement on the rules of this device's child, and whether the rules have changed since.

    404 below ten years.
    """
    return _there(daemon().client.ask(PROFILE, id=device_of_a_child().profile).agreement)


@noun.declare("POST", "/my/agreement", ANYONE, body=TypedPin, answer=AgreementStatus)
def say(_me: Caller | None, body: TypedPin) -> object:
    """Record, by its PIN, that this device's child has read the current rules with a parent and agrees."""
    return _say("agree", body)


@noun.declare("POST", "/my/agreement/end", ANYONE, body=TypedPin, answer=AgreementStatus)
def take_back(_me: Caller | None, body: TypedPin) -> object:
    """Withdraw the agreement of this device's child to its rules, by its PIN."""
    return _say("end", body)


@noun.declare("GET", "/children/{child}/agreement", answer=AgreementStatus)
def of_child(me: Caller, child: str) -> object:
    """Return the agreement on a child's rules, and whether the rules have changed since.

    404 below ten years.
    """
    return _there(me.ask(PROFILE, id=child).agreement)


@noun.declare("POST", "/children/{child}/agreement", answer=AgreementStatus)
def agree(me: Caller, child: str) -> object:
    """Record a guardian's agreement to a child's current rules, after reading them with the child."""
    return me.change(AGREEMENT, action="agree", id=child).agreement


@noun.declare("DELETE", "/children/{child}/agreement", answer=AgreementStatus)
def end(me: Caller, child: str) -> object:
    """Withdraw a guardian's agreement to a child's rules."""
    return me.change(AGREEMENT, action="end", id=child).agreement


def _there(found: object) -> object:
    if found is None:
        raise of_status(404)
    return found


def _say(action: str, body: TypedPin) -> object:
    device = device_of_a_child().mac
    client, origin = daemon().client, source_address()
    return client.ask(AGREEMENT, action=action, device=device, pin=body.pin, origin=origin).agreement
