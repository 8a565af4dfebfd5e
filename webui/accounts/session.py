"""Sessions and access: the only place where the pages enforce roles.

The cookie has a session's token. The daemon checks it at each request, and can end the session. A decorator
on each view says which roles may see it. A view without one is for guardians. Independently of it, the daemon
checks by its permission table who may send a verb (`gateway.control.permissions`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar, cast

from flask import Flask, Request, Response, g, redirect, render_template, request, session, url_for
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionMixin
from flask.typing import ResponseReturnValue
from itsdangerous import BadSignature, URLSafeTimedSerializer

from gateway.control.client import Unreachable
from gateway.control.contract.accounts import ACCOUNTS, AccountResponse, SessionEntry
from gateway.control.contract.sharing import HANDED, TAKE_BACK
from gateway.core.errors import ControlError
from gateway.policy.accounts.people import PersonRole
from webui import cookies
from webui.accounts import browsers
from webui.accounts.browser_names import browser_name
from webui.daemon import daemon, source_address
from webui.front import secure_address
from webui.language.i18n import gettext as _

P = ParamSpec("P")
R = TypeVar("R")
LIFE_DAYS = 90
ON_A_CHILDS = 30 * 60  # seconds that a session lasts if it started on a child's device
ANYONE = "anyone"  # role of views without sign-in, which identify the user by device or input
STARTS = frozenset({"signin", "claim", "recover", "passkey_finish"})  # actions that start a session
# Public pages on which passwords are typed: they are redirected to the trusted HTTPS name too.
DOORS = frozenset({"door.sign_in", "claim.claim", "claim.forgot"})
STATIC = "static"  # Flask's own endpoint, which has no decorator of ours

_SEEN_BY, _AWAY, _WITHOUT_HOME = "qalqan_seen_by", "qalqan_away", "qalqan_without_home"


class OwnSession(SecureCookieSessionInterface):
    """A Flask session interface that sets no expiry date in the signed cookie and checks no time in it.

    The daemon decides when a session ends. With Flask's dates, a gateway with a clock that starts in 1970
    would send expired cookies, and reject valid ones later.
    """

    def get_cookie_name(self, app: Flask) -> str:  # noqa: ARG002 - Flask names it
        return cookies.name_of("qalqan")

    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer | None:
        own = SecureCookieSessionInterface()
        own.salt = cookies.salt(self.salt)
        return own.get_signing_serializer(app)

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        signer = self.get_signing_serializer(app)
        assert signer is not None
        try:
            return self.session_class(signer.loads(request.cookies.get(self.get_cookie_name(app), "")))
        except BadSignature:
            return self.session_class()

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        signer = self.get_signing_serializer(app)
        assert signer is not None
        if session.accessed:
            response.vary.add("Cookie")
        if not session.modified:
            return
        name = self.get_cookie_name(app)
        if not session:
            response.delete_cookie(name, secure=request.is_secure, httponly=True, samesite="Strict")
            return
        life = LIFE_DAYS * 86400 if session.permanent else None
        cookies.put(response, name, signer.dumps(dict(session)), life)


@dataclass(frozen=True, slots=True)
class Person:
    """A signed-in user, as the daemon reported the account for this request."""

    name: str
    role: str
    minutes: int  # that a helper may give to each child a day
    password: bool  # has a password
    proposed: bool  # a guardian proposes another role, and the user has not answered
    proof: bool = True  # identity proven in the last ten minutes, or nothing to prove it with
    passkey: bool = False  # has one for the trusted name
    sign_ins: tuple[SessionEntry, ...] = ()  # new sessions that the user may confirm here

    @property
    def guards(self) -> bool:
        return self.role == PersonRole.GUARDIAN

    @property
    def can_return(self) -> bool:
        """Whether the user can sign in again without a link: with a password or a passkey."""
        return self.password or self.passkey


def sign_in(answer: AccountResponse) -> None:
    """Store a new session in the cookie, after the daemon has accepted a password, passkey, link or code.

    ``answer``: the daemon's, with the session's token. The browser becomes known for this user. If the device
    was handed to a child, a parent who signs in takes it back. On a child's device the session ends after
    half an hour. Raises ControlError.
    """
    session.clear()
    session.permanent = True
    session["session"] = answer.session
    by = answer.guardian
    browsers.remember(by)
    g.pop("person", None)
    handed = daemon().client.ask(HANDED, ip=source_address())
    if handed.who and answer.role == PersonRole.GUARDIAN:
        daemon().change(TAKE_BACK, device=handed.mac, by=by, origin=source_address())
    session["device"] = daemon().here(source_address()).mac
    if belongs_to_child():
        session["until"] = int(time.time()) + ON_A_CHILDS


def belongs_to_child() -> bool:
    """Return whether the requesting device is a child's, or a question about its owner is open."""
    here = daemon().here(source_address())
    return bool(here.asked) or daemon().home().child(here.profile) is not None


def sign_out() -> None:
    session.clear()
    g.pop("person", None)


def token() -> str:
    found = session.get("session")
    return found if isinstance(found, str) else ""


def _is_over() -> bool:
    """Return whether the session began on a child's device and its half hour is over.

    True also if the clock was set back to before the sign-in.
    """
    until = session.get("until")
    if until is None:
        return False
    return not (isinstance(until, int) and 0 < until - time.time() <= ON_A_CHILDS)


