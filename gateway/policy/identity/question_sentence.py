"""The question about a device in one sentence, for the command line. The pages have their own wording."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.policy.identity.questions import Ask, Question
from gateway.policy.identity.traits import Sign

SIGNS: Mapping[Sign, str] = {
    Sign.HOST_NAME: "the name it gives",
    Sign.OPTIONS: "what it asks DHCP for",
    Sign.VENDOR_CLASS: "the system it names",
    Sign.KIND: "its kind",
    Sign.TIME: "when it came",
    Sign.HOP_LIMIT: "how its packets begin",
    Sign.INTERFACE_ID: "its IPv6 addresses",
    Sign.CARRIES: "others behind it",
}


def question_sentence(
    question: Question, device: str, known: str = "", owner: str = "", rules: str = ""
) -> str:
    """Return the question as text.

    Arguments:
        device: its display name.
        known, owner: the device that it may be, and that device's owner.
        rules: whose rules apply meanwhile; empty if the question changes nothing.
    """
    return " ".join(
        part
        for part in (_asked(question, device, known, owner), _says(question), _holds(question, rules))
        if part
    )


def _asked(question: Question, device: str, known: str, owner: str) -> str:
    signs = ", ".join(SIGNS[sign] for sign in question.signs)
    if question.ask is Ask.COPY:
        whose = f"{owner}'s {device}" if owner else device
        if question.settled:
            return f"Another device used the address of {whose}."
        return f"Another device may use the address of {whose}: {signs} changed."
    if question.ask is Ask.REPEATER:
        return f"{device} is a repeater: its devices share one address, so one profile applies to all."
    if question.known:
        whose = f"{owner}'s {known}" if owner else known
        return f"{device} may be {whose} again, by another address: {signs} fit."
    if question.profile:
        return f"{device} came by an invented address when a child's device went."
    return f"{device} is new. Whose is it?"


def _says(question: Question) -> str:
    return "Somebody says on it to be an adult; that opens nothing." if question.adult else ""


def _holds(question: Question, rules: str) -> str:
    if not rules:
        return ""
    until = "a parent says that it is over" if question.settled else "somebody answers"
    return f"Until {until}, the rules of {rules} hold."
