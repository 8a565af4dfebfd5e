"""Wraps cards about bypass methods for the pages, with the steps in the device's own menu."""

from __future__ import annotations

from dataclasses import replace

from gateway.control.contract.bypass_alerts import BypassCard, BypassCards, MenuPath
from gateway.policy.alerts.card_messages import card_facts, card_title
from webui.language.i18n import READER, SOURCE_LANGUAGE, spoken
from webui.language.words import plain

SHOWN = 3  # cards on the parents' page, above the children's; the rest is a number


class MenuView:
    """The steps in a device's menu that turn a bypass method off.

    They are in the browser's language if they are known in it, or else in English.
    """

    def __init__(self, menu: MenuPath) -> None:
        self.language = spoken(menu.steps)
        self.steps = menu.steps.get(self.language, ())
        self.name = menu.name.get(self.language) or menu.name.get(SOURCE_LANGUAGE, "")


class CardView:
    def __init__(self, card: BypassCard) -> None:
        self.card = card
        self.menus = tuple(map(MenuView, card.menus))

    @property
    def called(self) -> str:
        """Return the device's name, or else its address. Untrusted input."""
        return self.card.name or self.card.device

    @property
    def host(self) -> str:
        """Return the host of the query that caused the alert; empty if not stored. Untrusted input."""
        return self.card.host or ""

    @property
    def title(self) -> str:
        return card_title(self.card, plain(self.called), READER)

    @property
    def facts(self) -> str:
        return card_facts(replace(self.card, host=plain(self.host, 80)), READER)


class CardsView:
    """The alerts (cards) of the page, each about a bypass method that a device has used; newest first.

    ``more``: how many are not shown.
    """

    def __init__(self, answer: BypassCards) -> None:
        self.found = tuple(map(CardView, answer.cards))
        self.more = max(0, answer.count - len(self.found))
