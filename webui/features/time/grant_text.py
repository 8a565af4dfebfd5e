"""Describes extra time that was given to a child or that it took."""

from __future__ import annotations

from datetime import datetime

from gateway.control.contract.time import PersonGrant
from gateway.policy.time.grant_messages import grant_sentence, grant_sentence_to_child
from webui.language import things
from webui.language.i18n import READER
from webui.language.words import plain


def to_parent(given: PersonGrant, name: str, now: datetime) -> str:
    """Return a sentence for parents about extra time: ``Aruzhan has 15 more minutes, until 21:00.``

    ``name``: the child's.
    """
    thing, what = _thing(given)
    return grant_sentence(
        plain(name), given.minutes, given.until, now, READER, thing=thing, what=what, paused=given.paused
    )


def to_child(given: PersonGrant, now: datetime) -> str:
    """Return a sentence for the child about its extra time: ``You have 15 more minutes, until 21:00.``"""
    thing, what = _thing(given)
    return grant_sentence_to_child(given.minutes, given.until, now, READER, thing=thing, what=what)


def _thing(given: PersonGrant) -> tuple[str, str]:
    """Return what extra time is for, and its name in the reader's language; both empty for all internet."""
    thing = given.thing or ""
    return thing, plain(things.thing(thing, given.thing_name or thing), 80)
