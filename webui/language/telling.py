"""Describes the daemon's decisions in the reader's language, from their values.

`gateway.policy.judge.explanation` builds the sentences; their words come from the catalogue. The daemon's own
sentence is used in English, and if a daemon of another version reports too little.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from gateway.control.contract.activity import BlockedSite, RecentBlock
from gateway.control.contract.rules import Explanation
from gateway.control.contract.site_repair import NeededName
from gateway.control.contract.status import DeviceState, DeviceStatus, NextChange
from gateway.policy.judge.explanation import ENGLISH, Names, Words, open_sentence, sentence
from gateway.policy.profile.rules import SELF
from gateway.policy.values import Decision, Reason, RecognitionSign, ServiceRecognition, Verdict
from webui.language import things
from webui.language.countries import countries
from webui.language.i18n import READER, is_source, pgettext
from webui.language.i18n import gettext as _

DECISION = "decision"  # the gettext context of these messages
OWN = f"{SELF}:"  # the owner of a rule that the child set for itself begins like this


def state(status: DeviceState | DeviceStatus, now: datetime, *, yours: bool = False) -> str:
    """Return a sentence about whether the internet is allowed for a child or device now, why, and until when.

    ``yours``: the child that uses the device reads it; a rule that it set itself is then worded so.
    """
    text, owner = status.sentence or "", status.owner or ""
    yours = yours and owner.startswith(OWN)
    if is_source() and not yours:
        return text
    if status.state == "open":
        return _open(status.next_change, now)
    said = _decision(status.reason or "", status.rule or "", owner, until=status.until)
    return _sentence(said, None, now, yours=yours) or text


def refusal(block: RecentBlock, *, yours: bool = False) -> str:
    """Return a sentence about why something was blocked, as of that time, which is up to ten minutes ago.

    ``yours``: the child that uses the device reads it; a rule that it set itself is then worded so.
    """
    yours = yours and block.owner.startswith(OWN)
    if is_source() and not yours:
        return block.sentence
    said = _decision(block.reason, block.rule, block.owner, block.verdict, block.until, block.sign)
    return _sentence(said, block.name or block.host or None, block.at, yours=yours) or block.sentence


def blocked_site(site: BlockedSite, what: str) -> str:
    """Return a sentence about why a site in a child's history was blocked the last time.

    ``what``: its name.
    """
    if is_source() or site.last is None:
        return site.sentence
    return _sentence(_decision(site.reason, site.rule, site.owner), what or None, site.last) or site.sentence


def explained(found: Explanation) -> Explanation:
    """Return the daemon's explanation of a decision with its sentence in the reader's language."""
    if is_source():
        return found
    decision = _decision(found.reason, found.rule, found.owner, found.verdict, found.until, found.sign or "")
    what = found.host or ", ".join(found.services or ()) or None
    return replace(found, sentence=_sentence(decision, what, found.at) or found.sentence)


def needed(name: NeededName, at: datetime) -> str:
    """Return a sentence about why the repair of a site did not open a host name; empty if it did.

    ``at``: the time to which the sentence refers; times in it are in the same zone.
    """
    text = name.sentence or ""
    if is_source() or not text:
        return text
    return _sentence(_decision(name.refused or "", name.rule or "", name.owner or ""), name.name, at) or text


def contested(where: str) -> str:
    """Return a sentence about where a block can be contested; empty for an unknown ``where``."""
    return things.table(DECISION, _words).get(f"contest_{where}", "")


def _open(change: NextChange | None, now: datetime) -> str:
    bedtime = change is not None and change.state == "bedtime"
    return open_sentence(None if change is None else change.at, now, READER, bedtime=bedtime)


def _decision(
    reason: str, rule: str, owner: str, verdict: str = "", until: datetime | None = None, sign: str = ""
) -> Decision | None:
    """Return the daemon's decision from its values in text form.

    None if the owner of a block or the category's rule is missing, or the verdict, reason or ``sign`` is
    unknown. ``verdict``: empty: block. ``sign``: how a connection without a host name was recognised; empty
    if it has a name.
    """
    try:
        recognised = ServiceRecognition((), RecognitionSign(sign)) if sign else None
        known, verdict = Reason(reason), verdict or Verdict.BLOCK
        decision = Decision(Verdict(verdict), known, rule, owner, until=until, recognised=recognised)
    except ValueError:
        return None
    if decision.verdict is Verdict.BLOCK and not owner:
        return None
    return None if decision.reason is Reason.CATEGORY and not rule else decision


def _sentence(decision: Decision | None, what: str | None, now: datetime, *, yours: bool = False) -> str:
    return "" if decision is None else sentence(decision, what, now, _names(yours=yours))


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