def person(*, with_home: bool = True) -> Person | None:
    """Return the signed-in user; None without one.

    A session that is over or that the daemon does not accept is removed from the cookie. On a
    device that is handed to a child, the user counts as signed out, also if the session began on
    that device and it has a new address. ``with_home``: the page also needs the state of the home;
    both are then requested from the daemon in one message, and any ControlError is raised. Without it, only
    Unreachable is.
    """
    if "person" not in g:
        g.person = _person(with_home=with_home)
    return cast("Person | None", g.person)


def person_again() -> Person | None:
    """Return the signed-in user as `person` does, after a change that may concern the user's own account."""
    g.pop("person", None)
    return person(with_home=False)


def _person(*, with_home: bool) -> Person | None:
    if not token():
        return None
    if _is_over():
        with suppress(ControlError):
            daemon().client.ask(ACCOUNTS, action="signout", session=token())
        session.clear()
        return None
    answer = _session_account(with_home=with_home)
    if answer is None:
        session.clear()
        return None
    if answer.handed:
        return None
    return Person(
        name=answer.guardian,
        role=answer.role,
        minutes=answer.minutes,
        password=answer.password,
        proposed=answer.proposed,
        proof=answer.proof > 0,
        passkey=answer.passkey,
        sign_ins=answer.sign_ins,
    )


def _session_account(*, with_home: bool) -> AccountResponse | None:
    """Return the daemon's answer about the session's account; None if it does not accept the session.

    ``with_home``, and what is raised: as in `person`.
    """
    begun = session.get("device")
    requester = {
        "session": token(),
        "ip": source_address(),
        "device": begun if isinstance(begun, str) and begun else None,
    }
    if with_home:
        return daemon().home(**requester).status.visitor
    try:
        return daemon().client.ask(ACCOUNTS, action="check", **requester)
    except Unreachable:
        raise
    except ControlError:
        return None


def signed_in() -> Person:
    """Return the signed-in user, in a view that requires one. AssertionError if there is none."""
    found = person()
    assert found is not None
    return found


def guardian() -> str | None:
    """Return the name of the signed-in user; None without one. Raises ControlError.

    Only on pages that are restricted to parents is the user surely a parent.
    """
    found = person()
    return None if found is None else found.name


def author() -> dict[str, Any]:
    """Return user name, session and address of the request, to send with a change to the daemon.

    With the session the daemon can check for a recent proof of the password.
    """
    return {"by": guardian() or "", "session": token(), "origin": source_address()}


def ask(action: str, **values: object) -> AccountResponse:
    """Send an action about accounts (the verb ``guardian``) to the daemon and return its response.

    It is sent in the name of the signed-in user and the requesting device. Raises ControlError.
    """
    values = {"by": guardian() or "", "session": token() or None, **values}
    if action in STARTS:
        values["browser"] = browser_name(request.headers.get("User-Agent", "")) or None
    return daemon().client.ask(ACCOUNTS, action=action, origin=source_address(), **values)


def to_sign_in() -> ResponseReturnValue:
    return redirect(url_for("door.sign_in"), 303)


def seen_by(
    *roles: str, away: Callable[[], ResponseReturnValue] = to_sign_in
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Return a decorator that marks a view as one for users with these roles.

    The check before each request (`install`) enforces it: another role gets status 403. ``away``:
    returns the response for a user who is not signed in.
    """

    def declare(view: Callable[P, R]) -> Callable[P, R]:
        setattr(view, _SEEN_BY, frozenset(roles))
        setattr(view, _AWAY, away)
        return view

    return declare


def anyone(view: Callable[P, R]) -> Callable[P, R]:
    return seen_by(ANYONE)(view)


def guardians_only(view: Callable[P, R]) -> Callable[P, R]:
    return seen_by(PersonRole.GUARDIAN)(view)


def everybody(view: Callable[P, R]) -> Callable[P, R]:
    """Mark a view as one for signed-in users of any role, and return it."""
    return seen_by(*PersonRole)(view)


def without_home(view: Callable[P, R]) -> Callable[P, R]:
    """Mark a form's view that needs no data about the children and devices, and return the view.

    Its access check then requests only the user's account from the daemon.
    """
    setattr(view, _WITHOUT_HOME, True)
    return view


def declared(view: Callable[..., Any]) -> frozenset[str] | None:
    """Return the roles with which a decorator such as `seen_by` marked a view; None without a decorator."""
    return cast("frozenset[str] | None", getattr(view, _SEEN_BY, None))


def install(app: Flask) -> None:
    @app.before_request
    def check() -> ResponseReturnValue | None:
        if request.endpoint is None or request.endpoint == STATIC:
            return None
        view = app.view_functions[request.endpoint]
        roles = declared(view) or frozenset({PersonRole.GUARDIAN.value})
        private = ANYONE not in roles or request.endpoint in DOORS
        if private and (address := secure_address()):
            return redirect(address, 303)
        if ANYONE in roles:
            return None
        found = person(with_home=not hasattr(view, _WITHOUT_HOME))
        if found is None:
            away: Callable[[], ResponseReturnValue] = getattr(view, _AWAY, to_sign_in)
            return away()
        if found.role in roles:
            return None
        sentence = _("This page is for parents. Ask one of them.")
        return render_template("problem.html", code=0, sentence=sentence), 403

    app.jinja_env.globals["person"] = person
