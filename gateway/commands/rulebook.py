"""What `why`, `replay` and `check` need of the family's files: neither daemon nor root."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from zoneinfo import ZoneInfo

from gateway import household
from gateway.errors import PolicyError
from gateway.household import Household, Product
from gateway.lists.table import MappedTable, open_table
from gateway.policy import fields
from gateway.policy.config import Config
from gateway.policy.decide import Judge
from gateway.policy.macs import parse_mac
from gateway.policy.profile import Profile
from gateway.policy.schedule import Calendar
from gateway.policy.sentence import Names
from gateway.policy.world import World


@dataclass(frozen=True, slots=True)
class RuleBook:
    product: Product
    config: Config
    household: Household | None  # None where only a profile's own file was named
    table: MappedTable

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.config.timezone)

    @property
    def calendar(self) -> Calendar:
        return Calendar(self.zone, self.product.holidays(self.config.country))

    @property
    def names(self) -> Names:
        return Names(
            services={one.id: one.name for one in self.product.catalogue.services.values()},
            categories={one.id: one.name["en"] for one in self.product.categories.by_id.values()},
        )

    def judge(self, profile: Profile, safe_address: Callable[[str, bytes], bool] | None = None) -> Judge:
        world: World = replace(self.product.world(self.config.languages), table=self.table.table)
        if safe_address is not None:
            world = replace(world, safe_address=safe_address)
        return Judge(profile, world, self.calendar)

    def profile(self, who: str) -> Profile:
        """By id, name, or as the path of a file. Raises PolicyError with what there is instead."""
        path = Path(who)
        if path.suffix in household.SUFFIXES:
            return household.load_profile(path, self.product)
        if self.household is None:
            raise PolicyError(who, "there is no such profile", "name a profile's file, or give --config")
        found = self.household.find(who)
        if found is None:
            broken = next((e for name, e in self.household.problems.items() if Path(name).stem == who), None)
            if broken is not None:
                raise broken
            known = [*self.household.profiles, "guest", "home"]
            raise PolicyError(who, "there is no such profile", fields.suggestion(who, known))
        return found

    def device(self, mac_text: str) -> Profile:
        """The profile that holds for a device."""
        mac = parse_mac(mac_text)
        if mac is None or self.household is None:
            raise PolicyError(mac_text, "is no device's MAC", "write it like 02:00:00:00:00:0a")
        owner = self.household.owner_of(mac)
        if owner is not None:
            return owner
        unknown = self.household.config.unknown_devices
        return self.household.find(unknown) or self.household.guest


def read(config: Path, who: str | None = None) -> RuleBook:
    """The rules of ``config``; its absence is no matter when ``who`` is a profile's file.

    Raises PolicyError or ListError.
    """
    product = household.load_product()
    if who is not None and Path(who).suffix in household.SUFFIXES and not config.exists():
        plain = Config()
        return RuleBook(product, plain, None, open_table(Path(plain.state)))
    home = household.load(config, product)
    return RuleBook(product, home.config, home, open_table(Path(home.config.state)))
