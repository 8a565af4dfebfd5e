"""API operations for a child on its own device. The device is known by its address; no sign-in is needed."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from gateway.control.contract.activity import ERASE, HISTORY, RECENT_BLOCKS, History, RecentBlocks
from gateway.control.contract.bypass_alerts import BYPASS_CARDS, BypassCards
from gateway.control.contract.profile import PROFILE, ProfileRules
from gateway.control.contract.requests import REQUEST, RequestMinutes
from gateway.control.contract.rules import OWN_CHANGES
from gateway.control.contract.sharing import ADULT, CLAIM, LEAVE, PIN, USE, SharedDevice
from gateway.control.contract.status import DEVICE, DeviceState, TimeLeft
from gateway.control.contract.time import LANDING, LEDGER, REDEEM, LedgerResponse, OwnGrant, TimeUsed
from gateway.control.schema import Text, record
from gateway.policy.accounts.people import PersonRole
from webui.accounts import locks
from webui.api.operations import ANYONE, ChildId, Host, Line, Mac, Noun
from webui.api.problems import Problem, of_status
from webui.api.who import Caller
from webui.daemon import daemon, source_address
from webui.features.activity.activity_api import HistoryQuery, LedgerQuery
from webui.features.requests.requests_api import LISTED_REQUESTS, ListedRequests
from webui.features.requests.requests_text import askable_name
from webui.features.rules.changes_api import Changes, with_undo
from webui.features.sharing.sharing_api import Digits
from webui.features.status.children_api import ServiceId
from webui.features.status.home_text import Here
from webui.features.time.sheets import CODE_LIMIT, normalize_code

noun = Noun("my")


@record
class OwnDevice(DeviceState):
    mac: str
    profile: str | None
    name: str
    reason: str  # empty, as `owner`, while it is open
    owner: str
    left: TimeLeft | None
    used: tuple[TimeUsed, ...]


@record
class AskTime:
    minutes: RequestMinutes
    service: ServiceId | None = None
    reason: Line | None = None


@record
class AskSite:
    host: Host
    wrong: bool = False  # it was blocked by mistake


@record
class AskLedger:
    since: datetime
    minutes: RequestMinutes
    limits: Line | None = None
    reason: Line | None = None


@record
class SentRequest:
    request: int
    state: str
    sentence: str


@record
class CodeBody:
    code: Annotated[str, Text(1, CODE_LIMIT, r"[^\x00-\x1f\x7f-\x9f]+")]


@record
class DeviceUserWithPin:
    """The child who uses this shared device from now on, with its PIN if it has one."""

    child: ChildId
    pin: Digits | None = None


@record
class LeaveBody:
    screen: Mac | None = None  # None: this device


@record
class Screen:
    screen: Mac


@record
class TypedPin:
    pin: Digits


@record
class EraseOwn:
    pin: Digits | None = None


@record
class PinBody:
    pin: Digits
    old: Digits | None = None


@noun.declare("GET", "/my", ANYONE, answer=OwnDevice)
def now(_me: Caller | None) -> object:
    """Return the state of the requesting device: owner, what is allowed now, and used minutes."""
    return daemon().client.ask(DEVICE, ip=source_address())


@noun.declare("GET", "/my/rules", ANYONE, answer=ProfileRules)
def rules(_me: Caller | None) -> object:
    """Return the rules of this device's child, each with who decided it."""
    return daemon().client.ask(PROFILE, id=device_of_a_child().profile).profile


@noun.declare("GET", "/my/changes", ANYONE, answer=Changes)
def changes(_me: Caller | None) -> object:
    """List the last changes of this child's rules: who, when, the value before, and why.

    The child cannot undo them.
    """
    return with_undo(daemon().client.ask(OWN_CHANGES, device=device_of_a_child().mac).changes)


@noun.declare("GET", "/my/refusals", ANYONE, answer=RecentBlocks)
def refusals(_me: Caller | None) -> object:
    """List the last blocks on this device: up to ten within ten minutes, from memory."""
    return daemon().client.ask(RECENT_BLOCKS, device=_device())


@noun.declare("GET", "/my/cards", ANYONE, answer=BypassCards)
def cards(_me: Caller | None) -> object:
    """List bypass methods that this device used, and how to turn each off in the device's own menu."""
    return daemon().client.ask(BYPASS_CARDS, device=device_of_a_child().mac)


@noun.declare("GET", "/my/requests", ANYONE, answer=ListedRequests)
def asked(me: Caller | None) -> object:
    """List the requests that this device's child has sent. Needs the child's PIN."""
    here = _own(me)
    found = daemon().client.ask(LISTED_REQUESTS, device=here.mac).requests
    return ListedRequests(requests=tuple(request for request in found if request.profile == here.profile))


@noun.declare("GET", "/my/ledger", ANYONE, query=LedgerQuery, answer=LedgerResponse)
def ledger(me: Caller | None, query: LedgerQuery) -> object:
    """Return a day's minutes that counted for limits of this device's child. Needs the child's PIN."""
    day: dict[str, object] = {"day": query.day} if query.day else {}
    return daemon().client.ask(LEDGER, device=_own(me).mac, **day)


@noun.declare("POST", "/my/erase", ANYONE, body=EraseOwn)
def erase(me: Caller | None, body: EraseOwn) -> None:
    """Delete the child's stored names and services permanently. Counts of categories stay.

    It needs the child's PIN, or a guardian's sign-in below ten years.
    """
    here = device_of_a_child()
    if here.own.pin is not None and not here.own.pin.pin:
        if me is None:
            raise Problem(403, "pin_needed")
        me.change(ERASE, device=here.mac)
    else:
        pin = {"pin": body.pin} if body.pin else {}
        daemon().client.ask(ERASE, device=here.mac, origin=source_address(), **pin)


