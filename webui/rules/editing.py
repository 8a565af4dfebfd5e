"""One change of a child's rules: asked of the daemon, told with its undo, or kept beside what was wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from flask import abort, redirect, render_template, request, url_for
from flask import session as cookie
from flask.typing import ResponseReturnValue

from gateway.control.client import Unreachable
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from webui import notices
from webui.accounts.session import guardian
from webui.daemon import daemon, source_address
from webui.forms import NUMBER_LIMIT, reason, whole
from webui.language import refusals
from webui.language.i18n import gettext as _
from webui.rules import typed
from webui.rules.catalogue import Catalogue
from webui.rules.ruleset import Preview, Ruleset
from webui.values.answers import Child, Home
from webui.values.shapes import Answer
from webui.whom import child_of


@dataclass(frozen=True, slots=True)
class Page:
    """What every page about one child's rules knows."""

    home: Home
    child: Child
    book: Ruleset
    names: Catalogue


@dataclass(frozen=True, slots=True)
class Problem:
    sentence: str
    key: str = ""  # of the rule at whose field it belongs; empty: the form as a whole

    def at(self, key: str) -> bool:
        """The daemon names what is inside of a key too: ``windows.service:roblox.school[1]``."""
        return bool(self.key) and (self.key == key or self.key.startswith((f"{key}.", f"{key}/", f"{key}[")))


@dataclass(frozen=True, slots=True)
class Outcome:
    """Beside a form that is shown again: what was wrong with it, or what it would do."""

    problem: Problem | None = None
    tried: Preview | None = None


NOTHING = Outcome()
_KEPT = "because"  # in the cookie: whose rules, and why
Show = Callable[[Page, Outcome], str]


def opened(profile: str) -> Page:
    home = daemon().home()
    child = child_of(home, profile)
    try:
        return Page(home, child, daemon().ruleset(child.id), daemon().catalogue())
    except ControlError as error:
        if error.code == Code.NO_PROFILE:
            abort(404)
        raise


def render(template: str, page: Page, outcome: Outcome = NOTHING, **values: object) -> str:
    return render_template(
        template,
        home=page.home,
        child=page.child,
        book=page.book,
        names=page.names,
        problem=outcome.problem,
        tried=outcome.tried,
        guardian=guardian(),
        notice=notices.current(page.home),
        why=_kept(page.child),
        **values,
    )


def chosen_target(profile: str, kind: str, link: str, fits: str) -> ResponseReturnValue:
    """All that a rule can be about; ``link`` is where the chosen one leads."""
    page, target = opened(profile), request.args.get("of", "")
    if page.names.knows(target):
        return redirect(url_for(link, profile=page.child.id, target=target), 303)
    return render("child_targets.html", page, kind=kind, fits=fits, link=link)


def change(
    page: Page, changes: Mapping[str, Any], sentence: str, back: str, show: Show
) -> ResponseReturnValue:
    """Do it and go ``back``, or show the form again, with what was typed in it."""
    if request.form.get("do") == "try":
        return _tried(page, changes, show)
    try:
        write(page, changes, sentence)
    except Unreachable:
        raise
    except ControlError as error:
        if error.code == Code.CHANGED_MEANWHILE:
            page = opened(page.child.id)
            told = _(
                "Somebody changed these rules meanwhile. What holds now is here; what you typed is kept."
            )
            return show(page, Outcome(Problem(told))), 409
        return show(page, Outcome(problem_of(error))), 422
    return redirect(back, 303)


def write(page: Page, changes: Mapping[str, Any], sentence: str) -> None:
    """Raises ControlError. A form of which nothing differs changes nothing."""
    if not changes:
        notices.said(_("Nothing was changed."))
        return
    answer = Answer(
        daemon().change(
            "edit",
            id=page.child.id,
            revision=whole("revision", 0, NUMBER_LIMIT),
            set=dict(changes),
            because=reason("because") or None,
            by=guardian() or "",
            origin=source_address(),
        )
    )
    if page.book.by_hand:
        sentence = f"{sentence} {_('The notes in the file are gone; a copy of it is kept.')}"
    notices.edited(page.child.id, answer, sentence)


def at_once(page: Page, changes: Mapping[str, Any], sentence: str, back: str) -> ResponseReturnValue:
    """One tap. A refusal is told on the page that comes ``back``, which shows what holds."""
    keep_reason(page.child)
    with notices.refusals_to(notices.said):
        write(page, changes, sentence)
    return redirect(back, 303)


def keep_reason(child: Child) -> None:
    """For the next page about the same child: who taps several switches has one reason for them."""
    if because := reason("because"):
        cookie[_KEPT] = [child.id, because]


def _kept(child: Child) -> str:
    """Once: whoever leaves the page and comes back has other reasons."""
    kept = cookie.pop(_KEPT, None)
    return str(kept[1]) if isinstance(kept, list) and kept[:1] == [child.id] and kept[1:] else ""


def refused(page: Page, problem: Problem, show: Show) -> ResponseReturnValue:
    """What was typed is no such thing: nobody needs to ask the daemon."""
    return show(page, Outcome(problem)), 422


def problem_of(error: ControlError) -> Problem:
    at = str(error.values.get("key", "")) if error.code == Code.BAD_RULE else ""
    return Problem(refusals.sentence(error), at)


def _tried(page: Page, changes: Mapping[str, Any], show: Show) -> ResponseReturnValue:
    """The same form with what it would mean for a site, nothing of it in force."""
    try:
        host, at = typed.site(request.form.get("host", "")), moment(page.home)
        return show(page, Outcome(tried=daemon().preview(page.child.id, host, at, dict(changes))))
    except typed.NotThatError as error:
        return refused(page, Problem(str(error), "host"), show)
    except Unreachable:
        raise
    except ControlError as error:
        return show(page, Outcome(problem_of(error))), 422


def moment(home: Home) -> str:
    """The day and the time of a form, in the home's time; now where they are empty or none."""
    day, time = (request.values.get(key, "")[:10] for key in ("day", "time"))
    day = day or home.now.date().isoformat()
    time = time or f"{home.now:%H:%M}"
    return f"{day}T{time}"
