"""The verbs about lists of names: what is installed, the family's own lists, and the lists of a host."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from gateway.control.protocol import Request
from gateway.control.router import Router
from gateway.core.errors import ControlError, ListError
from gateway.core.public_addresses import NotOutside, check_url, is_outside, looks_like_address
from gateway.core.reason_codes import Code
from gateway.features.accounts.access import Access
from gateway.features.lists.updates import ListUpdates
from gateway.household.context import HomeContext
from gateway.household.editing import Author, Editing
from gateway.lists.book import SHELF, STALE, Book
from gateway.lists.lookup import look_up
from gateway.lists.own_lists import MAX_OWN, OwnLists, WrongEntry, lists_file, read_own, write_own
from gateway.lists.sources import PublishedList, parse_sources
from gateway.policy.config.registers import is_register, register_title
from gateway.policy.names import networks as nets
from gateway.policy.names.domain_table import TableInfo
from gateway.policy.profile.profile import Profile
from gateway.store.tables.pauses import RecordAudit
from profiles import DATA

SOURCES = "sources.yaml"
NAME_LIMIT = 60  # characters


class ListVerbs:
    """``problems``: one line for each part that does not work as configured."""

    def __init__(
        self,
        home: HomeContext,
        record: RecordAudit,
        problems: Callable[[], list[str]],
        access: Access,
        editing: Editing,
        updates: ListUpdates,
    ) -> None:
        self._home = home
        self._record = record
        self._home_problems = problems
        self._access = access
        self._editing = editing
        self._updates = updates
        self._published: Mapping[str, PublishedList] = {}

    def register(self, router: Router) -> None:
        router.add("lists", self.lists)
        router.add("list_lookup", self.lookup)
        router.add("list_add", self.add)
        router.add("list_remove", self.remove)
        router.add("list_update", self.update)
        router.add("list_report", self.report)
        router.add("list_unreport", self.unreport)

    # ------------------------------------------------------------------------------------ what is here

    def lists(self, _request: Request) -> Mapping[str, object]:
        own = self._own()
        info = self._home.rules.table.info
        state = Path(self._home.rules.household.config.state)
        return {
            "table": {"names": info.count, "bytes": info.size, "built": info.built},
            "sources": list(self._sources(own, Book(state / SHELF), info)),
            "categories": [
                {"id": category.id, "name": category.name["en"]}
                for category in self._home.rules.world.categories.by_id.values()
                if not category.binding
            ],
            "wrong": [
                {
                    "host": report.host,
                    "category": report.category,
                    "by": report.by,
                    "at": report.at.isoformat(),
                }
                for report in reversed(own.wrong)
            ],
            "update": self._updates.runner.describe(),
            "schedule": self._updates.describe(),
            "most": MAX_OWN,
        }

    def _sources(self, own: OwnLists, book: Book, info: TableInfo) -> Iterator[dict[str, object]]:
        zone, now = self._home.rules.household.config.zone, self._home.now()
        names = self._home.rules.names.categories
        built = {str(source.get("id")): source.get("domains") for source in info.sources}
        for listed in (*own.lists.values(), *self._catalogue().values()):
            copy, here = book.copies.get(listed.id), book.path(listed.id).exists()
            fetched = copy.fetched if copy is not None and here else None
            yield {
                "id": listed.id,
                "name": listed.name,
                "url": listed.url,
                "category": listed.category,
                "category_name": names.get(listed.category, listed.category),
                "licence": listed.licence,
                "own": listed.id in own.lists,
                "on": own.is_on(listed) or (here and listed.id not in own.off),
                "default": listed.default and listed.id not in own.lists,
                "names": built.get(listed.id),
                "about": listed.size,
                "bytes": book.path(listed.id).stat().st_size if here else 0,
                "fetched": None if fetched is None else fetched.astimezone(zone),
                "stale": fetched is not None and now - fetched > STALE,
                "error": "" if copy is None else copy.error,
            }

    def _catalogue(self) -> Mapping[str, PublishedList]:
        """Read the published lists on first use: 5 ms and 100 kB."""
        if not self._published:
            known = self._home.rules.world.categories
            self._published = parse_sources(DATA.joinpath(SOURCES).read_bytes(), SOURCES, known)
        return self._published

    def lookup(self, request: Request) -> Mapping[str, object]:
        """Return the categories, entries and services of a host, and the enabled lists of those
        categories.
        """
        answer = self._look(request.text("host"))
        names = self._home.rules.names
        found = {category for match in answer["matches"] for category in match["categories"]}
        own = self._own()
        book = Book(Path(self._home.rules.household.config.state) / SHELF)
        sources = [
            {
                "id": listed.id,
                "name": listed.name,
                "url": listed.url,
                "category": listed.category,
                "version": book.day(listed.id),
            }
            for listed in (*own.lists.values(), *self._catalogue().values())
            if listed.category in found and listed.id not in own.off and book.path(listed.id).exists()
        ]
        return {
            **answer,
            "categories": [
                {"id": category, "name": names.categories.get(category) or register_title(category)}
                for category in sorted(found)
            ],
            "services": [
                {"id": service, "name": names.services.get(service, service)}
                for service in answer["services"]
            ],
            "sources": sources,
        }

    def _look(self, host: str) -> Mapping[str, Any]:
        world, table = self._home.rules.world, self._home.rules.table
        return look_up(host, table, world.categories, world.catalogue, world.resolvers, world.sealed)

    # ------------------------------------------------------------------------------------ the family's choice

    def add(self, request: Request) -> Mapping[str, object]:
        """Add a list: one of the family's own by ``url``, or a published one by ``id``."""
        by, own = self._access.guardian(request), self._own()
        if request.has("id"):
            one = self._one(request)
            self._write(own.switched(one, on=True))
            self._audit(request, by, "list_add", one.id)
            return {"id": one.id}
        name, url, category = request.text("name"), request.text("url"), request.text("category")
        if len(name) > NAME_LIMIT:
            request.refuse("name", f"has more than {NAME_LIMIT} characters")
        if category not in self._home.rules.world.categories.choosable:
            request.refuse("category", "is no category that a list can feed")
        try:
            host = check_url(url)
            if looks_like_address(host) and not is_outside(host):
                msg = f"{host} is not on the internet"
                raise NotOutside(msg)
        except NotOutside as error:
            raise ControlError(f"{url}: {error}").coded(Code.NOT_OUTSIDE) from None
        if any(register.url == url for register in self._home.rules.household.config.registers):
            msg = f"{url} is a state's register; it feeds no other kind of sites"
            raise ListError(msg).coded(Code.LIST_NOT_ADDED)
        key = f"own-{secrets.token_hex(4)}"
        try:
            self._write(own.with_list(name, url, category, key))
        except ListError as error:
            raise error.coded(Code.LIST_NOT_ADDED) from None
        self._audit(request, by, "list_add", f"{key} {category} {url}")
        return {"id": key}

    def remove(self, request: Request) -> Mapping[str, object]:
        """Remove a list. One of the family's own is deleted; a published one is no longer fetched.

        The table has its names until it is built again.
        """
        by, own = self._access.guardian(request), self._own()
        one = own.lists.get(request.text("id")) or self._one(request)
        book = Book(Path(self._home.rules.household.config.state) / SHELF)
        if one.id in own.lists:
            self._write(own.without_list(one.id))
        else:
            self._write(own.switched(one, on=False))
        try:
            book.path(one.id).unlink(missing_ok=True)
        except OSError as error:
            msg = f"{one.id}: its copy cannot be taken away ({error.strerror})"
            raise ListError(msg) from error
        self._audit(request, by, "list_remove", f"{one.id} {one.url}")
        return {"id": one.id, "name": one.name, "url": one.url, "category": one.category}

    def _one(self, request: Request) -> PublishedList:
        one = self._catalogue().get(request.text("id"))
        if one is None:
            request.refuse("id", "names no list that there is", Code.NO_LIST)
        return one

    def update(self, request: Request) -> Mapping[str, object]:
        """Start an update now, in a process of its own; `lists` events report its progress."""
        by = self._access.guardian(request)
        if self.start(force=request.has("force")):
            self._audit(request, by, "list_update", "")
        return self._updates.runner.describe()

    def start(self, *, force: bool = False) -> bool:
        """Start an update, unless one runs already; return whether it started. Raises ControlError."""
        try:
            return self._updates.runner.start(force=force)
        except OSError as error:
            msg = f"list_update: no program can be started: {error.strerror or error}"
            raise ControlError(msg) from None

    # ------------------------------------------------------------------------------------ wrong entries

    def report(self, request: Request) -> Mapping[str, object]:
        """Record a wrongly blocked site, and open it for the children in ``open``. Nothing is sent."""
        by = self._access.guardian(request)
        answer = self._look(request.text("host"))
        host, matches = answer["host"], answer["matches"]
        if answer["refused_for_everyone"]:
            request.refuse("host", "is refused for everyone", Code.FOR_EVERYONE, host=host)
        if not matches or nets.address(host.partition("/")[0]) is not None:
            request.refuse("host", "is no name on a list", Code.NOT_LISTED, host=host)
        kinds = [kind for kind in matches[0]["categories"] if not is_register(kind)]
        if not kinds:
            request.refuse("host", "is on a state's register", Code.ON_REGISTER, host=host)
        entry, category = matches[0]["name"], kinds[0]
        children = self._children(request)
        now = self._home.local_now()
        for child in children:
            self._editing.edit(child.id, {f"allow/{entry}": True}, Author(by, now))
        self._write(self._own().with_wrong(WrongEntry(entry, category, by, now.date())))
        opened = [child.id for child in children]
        self._audit(request, by, "list_report", " ".join((entry, category, *opened)))
        return {"host": entry, "opened": opened, "problems": self._home_problems() if opened else []}

    def _children(self, request: Request) -> list[Profile]:
        wanted = request.values.get("open") or []
        if not isinstance(wanted, list) or not all(isinstance(name, str) for name in wanted):
            request.refuse("open", "must be a list of profiles")
        known = {child.id: child for child in self._home.rules.household.children}
        if not known.keys() >= set(wanted):
            request.refuse("open", "names somebody who is no child here", Code.NO_PROFILE)
        return [known[child_id] for child_id in dict.fromkeys(wanted)]

    def unreport(self, request: Request) -> Mapping[str, object]:
        by, host = self._access.guardian(request), request.text("host")
        self._write(self._own().without_wrong(host))
        self._audit(request, by, "list_unreport", host)
        return {"host": host}

    # ------------------------------------------------------------------------------------ the file

    def _own(self) -> OwnLists:
        """Return the present content of the file, which may be edited by hand. Raises PolicyError."""
        return read_own(lists_file(self._home.rules.path), self._home.rules.world.categories)

    def _write(self, own: OwnLists) -> None:
        write_own(lists_file(self._home.rules.path), own)
        self._publish("changed")

    def _publish(self, what: str, **values: object) -> None:
        self._home.publish("lists", what=what, **values)

    def _audit(self, request: Request, by: str, what: str, detail: str) -> None:
        now, origin = self._home.local_now(), request.text("origin", "")
        self._record(what, detail, by=by, at=now, origin=origin)