@noun.declare("POST", "/my/requests/time", ANYONE, body=AskTime, answer=SentRequest, status=201)
def ask_time(_me: Caller | None, body: AskTime) -> object:
    """Ask the guardians for extra time, for everything or for one service."""
    return _ask(minutes=body.minutes, service=body.service, reason=body.reason)


@noun.declare("POST", "/my/requests/site", ANYONE, body=AskSite, answer=SentRequest, status=201)
def ask_site(_me: Caller | None, body: AskSite) -> object:
    """Ask the guardians for a site that was blocked on this device within ten minutes, or by its rules.

    Also for one that the child's activity says was blocked within a week. 422 for other sites.
    """
    if not askable_name(device_of_a_child(), body.host):
        raise Problem(422, "not_refused")
    return _ask(site=body.host, wrong=body.wrong or None)


@noun.declare("POST", "/my/requests/minutes", ANYONE, body=AskLedger, answer=SentRequest, status=201)
def ask_minutes(me: Caller | None, body: AskLedger) -> object:
    """Ask the guardians to give back minutes that counted for a limit by mistake. Needs the child's PIN."""
    _own(me)
    return _ask(since=body.since, minutes=body.minutes, limits=body.limits, reason=body.reason)


@noun.declare("GET", "/my/history", ANYONE, query=HistoryQuery, answer=History)
def history(me: Caller | None, query: HistoryQuery) -> object:
    """Return the child's own used minutes and blocked sites by day: all that is stored.

    Needs the child's PIN.
    """
    _own(me)
    mac = device_of_a_child().mac
    return daemon().client.ask(HISTORY, device=mac, **{"from": query.from_, "to": query.to})


@noun.declare("POST", "/my/landing", ANYONE, answer=OwnGrant)
def land(_me: Caller | None) -> object:
    """Take the child's extra minutes to finish a game, once a day."""
    return daemon().client.ask(LANDING, device=device_of_a_child().mac, origin=source_address())


@noun.declare("POST", "/my/codes", ANYONE, body=CodeBody, answer=OwnGrant)
def redeem(_me: Caller | None, body: CodeBody) -> object:
    """Redeem a printed code for extra time of this device's child."""
    text = normalize_code(body.code)
    if not text:
        raise Problem(422, "code_unknown")
    return daemon().client.ask(REDEEM, device=device_of_a_child().mac, code=text, origin=source_address())


@noun.declare("POST", "/my/use", ANYONE, body=DeviceUserWithPin, answer=SharedDevice)
def use(_me: Caller | None, body: DeviceUserWithPin) -> object:
    """Set which child uses this shared device now, by its PIN if it has one."""
    pin = {"pin": body.pin} if body.pin else {}
    return daemon().client.ask(USE, device=_device(), who=body.child, **pin)


@noun.declare("POST", "/my/leave", ANYONE, body=LeaveBody, answer=SharedDevice)
def leave(_me: Caller | None, body: LeaveBody) -> object:
    """End the use of this shared device, or of a screen such as a television."""
    return daemon().client.ask(LEAVE, device=_device(), **({"screen": body.screen} if body.screen else {}))


@noun.declare("POST", "/my/screens", ANYONE, body=Screen, answer=SharedDevice)
def claim(_me: Caller | None, body: Screen) -> object:
    """Make this device's child the user of a shared screen, such as a television."""
    return daemon().client.ask(CLAIM, device=device_of_a_child().mac, screen=body.screen)


@noun.declare("POST", "/my/unlock", ANYONE, body=TypedPin)
def unlock(_me: Caller | None, body: TypedPin) -> None:
    """Unlock the child's private data by its PIN for half an hour, in the browser that sent the request."""
    here = device_of_a_child()
    daemon().client.ask(PIN, action="check", device=here.mac, pin=body.pin)
    if here.own.pin is not None:
        locks.unlock(here.profile, here.own.pin)


@noun.declare("PUT", "/my/pin", ANYONE, body=PinBody)
def set_pin(_me: Caller | None, body: PinBody) -> object:
    """Set the PIN of the child on its own device. Replacing a PIN needs the old one."""
    old = {"old": body.old} if body.old else {}
    return daemon().client.ask(PIN, action="set", device=device_of_a_child().mac, pin=body.pin, **old)


@noun.declare("POST", "/my/adult", ANYONE)
def adult(_me: Caller | None) -> object:
    """Mark a new device as used by an adult: from now on nothing about it is stored.

    This unblocks nothing.
    """
    return daemon().client.ask(ADULT, device=_device())


def _ask(**values: object) -> object:
    given = {key: value for key, value in values.items() if value is not None}
    device, origin = device_of_a_child().mac, source_address()
    done = daemon().client.ask(REQUEST, device=device, origin=origin, **given)
    return SentRequest(request=done.request.id, state=done.state, sentence=done.sentence)


def _device() -> str:
    mac = daemon().here(source_address()).mac
    if not mac:
        raise of_status(403)
    return mac


def device_of_a_child() -> Here:
    here = daemon().here(source_address())
    if not here.mac or daemon().home().child(here.profile) is None:
        raise Problem(403, "no_device_of_a_child")
    return here


def _own(me: Caller | None) -> Here:
    """Return the requesting device if its child's data is unlocked: by the child's PIN.

    Below ten years, a guardian's sign-in or token unlocks it. Raises Problem (status 403) if it is locked, or
    if the device is not a child's.
    """
    here = device_of_a_child()
    if me is not None and me.via:  # requests with a token ignore cookies
        mine = here.own.pin is not None and not here.own.pin.pin and me.role == PersonRole.GUARDIAN
    else:
        mine = locks.is_open(here)
    if not mine:
        raise Problem(403, "pin_needed")
    return here
