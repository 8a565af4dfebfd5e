"""The first run: form rows for the people of a family, and the changes that they cause."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from gateway.control.contract.devices import DeviceOwner, ListedDevice
from gateway.control.contract.lists import ListSource
from webui.features.devices.device_text import (
    CHILDREN,
    GUEST,
    HOME,
    QUARANTINE,
    is_new,
)
from webui.features.status.home_text import ChildView
from webui.rules.steps import TYPED, NoMonthError, typed_month

PROPOSED = "qalqan-proposed"  # key of the FirstRunProposal in the application's extensions
STEPS = ("start", "people", "devices", "password", "summary")  # endpoints of the blueprint setup, in order
ROWS = 4  # least form rows
MOST_ROWS = 24  # people of one form
NAME_LIMIT = 60  # characters; the same as on the page of a child's rules
ID_LIMIT = 40  # characters
ADULT = "adult"
NEW_DEVICE_CHOICES = (GUEST, QUARANTINE, HOME)  # choices for unknown devices


@dataclass(frozen=True, slots=True)
class ExistingPerson:
    """A person who already has rules or devices in this home."""

    id: str
    name: str
    band: str  # age group
    step: str = ""  # month of the next age group, as YYYY-MM; empty: none


@dataclass(frozen=True, slots=True)
class PersonRow:
    """A row of the first run's form: a person as the user typed it, and the problem with it."""

    name: str = ""
    band: str = ""
    id: str = ""  # of an existing person
    step: str = ""  # month of the next age group: as typed, then as the file has it
    problem: str = ""
    wrong: str = ""  # the field with the problem: name, band or step
    shown: ExistingPerson | None = None  # an existing person as the form showed it


def known_people(people: Iterable[DeviceOwner], children: Iterable[ChildView]) -> tuple[ExistingPerson, ...]:
    """Return the existing people, children first. A person who is not among the children is an adult."""
    of = {child.id: child for child in children}
    found = (
        ExistingPerson(person.id, person.name, of[person.id].band, of[person.id].status.next_step or "")
        if person.id in of
        else ExistingPerson(person.id, person.name, ADULT)
        for person in people
    )
    return tuple(sorted(found, key=lambda person: person.band == ADULT))


def same_name(name: str, other: str) -> bool:
    return " ".join(name.split()).casefold() == " ".join(other.split()).casefold()


def rows_of(
    people: Sequence[ExistingPerson], guardian: str, proposed: Sequence[str] = ()
) -> tuple[PersonRow, ...]:
    """Return a form row of the first run for each existing person, followed by empty rows.

    There are ROWS rows, or more if needed for one empty row. In a home without people the first row is the
    parent (``guardian``), and the next have the age groups in ``proposed``.
    """
    found = [PersonRow(person.name, person.band, person.id, person.step, shown=person) for person in people]
    if not found:
        found = [PersonRow(guardian, ADULT), *(PersonRow(band=name) for name in proposed)]
    room = max(ROWS - len(found), 1)
    return (*found, *(PersonRow() for _ in range(room)))


def read_rows(form: Mapping[str, str], bands: Iterable[str]) -> tuple[PersonRow, ...]:
    """Return the rows for people of the sent form, without empty ones. An unknown age group becomes empty.

    ``bands``: the known age groups. At most MOST_ROWS rows are read, and a name is cut at NAME_LIMIT
    characters.
    """
    allowed, found = set(bands), []
    for number in range(MOST_ROWS):
        name = _name(form, f"name-{number}")
        band, who = form.get(f"band-{number}", ""), form.get(f"id-{number}", "")[:ID_LIMIT]
        if name or who:
            step = "" if band == ADULT else form.get(f"step-{number}", "")[:TYPED]
            shown = _shown(form, number, who) if who else None
            found.append(PersonRow(name, band if band in allowed else "", who, step, shown=shown))
    return tuple(found)


def _name(form: Mapping[str, str], key: str) -> str:
    return " ".join(form.get(key, "").split())[:NAME_LIMIT]


def _shown(form: Mapping[str, str], number: int, who: str) -> ExistingPerson | None:
    """Return the person of a row as the form showed it, from hidden fields; None without them."""
    if f"was-band-{number}" not in form:
        return None
    band, step = form[f"was-band-{number}"], form.get(f"was-step-{number}", "")[:TYPED]
    return ExistingPerson(who, _name(form, f"was-name-{number}"), band, step)


