"""The family of three files, without a daemon around it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from gateway.household.members import EVERYONE, Family, Member
from gateway.household.rule_book import RuleBook
from gateway.path.addresses import AddressBook, NameBook, ServiceBook
from gateway.policy.identity.questions import Ask, IdentityQuestion
from gateway.policy.values import Observation, Proto, Reason
from gateway.store.store import Store
from tests.household.household_files import DAUGHTER, MUM, SON, Rules, write

NOON = datetime(2026, 11, 25, 7, tzinfo=UTC)  # noon in Almaty, a school day
TABLET, PHONE, MUMS, STRANGER = (f"02:00:00:00:00:{tail}" for tail in ("0a", "0b", "0c", "99"))


class Home:
    examined: set[str] | None = None  # None: devices that have just come are not told from others

    def __init__(
        self, folder: Path, daughter: Rules = DAUGHTER, son: Rules = SON, **settings: object
    ) -> None:
        path = write(folder, {"daughter": daughter, "son": son, "mum": MUM}, **settings)
        self.rules = RuleBook(path)
        self.store = Store(folder / "state" / "q.db")
        self.book, self.names = AddressBook(), NameBook()
        self.where: dict[str, str] = {}
        self.family = Family(
            self.store,
            self.book,
            ServiceBook(lambda _: (), lambda: 0.0),
            lambda: 0.0,
            self.store.class_number,
            names=self.names,
            interface_of=lambda mac: self.where.get(mac),
            examined=self.examined,
        )
        self.rebuild()

    def rebuild(self) -> None:
        self.family.rebuild(self.rules.household, self.rules.world, self.rules.calendar, NOON)
        self.family.situate(NOON)

    def reason(self, mac: str, host: str, at: datetime = NOON) -> Reason:
        member = self.family.member_of(mac)
        slot = EVERYONE if member is None else member.slot
        return self.family.subjects[slot].decide(Observation(Proto.DNS, host), at).reason


class Examining(Home):
    """A home that tells who has just come."""

    def __init__(
        self, folder: Path, daughter: Rules = DAUGHTER, son: Rules = SON, **settings: object
    ) -> None:
        self.examined: set[str] = set()
        super().__init__(folder, daughter, son, **settings)


def asked_about(home: Home, profile: str, known: str) -> Member:
    """The stranger, who may be a known device by another address."""
    question = IdentityQuestion(STRANGER, Ask.AGAIN, NOON, profile=profile, known=known)
    home.store.questions.put(question, lambda _: None, NOON)
    home.rebuild()
    member = home.family.member_of(STRANGER)
    assert member is not None
    assert member.beside is not None
    return member


def built(tmp_path: Path) -> Iterator[Home]:
    built = Home(tmp_path)
    yield built
    built.store.close()
