"""The daemon's decisions in the reader's language, made of what it decided and not of its English words.

`gateway.policy.judge.sentence` builds them; its words come from the catalogue. In English the daemon's own
sentence stands, and so it does where a daemon of another version tells too little.
"""

from __future__ import annotations

from datetime import datetime

from gateway.policy.judge.sentence import ENGLISH, Names, Words, sentence
from gateway.policy.profile.rules import SELF
from gateway.policy.values import Decision, Reason, Verdict
from webui.language import things
from webui.language.i18n import gettext as _
from webui.language.i18n import is_source, ngettext, pgettext
from webui.language.words import clock, plain
from webui.values.family import countries
from webui.values.shapes import Answer

DECISION = "decision"  # the context of its words in the catalogue


def state(answer: Answer, now: datetime, *, yours: bool = False) -> str:
    """How things stand for a device as a whole (`status`, `device`). ``yours``: it is told to who uses it."""
    told, yours = answer.text("sentence"), yours and _is_own(answer)
    if is_source() and not yours:
        return told
    if answer.text("state", "open") == "open":
        return _open(answer.entry("next_change"), now)
    return _said(answer, None, now, yours=yours) or told


def refusal(answer: Answer, *, yours: bool = False) -> str:
    """Why something was refused (`refusals`), as it was then: none is older than ten minutes. ``yours``: told
    to whom it was refused.
    """
    told, at, yours = answer.text("sentence"), answer.moment("at"), yours and _is_own(answer)
    if at is None or (is_source() and not yours):
        return told
    return _said(answer, answer.text("name") or answer.text("host") or None, at, yours=yours) or told


def met(answer: Answer, what: str, now: datetime) -> str:
    """What a site or a service meets, or would meet (`why`, `preview`), or met at ``now`` (`history`)."""
    told = answer.text("sentence")
    return told if is_source() else _said(answer, what or None, now) or told


def needed(answer: Answer, now: datetime) -> str:
    """Why a name that a lesson heard was not opened (`lesson`)."""
    told = answer.text("sentence")
    if is_source() or not told:
        return told
    values = {"reason": answer.text("refused"), "rule": answer.text("rule"), "owner": answer.text("owner")}
    return _said(Answer(values), answer.text("name"), now) or told


def answered(answer: Answer, now: datetime) -> str:
    """What a parent's answer to a request did (`answer`)."""
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
    """Where a refusal is said to be wrong; empty for what is not known here."""
    return things.table(DECISION, _words).get(f"contest_{where}", "")


def _open(change: Answer | None, now: datetime) -> str:
    at = change.moment("at") if change is not None else None
    if change is None or at is None:
        return _("Open.")
    if change.text("state") == "bedtime":
        return _("Open until bedtime at %(at)s.", at=clock(at, now))
    return _("Open until %(until)s.", until=clock(at, now))


def _is_own(answer: Answer) -> bool:
    """Whether a child set that rule for itself."""
    return answer.text("owner").startswith(f"{SELF}:")


def _said(answer: Answer, what: str | None, now: datetime, *, yours: bool = False) -> str:
    """Empty where the answer has too little in it, or a reason that is not known here."""
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
    # Extracted from where they stand, by tests/words/catalogues.py.
    return {key: pgettext(DECISION, text) for key, text in ENGLISH.items()}
