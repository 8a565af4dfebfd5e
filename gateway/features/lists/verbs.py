"""Verbs for lists of host names: show and change them, look up a host, report wrong entries."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from gateway.control.contract.lists import (
    LIST_ADD,
    LIST_LOOKUP,
    LIST_REMOVE,
    LIST_REPORT,
    LIST_UNREPORT,
    LIST_UPDATE,
    LISTS,
    AddListRequest,
    ListEntry,
    ListId,
    Lists,
    ListSource,
    ListTable,
    ListUpdate,
    LookupRequest,
    LookupResult,
    MatchingList,
    NamedId,
    RemovedList,
    RemoveListRequest,
    ReportedEntry,
    ReportEntryRequest,
    UpdateListsRequest,
    WithdrawnReport,
    WithdrawReportRequest,
    WrongListEntry,
)
from gateway.control.protocol import Call, ControlRequest
from gateway.control.router import Router
from gateway.control.verbs import NoValues
from gateway.core.errors import ControlError, GatewayError, ListError
from gateway.core.optional_packages import LIST_UPDATES, require
from gateway.core.public_addresses import NotOutside, check_url, is_outside, looks_like_address
from gateway.core.reason_codes import Code
from gateway.features.accounts.access import Access
from gateway.features.lists.updates import ListUpdates
from gateway.feed.data_set import DataSet
from gateway.household.context import HomeContext
from gateway.household.editing import Author, CompletedEdit, Editing
from gateway.lists.book import PREBUILT, SHELF, STALE, CopyIndex
from gateway.lists.lookup import Lookup, look_up
from gateway.lists.own_lists import MAX_OWN, OwnLists, WrongEntry, lists_file, read_own, write_own
from gateway.lists.sources import PublishedList, parse_sources
from gateway.policy.config.registers import is_register, register_title
from gateway.policy.judge.facts import named_own_lists
from gateway.policy.names import networks as nets
from gateway.policy.names.domain_table import TableInfo
from gateway.policy.names.list_ids import is_own_list
from gateway.policy.profile.profile import Profile
from gateway.policy.profile.rules import Rules
from gateway.policy.requests.askable import check_confirmed
from gateway.store.tables.audit import RecordAudit

SOURCES = "sources.yaml"
OWN_CATEGORY = "own"  # in a request: the new list is a category of its own


class ListVerbs:
    """Control-socket verbs that show, add, remove and update lists, look up hosts, and record wrong entries.

    ``problems``: returns one line for each part of the gateway that does not work as configured.
    """

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
        self._published: tuple[DataSet, Mapping[str, PublishedList]] | None = None

    def register(self, router: Router) -> None:
        router.serve(LISTS, self.lists)
        router.serve(LIST_LOOKUP, self.lookup)
        router.serve(LIST_ADD, self.add)
        router.serve(LIST_REMOVE, self.remove)
        router.serve(LIST_UPDATE, self.update)
        router.serve(LIST_REPORT, self.report)
        router.serve(LIST_UNREPORT, self.unreport)

    # ------------------------------------------------------------------------------------ reading

    def lists(self, _call: Call[NoValues]) -> Lists:
        own = self._own()
        info = self._home.rules.table.info
        state = Path(self._home.rules.household.config.state)
        return Lists(
            table=ListTable(names=info.count, bytes=info.size, built=info.built),
            sources=tuple(self._sources(own, CopyIndex(state / SHELF), info)),
            categories=tuple(
                NamedId(id=category.id, name=category.name["en"])
                for category in self._home.rules.world.categories.by_id.values()
                if not category.binding and not is_own_list(category.id)
            ),
            wrong=tuple(
                WrongListEntry(host=report.host, category=report.category, by=report.by, at=report.at)
                for report in reversed(own.wrong)
            ),
            update=self._updates.runner.state(),
            schedule=self._updates.plan(),
            most=MAX_OWN,
        )

    def _sources(self, own: OwnLists, book: CopyIndex, info: TableInfo) -> Iterator[ListSource]:
        config, now = self._home.rules.household.config, self._home.now()
        zone, tier = config.zone, self._updates.tier
        names = self._home.rules.names.categories
        built = {str(source.get("id")): source.get("domains") for source in info.sources}
        for listed in (*own.lists.values(), *self._catalogue().values()):
            copy, here = book.copies.get(listed.id), book.path(listed.id).exists()
            fetched = book.fetched(listed.id, is_in_table=listed.id in built)
            yield ListSource(
                id=listed.id,
                name=listed.name,
                url=listed.url,
                category=listed.category,
                category_name=names.get(listed.category, listed.category),
                people=self._people_of(listed),
                licence=listed.licence,
                own=listed.id in own.lists,
                on=own.is_on(listed, tier, is_here=here),
                default=listed.id not in own.lists and tier.includes(listed.tier),
                tier=None if listed.id in own.lists else listed.tier,
                names=built.get(listed.id),
                about=listed.size,
                bytes=book.path(listed.id).stat().st_size if here else 0,
                fetched=None if fetched is None else fetched.astimezone(zone),
                stale=fetched is not None and now - fetched > STALE,
                error="" if copy is None else copy.error,
            )

    def _catalogue(self) -> Mapping[str, PublishedList]:
        """Return the published lists by id.

        They are read on first use, and again when the packaged data (categories, services, lists)
        was replaced.
        """
        data = self._home.rules.product.data
        if self._published is None or self._published[0] != data:
            known = self._home.rules.world.categories
            self._published = data, parse_sources(data.place(SOURCES).read_bytes(), SOURCES, known)
        return self._published[1]

    def lookup(self, call: Call[LookupRequest]) -> LookupResult:
        """Return the categories, list entries and services of a host name.

        ``sources`` in the result are the fetched lists of these categories that the family has not switched
        off, with the dates of their copies. It is not known which of them has the name.
        Raises PolicyError for text that is no host or address, or if the family's file of lists cannot be
        used, and ListError if the index of the downloaded lists cannot be read.
        """
        found = self._look(call.args.host)
        names = self._home.rules.names
        categories = {category for match in found.matches for category in match.categories}
        own, info = self._own(), self._home.rules.table.info
        book = CopyIndex(Path(self._home.rules.household.config.state) / SHELF)
        in_table = {str(source.get("id")) for source in info.sources} if PREBUILT in book.copies else set()
        return LookupResult(
            host=found.host,
            refused_for_everyone=found.refused_for_everyone,
            matches=tuple(ListEntry(name=match.name, categories=match.categories) for match in found.matches),
            categories=tuple(
                NamedId(id=category, name=names.categories.get(category) or register_title(category))
                for category in sorted(categories)
            ),
            services=tuple(
                NamedId(id=service, name=names.services.get(service, service)) for service in found.services
            ),
            resolver=found.resolver,
            sources=tuple(
                MatchingList(
                    id=listed.id,
                    name=listed.name,
                    url=listed.url,
                    category=listed.category,
                    version=book.day(listed.id) or info.built[:10],
                )
                for listed in (*own.lists.values(), *self._catalogue().values())
                if listed.category in categories
                and listed.id not in own.off
                and (book.path(listed.id).exists() or listed.id in in_table)
            ),
        )

    def _look(self, host: str) -> Lookup:
        world, table = self._home.rules.world, self._home.rules.table
        return look_up(
            host, table, world.categories, world.catalogue, world.resolvers, world.sealed, world.words
        )

    # ------------------------------------------------------------------------------------ the family's choice

    def add(self, call: Call[AddListRequest]) -> ListId:
        """Add a list of the family's own (``url``), or switch on a published one (``id``). Return its id.

        The next update fetches it. A list of its own category is also blocked for the children in
        ``people``. Raises ControlError for an invalid request, or if the list cannot be added, ListError
        if it cannot be stored, and GatewayError if a child's rules cannot be changed: the list is then
        not added.
        """
        by, own = self._access.guardian(call), self._own()
        if call.args.id is not None:
            published = self._published_list(call.args.id)
            self._write(own.switched(published, on=True))
            self._audit(call, by, "list_add", published.id)
            return ListId(id=published.id)
        # These are optional in the declaration: here they are needed.
        name, url, category = call.text("name"), call.text("url"), call.text("category")
        key = f"own-{secrets.token_hex(4)}"
        children = self._children(call.args.people)
        if category == OWN_CATEGORY:
            category = key
            if not children:
                call.refuse("people", "names no child: a list of its own category applies to chosen children")
        elif is_own_list(category) or category not in self._home.rules.world.categories.choosable:
            call.refuse("category", "is no category that a list can feed")
        try:
            host = check_url(url)
            if looks_like_address(host) and not is_outside(host):
                msg = f"{host} is not on the internet"
                raise NotOutside(msg)
        except NotOutside:
            raise ControlError.of(Code.NOT_OUTSIDE) from None
        if any(register.url == url for register in self._home.rules.household.config.registers):
            raise ControlError.of(Code.LIST_NOT_ADDED)
        own = own.with_list(name, url, category, key)
        self._write(own)
        if category == key:
            try:
                self._set_rules(key, [child.id for child in children], by, block=True)
            except GatewayError:
                self._remove_own(own, own.lists[key], by)  # it would apply to some of the children only
                raise
        self._audit(call, by, "list_add", f"{key} {category} {url}")
        return ListId(id=key)

    def remove(self, call: Call[RemoveListRequest]) -> RemovedList:
        """Delete a list of the family's own, or switch off a published one; delete its downloaded copy.

        Its entries stay in the category table until that is built again. Raises ControlError for an unknown
        list, and ListError if the file of lists or the copy cannot be changed.
        """
        by, own = self._access.guardian(call), self._own()
        listed = own.lists.get(call.args.id) or self._published_list(call.args.id)
        book = CopyIndex(Path(self._home.rules.household.config.state) / SHELF)
        if listed.id in own.lists:
            self._remove_own(own, listed, by)
        else:
            self._write(own.switched(listed, on=False))
        try:
            book.path(listed.id).unlink(missing_ok=True)
        except OSError as error:
            msg = f"{listed.id}: its copy cannot be taken away ({error.strerror})"
            raise ListError(msg) from error
        self._audit(call, by, "list_remove", f"{listed.id} {listed.url}")
        return RemovedList(id=listed.id, name=listed.name, url=listed.url, category=listed.category)

    def _remove_own(self, own: OwnLists, listed: PublishedList, by: str) -> None:
        """Remove a list of the family's own from its file, and the rules that name it from the children's."""
        self._write(own.without_list(listed.id))
        if listed.category == listed.id:
            self._set_rules(listed.id, self._people_of(listed), by, block=False)

    def _people_of(self, listed: PublishedList) -> tuple[str, ...]:
        """Return the ids of people with rules that name a list that is a category of its own; else ()."""
        if listed.category != listed.id:
            return ()
        people = self._home.rules.household.profiles.values()
        return tuple(person.id for person in people if listed.id in named_own_lists(person.rules))

    def _set_rules(self, key: str, people: Iterable[str], by: str, *, block: bool) -> None:
        """Block the category ``key`` of an own list for ``people``; with ``block`` False, remove such rules.

        Then read the rules again, since the category now exists or is gone.
        """
        author, profiles = Author(by, self._home.local_now()), self._home.rules.household.profiles
        for person in people:
            changes: dict[str, object] = (
                {f"categories/{key}": "block"}
                if block
                else dict.fromkeys(_keys_that_name(profiles[person].rules, key))
            )
            self._editing.edit(person, changes, author)
        self._home.rules.adopt(self._home.rules.with_files({}))  # the list is a category from now on, or not

    def _published_list(self, key: str) -> PublishedList:
        listed = self._catalogue().get(key)
        if listed is None:
            raise ControlError.of(Code.NO_LIST)
        return listed

    def update(self, call: Call[UpdateListsRequest]) -> ListUpdate:
        """Start an update of the lists now, unless one runs. Return its progress.

        It runs in another process; `lists` events report its progress. Raises MissingPackageError without the
        package for updates, and ControlError if no process can start.
        """
        by = self._access.guardian(call)
        require(LIST_UPDATES, "list updates")
        if self.start(force=call.args.force):
            self._audit(call, by, "list_update", "")
        return self._updates.runner.state()

    def start(self, *, force: bool = False) -> bool:
        """Start an update of the lists, unless one runs. Return whether it started.

        ``force`` also fetches fresh lists. Raises ControlError if no process can start.
        """
        try:
            return self._updates.runner.start(force=force)
        except OSError as error:
            msg = f"list_update: no program can be started: {error.strerror or error}"
            raise ControlError(msg) from None

    # ------------------------------------------------------------------------------------ wrong entries

    def report(self, call: Call[ReportEntryRequest]) -> ReportedEntry:
        """Record that a list's entry for a site is wrong, and allow it for the children in ``open``.

        Nothing is sent. Raises ControlError if the site is on no list, on a state's register, or
        blocked for everyone, and if allowing it for a child needs a confirmation and ``confirmed``
        is not set; PolicyError for text that is no host; GatewayError if a file cannot be changed: then
        nothing is recorded or allowed.
        """
        by = self._access.guardian(call)
        found = self._look(call.args.host)
        host, matches = found.host, found.matches
        if found.refused_for_everyone:
            raise ControlError.of(Code.FOR_EVERYONE, host=host)
        if not matches or nets.address(host.partition("/")[0]) is not None:
            raise ControlError.of(Code.NOT_LISTED, host=host)
        kinds = [kind for kind in matches[0].categories if not is_register(kind)]
        if not kinds:
            raise ControlError.of(Code.ON_REGISTER, host=host)
        entry, category = matches[0].name, kinds[0]
        children = self._children(call.args.open)
        if not call.args.confirmed:
            for child in children:
                check_confirmed(entry, host, child, self._home.rules.world, self._home.rules.names)
        author, edits = Author(by, self._home.local_now()), dict[str, CompletedEdit]()
        try:
            for child in children:
                edits[child.id] = self._editing.edit(child.id, {f"allow/{entry}": True}, author)
            self._write(self._own().with_wrong(WrongEntry(entry, category, by, author.at.date())))
        except GatewayError:
            self._undo(edits, author)
            raise
        opened = tuple(child.id for child in children)
        self._audit(call, by, "list_report", " ".join((entry, category, *opened)))
        problems = tuple(self._home_problems()) if opened else ()
        return ReportedEntry(host=entry, opened=opened, problems=problems)

    def _undo(self, edits: Mapping[str, CompletedEdit], author: Author) -> None:
        """Undo edits of rule files, by profile id. A file that has changed since then stays as it is."""
        for child, edit in edits.items():
            if edit.found != edit.revision:
                with suppress(GatewayError):
                    self._editing.undo_edit(child, edit.found, author, edit.revision)

    def _children(self, ids: Iterable[str]) -> list[Profile]:
        """Return the children with these ids, in that order.

        Raises ControlError for an id that is no child's.
        """
        wanted = dict.fromkeys(ids)
        known = {child.id: child for child in self._home.rules.household.children}
        if not known.keys() >= wanted.keys():
            raise ControlError.of(Code.NO_PROFILE)
        return [known[child_id] for child_id in wanted]

    def unreport(self, call: Call[WithdrawReportRequest]) -> WithdrawnReport:
        by, host = self._access.guardian(call), call.args.host
        self._write(self._own().without_wrong(host))
        self._audit(call, by, "list_unreport", host)
        return WithdrawnReport(host=host)

    # ------------------------------------------------------------------------------------ the file

    def _own(self) -> OwnLists:
        """Return the family's own lists and its choices of published ones, from the family's file of lists.

        Raises PolicyError if the file cannot be used; it may be edited by hand.
        """
        return read_own(lists_file(self._home.rules.path), self._home.rules.world.categories)

    def _write(self, own: OwnLists) -> None:
        write_own(lists_file(self._home.rules.path), own)
        self._publish("changed")

    def _publish(self, what: str, **values: object) -> None:
        self._home.publish("lists", what=what, **values)

    def _audit(self, request: ControlRequest, by: str, what: str, detail: str) -> None:
        now, origin = self._home.local_now(), request.text("origin", "")
        self._record(what, detail, by=by, at=now, origin=origin)


def _keys_that_name(rules: Rules, category: str) -> Iterator[str]:
    """Yield the keys of a rule file that name a category, such as ``limits/category:games``."""
    if category in rules.categories:
        yield f"categories/{category}"
    target = f"category:{category}"
    lists = {"allow": rules.allow, "block": rules.block, "homework": rules.homework}
    for head, entries in lists.items():
        if any(str(entry) == target for entry in entries):
            yield f"{head}/{target}"
    for head, targets in {"limits": rules.limits, "windows": rules.windows}.items():
        if target in targets:
            yield f"{head}/{target}"
