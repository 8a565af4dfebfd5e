"""Reads the household and its rules from files, for commands that work without a daemon, such as `why`.

Only the daemon reads sealed lists. If it runs, `why`, `replay` and `lists lookup` ask it whether a name is in
one.
"""

from __future__ import annotations

import socket
from argparse import Namespace
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from gateway.cli.settings import config_in_use, config_path, control_socket, read_config
from gateway.control.client import Client
from gateway.control.contract.lists import LIST_LOOKUP
from gateway.core.errors import ControlError, PolicyError
from gateway.core.reason_codes import Code
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
from gateway.policy.profile.profile import Profile
from gateway.policy.profile.rules import GUEST, HOME
from gateway.policy.time.schedule import Calendar
from gateway.policy.time.time_rules import PLAIN, Situation
from gateway.policy.yaml.fields import shown, suggestion

FILE_ENDINGS = (".yaml", ".yml")

SEALED_PATIENCE = 1.0  # seconds for the daemon's answer


@dataclass(frozen=True, slots=True, eq=False)
class HomeFiles:
    """The household as its files describe it, and the data that the package or the feed provides."""

    product: Product
    household: Household

    @property
    def config(self) -> Config:
        return self.household.config

    @property
    def calendar(self) -> Calendar:
        return self.product.calendar(self.config)

    def profile(self, who: str) -> Profile:
        """Return a profile (the rules of one child, of guests or of the home) by its id or name.

        Raises PolicyError: that of the profile's unusable file, or one that suggests a known name.
        """
        found = self.household.find(who)
        if found is not None:
            return found
        for file, error in self.household.problems.items():
            if Path(file).stem.casefold() == who.casefold():
                raise error
        known = _names(self.household.profiles.values())
        fix = suggestion(who, known) if known else "there is none yet: write one file for each child"
        raise PolicyError(shown(who), "there is no such profile", fix)

    def profile_or_owner(self, who: str) -> Profile:
        """Return a profile by id or name, or the one that applies to the device with this MAC address.

        Raises PolicyError.
        """
        mac = parse_mac(who)
        return self.profile(who) if mac is None else self.owner(mac)[0]

    def owner(self, mac: str) -> tuple[Profile, Situation]:
        """Return the profile that applies to a device by the files, and its situation.

        The situation has no pauses, extra time or used minutes: these are not in the files. An unknown
        device gets the rules that the configuration sets for it. With ``quarantine`` it gets those
        of a guest, and the situation is marked as quarantined. Raises PolicyError if the configuration names
        a profile that does not exist.
        """
        found = self.household.owner_of(mac)
        if found is not None:
            return found, PLAIN
        unknown = self.config.unknown_device_on(_interface_of(mac) if self.config.interfaces else None)
        if unknown == QUARANTINE:
            return self.household.guest, replace(PLAIN, quarantined=True)
        return self.profile(unknown), PLAIN


@dataclass(frozen=True, slots=True, eq=False)
class JudgeInputs:
    """All that decisions for one profile depend on: its rules, the configuration, data and lists."""

    product: Product
    config: Config
    profile: Profile
    situation: Situation
    table: DomainTable
    problems: tuple[PolicyError, ...] = ()  # why the profile is not that of the device's owner

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


def read_home(args: Namespace) -> HomeFiles:
    """Return the household, read from its files. Raises PolicyError for an unusable configuration.

    An unusable profile is left out, one with an unusable calendar is not. ``household.problems`` has the
    errors of both.
    """
    path = config_path(args)
    product, _ = household.product_in_use(read_config(path))
    found = household.load(path, product)
    return HomeFiles(product.with_own(found.config), found)


def rules_of_profile(args: Namespace, who: str) -> JudgeInputs:
    """Return what is needed to decide by the rules of a profile.

    ``who``: its id, name, or the path of its file. A path works without `qalqan.yaml`. Raises PolicyError if
    the profile or the configuration does not exist or is unusable.
    """
    file = Path(who)
    if is_file(who) and file.exists():
        config = config_if_there(args)
        product, _ = household.product_in_use(config)
        if args.config is not None or is_there(config_path(args)):
            product = product.with_own(household.load_config(config_path(args), product))
        profile = household.load_profile(file, product)
        return JudgeInputs(product, config, profile, PLAIN, open_table(Path(config.state)))
    if is_file(who) and not is_there(config_path(args)):
        raise PolicyError(who, "does not exist", "give the path of a profile's file, or its id")
    home = read_home(args)
    if is_file(who) and home.household.find(who) is None:
        raise PolicyError(who, "does not exist", "give the path of a profile's file, or its id")
    return JudgeInputs(
        home.product, home.config, home.profile(who), PLAIN, open_table(Path(home.config.state))
    )


def rules_of_device(args: Namespace, device: str) -> JudgeInputs:
    """Return what is needed to decide by the rules for a device. ``device``: its MAC address.

    If the file of an owner is unusable or missing, ``problems`` has the error. Raises PolicyError if
    ``device`` is not a MAC address, or the configuration is unusable.
    """
    home = read_home(args)
    mac = mac_of(device)
    profile, situation = home.owner(mac)
    broken = home.household.problem_of(mac)
    problems = () if broken is None else (broken,)
    return JudgeInputs(
        home.product, home.config, profile, situation, open_table(Path(home.config.state)), problems
    )


def mac_of(device: str) -> str:
    mac = parse_mac(device)
    if mac is None:
        where, fix = "--device", "write it like 02:00:00:00:00:0a"
        raise PolicyError(where, f"{shown(device)} is not a MAC address", fix)
    return mac


def is_file(who: str) -> bool:
    """Return whether ``who`` looks like the path of a profile's file. The file may be missing.

    Such a path has a slash, or ends with .yaml or .yml.
    """
    return "/" in who or who.endswith(FILE_ENDINGS)


def config_if_there(args: Namespace) -> Config:
    """Return the configuration in use; the defaults without ``--config`` and without settings of the gateway.

    If the file is unusable, return the last good configuration. Raises PolicyError if there is none.
    """
    path = config_path(args)
    return config_in_use(path) if args.config is not None or is_there(path) else Config()


def _interface_of(mac: str) -> str | None:
    """Return the interface of a device in the kernel's neighbour table, if possible one where it is online.

    ``mac``: its address. None if the table does not have it or cannot be read.
    """
    try:
        seen = [neighbour for neighbour in read_neighbours() if neighbour.mac == mac]
        return (
            socket.if_indextoname(max(seen, key=lambda neighbour: neighbour.online).ifindex) if seen else None
        )
    except OSError:
        return None


def _names(profiles: Iterable[Profile]) -> list[str]:
    """Return every word that names a profile, for suggestions: ids, names, ``guest`` and ``home``.

    Empty without profiles.
    """
    known = dict.fromkeys(name for profile in profiles for name in (profile.id, profile.name))
    return [*known, GUEST, HOME] if known else []


class SealedAsked:
    """Asks the daemon whether a host name is on a sealed list, which blocks it for everyone.

    If the daemon does not respond or refuses, no name counts as listed, and the daemon is not asked again. If
    the configuration has no sealed list, the daemon is not asked at all.
    """

    def __init__(self, config: Config) -> None:
        self._client = Client(control_socket(config), SEALED_PATIENCE) if config.sealed else None

    def __call__(self, host: str) -> bool:
        """Return whether ``host`` is on a sealed list. Raises ControlError above the daemon's rate limit."""
        if self._client is None:
            return False
        try:
            return self._client.ask(LIST_LOOKUP, host=host).refused_for_everyone
        except ControlError as error:
            if error.code == Code.ASK_LATER:
                raise
            self._client = None
            return False
