"""States' registers over the control socket: which ones qalqan.yaml names, and the switch of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.codes import Code
from gateway.control.protocol import Request, Verb
from gateway.daemon.files.editing_home import HomeEditing
from gateway.lists.book import SHELF, STALE, Book
from gateway.policy.registers import Register

if TYPE_CHECKING:
    from gateway.daemon.main import Daemon
    from gateway.daemon.verbs.edit import EditVerbs
    from gateway.daemon.verbs.lists import ListVerbs


class RegisterVerbs:
    """One that is turned on is fetched at once; one that is turned off closes nothing from that moment on."""

    def __init__(self, daemon: Daemon, edit: EditVerbs, editing: HomeEditing, lists: ListVerbs) -> None:
        self._daemon = daemon
        self._edit = edit
        self._editing = editing
        self._lists = lists

    def table(self) -> Mapping[str, Verb]:
        return {"registers": self.registers, "register": self.switch}

    def registers(self, _request: Request) -> Mapping[str, object]:
        return {"registers": list(self._told())}

    def _told(self) -> Iterator[Mapping[str, object]]:
        rules = self._daemon.rules
        config, now = rules.household.config, self._daemon.local_now()
        book = Book(Path(config.state) / SHELF) if config.registers else None
        built = {str(one.get("id")): one.get("domains") for one in rules.table.info.sources}
        for one in config.registers:
            copy = None if book is None else book.copies.get(one.source)
            fetched = None if copy is None else copy.fetched
            yield {
                "id": one.category,
                "country": one.country,
                "name": one.name,
                "on": one.on,
                "by": one.by,
                "since": None if one.since is None else one.since.isoformat(),
                "url": one.url,
                "names": built.get(one.source) if one.on else None,
                "fetched": None if fetched is None else fetched.astimezone(config.zone),
                "stale": one.on and fetched is not None and now - fetched > STALE,
                "note": copy.error if copy is not None and one.on else "",
            }

    def switch(self, request: Request) -> Mapping[str, object]:
        author, on = self._edit.author(request), request.choice("on", ("yes", "no")) == "yes"
        one = self._one(request)
        since = author.at.date()
        wanted = replace(one, on=on, by=author.by if on else "", since=since if on else None)
        changes = {f"registers/{one.country}": wanted.written()}
        done = self._editing.switch(changes, author)
        if done.revision != done.found:
            self._edit.audit(request, author, "register_on" if on else "register_off", one.country)
            if on:
                self._lists.start()
        return {"id": one.category, "on": on, "revision": done.revision, "undo": done.found}

    def _one(self, request: Request) -> Register:
        known = {one.country: one for one in self._daemon.rules.household.config.registers}
        one = known.get(request.text("country"))
        if one is None:
            request.refuse("country", "names no register that qalqan.yaml has", Code.NO_REGISTER)
        return one
