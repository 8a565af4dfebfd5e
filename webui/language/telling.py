"""Describes the daemon's decisions in the reader's language, from their values rather than their English
text.

`gateway.policy.judge.sentence` builds the sentences; their words come from the catalogue. The daemon's own
sentence is used in English, and if a daemon of another version reports too little.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from gateway.control.contract.rules import Explanation
from gateway.policy.judge.sentence import ENGLISH, Names, Words, sentence
from gateway.policy.profile.rules import SELF
from gateway.policy.values import Decision, Reason, Verdict
from webui.language import things
from webui.language.countries import countries
from webui.language.i18n import gettext as _
from webui.language.i18n import is_source, ngettext, pgettext
from webui.language.words import clock, plain
from webui.values.shapes import Answer

DECISION = "decision"  # the gettext context of these messages


def state(answer: Answer, now: datetime, *, yours: bool = False) -> str:
    """Describe the state of a device as a whole (`status`, `device`). ``yours``: for its user."""
    text, yours = answer.text("sentence"), yours and _is_own(answer)
    if is_source() and not yours:
        return text
    if answer.text("state", "open") == "open":
        return _open(answer.entry("next_change"), now)
    return _said(answer, None, now, yours=yours) or text


def refusal(answer: Answer, *, yours: bool = False) -> str:
    """Describe why something was blocked (`refusals`), as of then: the oldest is from ten minutes ago.

    ``yours``: for the blocked device's user.
    """
    text, at, yours = answer.text("sentence"), answer.moment("at"), yours and _is_own(answer)
    if at is None or (is_source() and not yours):
        return text
    return _said(answer, answer.text("name") or answer.text("host") or None, at, yours=yours) or text


def met(answer: Answer, what: str, now: datetime) -> str:
    """Describe the decision about a site or a service at ``now`` (`history`)."""
    text = answer.text("sentence")
    return text if is_source() else _said(answer, what or None, now) or text


def explained(found: Explanation) -> Explanation:
    """Return an explanation with its sentence in the reader's language (`why`, `preview`)."""
    if is_source():
        return found
    try:
        reason, verdict = Reason(found.reason), Verdict(found.verdict)
    except ValueError:  # of a newer daemon
        return found
    decision = Decision(verdict, reason, found.rule, found.owner, until=found.until)
    return replace(found, sentence=sentence(decision, found.host, found.at, _names(yours=False)))


def needed(answer: Answer, now: datetime) -> str:
    """Describe why a name in a lesson was not opened (`lesson`)."""
    text = answer.text("sentence")
    if is_source() or not text:
        return text
    values = {"reason": answer.text("refused"), "rule": answer.text("rule"), "owner": answer.text("owner")}
    return _said(Answer(values), answer.text("name"), now) or text


def answered(answer: Answer, now: datetime) -> str:
    """Describe what a parent's answer to a request did (`answer`)."""
    one, until = answer.entry("request"), answer.moment("until")
    if is_source() or one is None:
        return answer.text("sentence")
    name, what = plain(one.text("name")), plain(one.text("thing_name"), 80)
    if one.text("answer") == "no":
        return _("%(name)s is told no.", name=name)
    if one.text("topic") == "time":
        return more(name, one.whole("given"), until, now)
    if until is None:
        return _("%(what)s is open for %(name)s from now on.", what=what, name=name)
    return _("%(what)s is open for %(name)s until %(until)s.", what=what, name=name, until=clock(until, now))


def more(name: str, minutes: int, until: datetime | None, now: datetime) -> str:
    """``Aruzhan has 15 more minutes, until 21:00.``"""
    if until is None:
        return ngettext(
            "%(name)s has %(num)d more minute today.",
            "%(name)s has %(num)d more minutes today.",
            minutes,
            name=name,
        )
    return ngettext(
        "%(name)s has %(num)d more minute, until %(until)s.",
        "%(name)s has %(num)d more minutes, until %(until)s.",
        minutes,
        name=name,
        until=clock(until, now),
    )


def contested(where: str) -> str:
    """Describe where to contest a block; empty for an unknown value."""
    return things.table(DECISION, _words).get(f"contest_{where}", "")


def _open(change: Answer | None, now: datetime) -> str:
    at = change.moment("at") if change is not None else None
    if change is None or at is None:
        return _("Open.")
    if change.text("state") == "bedtime":
        return _("Open until bedtime at %(at)s.", at=clock(at, now))
    return _("Open until %(until)s.", until=clock(at, now))


def _is_own(answer: Answer) -> bool:
    """Return whether the child set that rule for itself."""
    return answer.text("owner").startswith(f"{SELF}:")


def _said(answer: Answer, what: str | None, now: datetime, *, yours: bool = False) -> str:
    """Return the sentence; empty if the answer lacks values, or has an unknown reason."""
    rule, owner = answer.text("rule"), answer.text("owner")
    try:
        reason = Reason(answer.text("reason"))
        verdict = Verdict(answer.text("verdict") or Verdict.BLOCK)
    except ValueError:
        return ""
    if (verdict is Verdict.BLOCK and not owner) or (reason is Reason.CATEGORY and not rule):
        return ""
    decision = Decision(verdict, reason, rule, owner, until=answer.moment("until"))
    return sentence(decision, what, now, _names(yours=yours))


def _names(*, yours: bool) -> Names:
    words = things.table(DECISION, _words)
    return Names(
        laws=things.laws(),
        states=countries(),
        categories=things.categories(),
        groups=things.groups(),
        words={**words, "by_self": _("You set this yourself.")} if yours else words,
    )


def _words() -> Words:
    # Extracted from the code by tests/words/catalogues.py.
    return {key: pgettext(DECISION, text) for key, text in ENGLISH.items()}
