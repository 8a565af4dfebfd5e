"""The texts of a question about a device: on the pages, in events and on the command line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from gateway.policy.language import Language


class DescribedQuestion(Protocol):
    """The interface to a question about a device: the record of the control socket, for example.

    ``ask``, ``signs`` and ``replies`` are values of `Ask`, `Sign` and `IdentityReply`. ``known``: the MAC
    address of the other device; None: unknown. ``rules_name``: the profile whose rules apply until the
    answer; empty: none. Names are untrusted input.
    """

    @property
    def ask(self) -> str: ...
    @property
    def mac(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def known(self) -> str | None: ...
    @property
    def known_name(self) -> str: ...
    @property
    def owner_name(self) -> str: ...
    @property
    def rules_name(self) -> str: ...
    @property
    def signs(self) -> Sequence[str]: ...
    @property
    def settled(self) -> bool: ...
    @property
    def adult(self) -> bool: ...
    @property
    def replies(self) -> Sequence[str]: ...


def may_be_again(question: DescribedQuestion) -> bool:
    """Return True if the question is whether this is a certain known device with another MAC address.

    False if it may be a child's device that left, but it is unknown which one.
    """
    return question.ask == "again" and "again" in question.replies


def question_title(question: DescribedQuestion, language: Language) -> str:
    """Return the title of a question about a device, such as ``Is this Aruzhan's Tablet again?``."""
    _ = language.gettext
    name, known = question.name or question.mac, question.known_name or question.known or ""
    if may_be_again(question):
        if question.owner_name:
            return _("Is this %(owner)s's %(known)s again?", owner=question.owner_name, known=known)
        return _("Is this %(known)s again?", known=known)
    if question.ask in ("copy", "address"):
        return _("Two devices with one address?")
    if question.ask == "repeater":
        return _("%(name)s is a repeater", name=name)
    return _("New device: %(name)s", name=name)


def question_facts(question: DescribedQuestion, language: Language) -> str:
    """Return the sentences of a question that say what is known about the device."""
    _ = language.gettext
    name, owner = question.name or question.mac, question.owner_name
    names = _sign_names(language)
    signs = ", ".join(names.get(sign, sign) for sign in question.signs)
    if may_be_again(question):
        came = _("%(name)s came with another address.", name=name)
        return f"{came} {_('What matches: %(signs)s.', signs=signs)}"
    if question.ask == "again":
        return _("It came with a made-up address when a child's device left.")
    if question.ask == "copy" and question.settled:
        if owner:
            return _("Another device used the address of %(owner)s's %(name)s.", owner=owner, name=name)
        return _("Another device used the address of %(name)s.", name=name)
    if question.ask == "copy":
        if owner:
            used = _("Another device may use the address of %(owner)s's %(name)s.", owner=owner, name=name)
        else:
            used = _("Another device may use the address of %(name)s.", name=name)
        return f"{used} {_('What changed: %(signs)s.', signs=signs)}"
    if question.ask == "address":
        return _address_facts(question, language)
    if question.ask == "repeater":
        return _("We cannot tell the devices behind it apart. Your choice applies to all of them.")
    return _("Who uses it?")


def _address_facts(question: DescribedQuestion, language: Language) -> str:
    _ = language.gettext
    name, other = question.name or question.mac, question.known_name or question.known or ""
    if question.owner_name:
        owner = question.owner_name
        taken = _(
            "%(owner)s's %(other)s uses the IP address of %(name)s, which is still here.",
            owner=owner,
            other=other,
            name=name,
        )
    else:
        taken = _("%(other)s uses the IP address of %(name)s, which is still here.", other=other, name=name)
    danger = _("It can read passwords that are sent without HTTPS.")
    return f"{taken} {danger}"


def question_effects(question: DescribedQuestion, language: Language) -> list[str]:
    """Return the sentences on what applies to the device until a guardian answers; [] if nothing changes."""
    _ = language.gettext
    found = []
    if question.adult:
        found.append(
            _("Its user says they’re an adult. Nothing is recorded on it now. The rules stay the same.")
        )
    if question.rules_name:
        found.append(_("Until you answer, %(rules)s's rules apply.", rules=question.rules_name))
    return found


def question_sentence(question: DescribedQuestion, language: Language) -> str:
    """Return title, facts and effects of a question as one text, for the command line and the API."""
    title = question_title(question, language)
    title = title if title.endswith("?") else f"{title}."
    facts, effects = question_facts(question, language), question_effects(question, language)
    return " ".join((title, facts, *effects))


def _sign_names(language: Language) -> dict[str, str]:
    _ = language.gettext
    return {
        "host_name": _("its name"),
        "options": _("what it asks the network for"),
        "vendor_class": _("its system"),
        "kind": _("its type"),
        "time": _("when it came"),
        "hop_limit": _("how its packets start"),
        "interface_id": _("its IPv6 addresses"),
        "carries": _("others behind it"),
    }