def checked(
    rows: Iterable[PersonRow], problems: Mapping[str, str], today: date, kept: Container[str] = ()
) -> tuple[PersonRow, ...]:
    """Return the rows of the form, with a problem set in invalid ones and the month in its normal form.

    The first problem of a row is in ``problem``, its field in ``wrong``. ``problems``: messages for `name`,
    `band` and `twice`. ``today``: months before it or more than 18 years later are invalid.
    ``kept``: months in existing files, which are accepted.
    """
    found: list[PersonRow] = []
    for row in rows:
        if not row.name or not row.name.isprintable():
            row = replace(row, problem=problems["name"], wrong="name")
        elif not row.band:
            row = replace(row, problem=problems["band"], wrong="band")
        elif any(same_name(row.name, other.name) for other in found):
            row = replace(row, problem=problems["twice"], wrong="name")
        else:
            is_same = row.shown is not None and row.step == row.shown.step
            row = row if is_same or row.step in kept else _with_month(row, today)
        found.append(row)
    return tuple(found)


def _with_month(row: PersonRow, today: date) -> PersonRow:
    try:
        return replace(row, step=typed_month(row.step, today))
    except NoMonthError as error:
        return replace(row, problem=str(error), wrong="step")


def changed(row: PersonRow, who: ExistingPerson) -> dict[str, str | None]:
    """Return the values that a form row changes in a person's file, by key; None removes a value.

    ``who``: the person as stored now.
    A value that is as the form showed it is not changed: another parent may have changed it since.
    If the age group changes, the month of the next age group is written again, because the daemon
    would remove it.
    """
    shown = row.shown or who
    name = who.name if row.name == shown.name else row.name
    band = who.band if row.band == shown.band else row.band
    step = who.step if row.step == shown.step else row.step
    found: dict[str, str | None] = {}
    if name != who.name:
        found["name"] = name
    if band != who.band:
        found["band"] = band
    if step != who.step or (step and "band" in found):
        found["next_step"] = step or None
    return found


def who_is(row: PersonRow, people: Iterable[ExistingPerson]) -> ExistingPerson | None:
    """Return the existing person that a form row is about, by id or else by name; None for a new person.

    Names are compared so that a form that is sent twice creates no duplicate.
    """
    known = tuple(people)
    found = next((person for person in known if row.id and person.id == row.id), None)
    return found or next((person for person in known if same_name(person.name, row.name)), None)


def sharers(people: Iterable[ExistingPerson]) -> tuple[ExistingPerson, ...]:
    """Return the people who use a device of the whole family.

    They are all children, or everyone if there is only one child. Empty without a child, or with one person
    only.
    """
    known = tuple(people)
    children = tuple(person for person in known if person.band != ADULT)
    found = children if len(children) > 1 else known
    return found if children and len(found) > 1 else ()


def chosen(device: ListedDevice, here: str, people: Iterable[ExistingPerson], guardian: str) -> str:
    """Return the owner that the form preselects for a device: its current one; empty for a new device.

    The requesting device (its MAC address is ``here``), if it has no owner of its own, gets the
    parent's profile (by the name ``guardian``); without one ``adult``, if its user must be chosen.
    Another device, if its user must be chosen and there are children, gets `CHILDREN` (the people of
    `sharers`); an only child, if there are no sharers.
    """
    known = tuple(people)
    mine = next(
        (person.id for person in known if person.band == ADULT and same_name(person.name, guardian)), ""
    )
    children = [person.id for person in known if person.band != ADULT]
    if device.mac == here and device.profile in (HOME, GUEST, QUARANTINE) and (mine or device.undecided):
        return mine or ADULT
    if device.waits_for_owner and children:
        return CHILDREN if sharers(known) else children[0]
    return "" if is_new(device) else device.profile


def wanted_lists(sources: Iterable[ListSource], proposed: Iterable[str]) -> tuple[ListSource, ...]:
    """Return those of the proposed lists that are off. ``proposed``: ids of lists, or of categories.

    A category means its lists that are on by default, or else its smallest list. The family's own lists are
    left out.
    """
    published = [source for source in sources if not source.own]
    found: dict[str, ListSource] = {}
    for word in proposed:
        of_kind = [source for source in published if source.category == word]
        meant = [source for source in published if source.id == word] or [
            source for source in of_kind if source.default
        ]
        for source in meant or sorted(of_kind, key=lambda source: source.about)[:1]:
            found[source.id] = source
    return tuple(source for source in found.values() if not source.on)


def placed(pairs: Iterable[tuple[str, str]], limit: int) -> str:
    """Return the value of the undo form's field: each device's MAC address with its former owner.

    Empty without devices, if it is longer than ``limit`` characters, or if a device had no owner before:
    there is then no undo.
    """
    found = tuple(pairs)
    text = " ".join(f"{mac} {was}" for mac, was in found)
    ours = all(was and was != QUARANTINE for _, was in found)
    return text if found and ours and len(text) <= limit else ""
