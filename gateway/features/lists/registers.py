"""The verbs `registers` and `register`: show and switch the states' blocking registers of `qalqan.yaml`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from gateway.control.contract.lists import (
    REGISTER,
    REGISTERS,
    Registers,
    RegisterState,
    SwitchedRegister,
    SwitchRegisterRequest,
)
from gateway.control.protocol import Call
from gateway.control.router import Router
from gateway.control.verbs import NoValues
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from gateway.features.rules.profile_verbs import ProfileVerbs
from gateway.household.context import HomeContext
from gateway.household.editing import HomeEditing
from gateway.lists.book import SHELF, STALE, CopyIndex
from gateway.policy.config.registers import Register


class RegisterVerbs:
    """Shows states' registers of blocked sites, and switches them on or off.

    A register that is switched on is fetched immediately. One that is switched off blocks nothing from then
    on. ``update_lists`` starts the fetch, and reports it as a failed update if it cannot start.
    """

    def __init__(
        self,
        home: HomeContext,
        edit: ProfileVerbs,
        editing: HomeEditing,
        update_lists: Callable[[], None],
    ) -> None:
        self._home = home
        self._edit = edit
        self._editing = editing
        self._update_lists = update_lists

    def register(self, router: Router) -> None:
        router.serve(REGISTERS, self.registers)
        router.serve(REGISTER, self.switch)

    def registers(self, _call: Call[NoValues]) -> Registers:
        """Return each configured state register, whether it is on, and age and errors of its stored copy.

        Raises ListError if the index of the downloaded lists cannot be read.
        """
        return Registers(registers=tuple(self._registers()))

    def _registers(self) -> Iterator[RegisterState]:
        rules = self._home.rules
        config, now = rules.household.config, self._home.local_now()
        book = CopyIndex(Path(config.state) / SHELF) if config.registers else None
        counts = {str(source.get("id")): source.get("domains") for source in rules.table.info.sources}
        for register in config.registers:
            copy = None if book is None else book.copies.get(register.source)
            fetched = None if copy is None else copy.fetched
            yield RegisterState(
                id=register.category,
                country=register.country,
                name=register.name,
                on=register.on,
                by=register.by,
                since=register.since,
                url=register.url,
                names=counts.get(register.source) if register.on else None,
                fetched=None if fetched is None else fetched.astimezone(config.zone),
                stale=register.on and fetched is not None and now - fetched > STALE,
                note=copy.error if copy is not None and register.on else "",
            )

    def switch(self, call: Call[SwitchRegisterRequest]) -> SwitchedRegister:
        """Switch a state's register on or off in `qalqan.yaml`. Switching it on starts a fetch.

        Return the revisions for an undo. If no fetch can start, the register is on nevertheless, and the
        problem is reported as that of a failed update. Raises ControlError for a country without a register.
        """
        author, on = self._edit.author(call), call.args.on == "yes"
        register = self._find(call)
        since = author.at.date()
        wanted = replace(register, on=on, by=author.by if on else "", since=since if on else None)
        changes = {f"registers/{register.country}": wanted.written()}
        done = self._editing.switch(changes, author)
        if done.revision != done.found:
            self._edit.audit(call, author, "register_on" if on else "register_off", register.country)
            if on:
                self._update_lists()
        return SwitchedRegister(id=register.category, on=on, revision=done.revision, undo=done.found)

    def _find(self, call: Call[SwitchRegisterRequest]) -> Register:
        known = {register.country: register for register in self._home.rules.household.config.registers}
        register = known.get(call.args.country)
        if register is None:
            raise ControlError.of(Code.NO_REGISTER)
        return register
