"""Who is signed in, and which pages are whose: the one place where roles are enforced.

The cookie carries a session's token, which the daemon knows and can end; it is asked at each request. Each
view says by a decorator who may see it. What says nothing is for guardians.
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
from gateway.core.errors import ControlError
from gateway.policy.accounts.people import PersonRole
from webui import cookies
from webui.accounts import browsers
from webui.daemon import daemon, source_address
from webui.language.i18n import gettext as _
from webui.values.shapes import Answer

P = ParamSpec("P")
R = TypeVar("R")
LIFE_DAYS = 90
ON_A_CHILDS = 30 * 60  # seconds that a session lasts that was begun on a child's device, which stays with it
ANYONE = "anyone"  # who asks is told by the device alone, or by what is typed
STATIC = "static"  # Flask's own endpoint, which no decorator of ours reaches

_SEEN_BY, _AWAY = "qalqan_seen_by", "qalqan_away"


class OwnSession(SecureCookieSessionInterface):
    """No time of ours is in it: the daemon ends sessions, and knows when its clock was set. By Flask's way a
    gateway that starts in 1970 sends a cookie that is over, and refuses each one of its better days.
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
    """Who is signed in."""

    name: str
    role: str
    minutes: int  # that a helper may give a day and child
    password: bool  # has one
    proposed: bool  # a guardian proposes another role, and waits for a yes

    @property
    def guards(self) -> bool:
        return self.role == PersonRole.GUARDIAN


def sign_in(answer: Answer) -> None:
    """After the daemon has let somebody in. The browser is known from now on, to who signed in."""
    session.clear()
    session.permanent = True
    session["session"] = answer.text("session")
    by = answer.text("guardian")
    browsers.remember(by)
    g.pop("person", None)
    handed = daemon().handed(source_address())
    if handed.who and answer.text("role") == PersonRole.GUARDIAN:  # who proves to be one takes it back
        daemon().change("take_back", device=handed.mac, by=by, origin=source_address())
    session["device"] = daemon().here(source_address()).mac
    if is_a_childs():
        session["until"] = int(time.time()) + ON_A_CHILDS


def is_a_childs() -> bool:
    """Whether the device that asks stays with a child, as far as anybody knows."""
    here = daemon().here(source_address())
    return bool(here.asked) or daemon().home().child(here.profile) is not None


def sign_out() -> None:
    session.clear()
    g.pop("person", None)


def token() -> str:
    found = session.get("session")
    return found if isinstance(found, str) else ""


def _is_over() -> bool:
    """Whether it was begun on a child's device, and that is long ago."""
    until = session.get("until")
    if until is None:
        return False
    return not (isinstance(until, int) and 0 < until - time.time() <= ON_A_CHILDS)


def _is_handed() -> bool:
    """A child holds the device that asks, or the one on which this session was begun: a phone that takes
    another private address is another device here, and its browsers kept what they had.
    """
    begun = session.get("device")
    return bool(daemon().handed(source_address(), begun if isinstance(begun, str) else "").who)


def person() -> Person | None:
    """Who asks; None when nobody is signed in. Raises Unreachable."""
    if "person" not in g:
        found = None
        if token() and _is_over():
            with suppress(ControlError):
                daemon().client.call("guardian", action="signout", session=token())
            session.clear()
        if token():
            try:
                answer = Answer(daemon().client.call("guardian", action="check", session=token()))
                if not _is_handed():
                    found = answer.read(Person, name=answer.text("guardian"))
            except Unreachable:
                raise
            except ControlError:
                session.clear()
        g.person = found
    return cast("Person | None", g.person)


def signed_in() -> Person:
    """Who asks, on a page that nobody else sees."""
    found = person()
    assert found is not None
    return found


def guardian() -> str | None:
    """The name of who is signed in; on a guardians' page that is a guardian. Raises Unreachable."""
    found = person()
    return None if found is None else found.name


def ask(action: str, **values: object) -> Answer:
    """Of the verb `guardian`, by who is signed in and from here."""
    values = {"by": guardian() or "", "session": token() or None, **values}
    return Answer(daemon().client.call("guardian", action=action, origin=source_address(), **values))


def to_the_door() -> ResponseReturnValue:
    return redirect(url_for("door.sign_in"), 303)


def seen_by(
    *roles: str, away: Callable[[], ResponseReturnValue] = to_the_door
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Whose a view is. ``away``: what who is not signed in gets in its place."""

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
    """Whoever is signed in."""
    return seen_by(*PersonRole)(view)


def declared(view: Callable[..., Any]) -> frozenset[str] | None:
    """Who sees it, as its decorator says; None where it has none."""
    return cast("frozenset[str] | None", getattr(view, _SEEN_BY, None))


def install(app: Flask) -> None:
    @app.before_request
    def check() -> ResponseReturnValue | None:
        if request.endpoint is None or request.endpoint == STATIC:
            return None
        view = app.view_functions[request.endpoint]
        roles = declared(view) or frozenset({PersonRole.GUARDIAN.value})
        if ANYONE in roles:
            return None
        found = person()
        if found is None:
            away: Callable[[], ResponseReturnValue] = getattr(view, _AWAY, to_the_door)
            return away()
        if found.role in roles:
            return None
        sentence = _("This page is for guardians. Ask one of them.")
        return render_template("problem.html", code=0, sentence=sentence), 403

    app.jinja_env.globals["person"] = person
