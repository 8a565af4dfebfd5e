"""Wraps states' registers of blocked sites for the pages."""

from __future__ import annotations

from gateway.control.contract.lists import RegisterState
from webui.language.things import register
from webui.language.words import who


class RegisterView:
    """A state's register of blocked sites, as the pages show it: its name, and who turned it on."""

    def __init__(self, state: RegisterState) -> None:
        self.state = state

    @property
    def name(self) -> str:
        return register(self.state.country)

    @property
    def by(self) -> str:
        return who(self.state.by)
