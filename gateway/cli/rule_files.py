"""The family and its rules as files have them: what `why`, `replay` and `profile` need no daemon for."""

from __future__ import annotations

import socket
from argparse import Namespace
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from gateway.cli.sealed_questions import SealedAsked
from gateway.cli.settings import config_path, read_config
from gateway.core.errors import PolicyError
from gateway.household import loading as household
from gateway.household.config_file import is_there
from gateway.household.loading import Product
from gateway.lan.neighbours import read_neighbours
from gateway.lists.table import open_table
from gateway.policy.config.config import QUARANTINE, Config
from gateway.policy.config.registers import in_force
from gateway.policy.identity.macs import parse_mac
from gateway.policy.judge.world import World
from gateway.policy.names.domain_table import DomainTable
from gateway.policy.profile.household import Household
from gateway.policy.profile.profile import GUEST, HOME, Profile
from gateway.policy.time.schedule import Calendar
from gateway.policy.time.situation import PLAIN, Situation
from gateway.policy.yaml.documents import shown
from gateway.policy.yaml.fields import suggestion

FILE_ENDINGS = (".yaml", ".yml")


@dataclass(frozen=True, slots=True, eq=False)
class Home:
    """A household with the product's data."""

    product: Product
    household: Household

    @property
    def config(self) -> Config:
        return self.household.config

    @property
    def calendar(self) -> Calendar:
        return self.product.calendar(self.config)

    def profile(self, who: str) -> Profile:
        """By id or name. Raises PolicyError: the file's own, or with what may have been meant."""
        found = self.household.find(who)
        if found is not None:
            return found
        for file, error in self.household.problems.items():
            if Path(file).stem.casefold() == who.casefold():
                raise error
        known = _names(self.household.profiles.values())
        mend = suggestion(who, known) if known else "there is none yet: write one file a child"
        raise PolicyError(shown(who), "there is no such profile", mend)

    def whose(self, who: str) -> Profile:
        """By id, name or the MAC of a device."""
        mac = parse_mac(who)
        return self.profile(who) if mac is None else self.owner(mac)[0]

    def owner(self, mac: str) -> tuple[Profile, Situation]:
        """Whose rules hold for a device by the files alone."""
        found = self.household.owner_of(mac)
        if found is not None:
            return found, PLAIN
        unknown = self.config.unknown_device_on(_interface_of(mac) if self.config.interfaces else None)
        if unknown == QUARANTINE:
            return self.household.guest, replace(PLAIN, quarantined=True)
        return self.profile(unknown), PLAIN


@dataclass(frozen=True, slots=True, eq=False)
class Rules:
    """Everything that a judge of one profile is made of."""

    product: Product
    config: Config
    profile: Profile
    situation: Situation
    table: DomainTable
    problems: tuple[PolicyError, ...] = ()  # of files that would have had a say in it

    @property
    def calendar(self) -> Calendar:
        return self.product.calendar(self.config)

    @property
    def world(self) -> World:
        world = self.product.world(self.config.languages, self.config.web.https)
        return replace(
            world,
            table=self.table,
            sealed=SealedAsked(self.config),
            registers=in_force(self.config.registers),
        )


def read_home(args: Namespace) -> Home:
    """Raises PolicyError for a configuration that cannot be used."""
    product = household.load_product()
    return Home(product, household.load(config_path(args), product))


def rules_of_profile(args: Namespace, who: str) -> Rules:
    """Of a profile's id or name, or of the file at a path, for which no household need be there."""
    file = Path(who)
    if is_file(who) and file.exists():
        product = household.load_product()
        config = config_if_there(args)
        profile = household.load_profile(file, product)
        return Rules(product, config, profile, PLAIN, open_table(Path(config.state)))
    if is_file(who) and not is_there(config_path(args)):
        raise PolicyError(who, "is not there", "give the path of a profile's file, or its id")
    home = read_home(args)
    if is_file(who) and home.household.find(who) is None:
        raise PolicyError(who, "is not there", "give the path of a profile's file, or its id")
    return Rules(home.product, home.config, home.profile(who), PLAIN, open_table(Path(home.config.state)))


def rules_of_device(args: Namespace, device: str) -> Rules:
    """Raises PolicyError for what is no MAC."""
    home = read_home(args)
    mac = mac_of(device)
    profile, situation = home.owner(mac)
    broken = home.household.problem_of(mac)
    problems = () if broken is None else (broken,)
    return Rules(home.product, home.config, profile, situation, open_table(Path(home.config.state)), problems)


def mac_of(device: str) -> str:
    mac = parse_mac(device)
    if mac is None:
        where, mend = "--device", "write it like 02:00:00:00:00:0a"
        raise PolicyError(where, f"{shown(device)} is not a MAC address", mend)
    return mac


def is_file(who: str) -> bool:
    """Whether ``who`` is written like a path."""
    return "/" in who or who.endswith(FILE_ENDINGS)


def config_if_there(args: Namespace) -> Config:
    """A file that is named must be there; the usual one may be missing."""
    path = config_path(args)
    return read_config(path) if args.config is not None or is_there(path) else Config()


def _interface_of(mac: str) -> str | None:
    """On which interface of this machine a device is now, where it is."""
    try:
        seen = [one for one in read_neighbours() if one.mac == mac]
        return socket.if_indextoname(max(seen, key=lambda one: one.online).ifindex) if seen else None
    except OSError:
        return None


def _names(profiles: Iterable[Profile]) -> list[str]:
    """Ids, and names that differ from them; `guest` and `home` are there as well."""
    known = dict.fromkeys(name for one in profiles for name in (one.id, one.name))
    return [*known, GUEST, HOME] if known else []
