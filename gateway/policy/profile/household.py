"""A family as its files have it: who is who, whose a device is, and what stands in files that are broken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from gateway.age.bands import youngest
from gateway.core.errors import PolicyError
from gateway.policy.config.config import Config
from gateway.policy.profile import profile
from gateway.policy.profile.bands import Bands
from gateway.policy.profile.guests import guest_profile
from gateway.policy.profile.profile import GUEST, HOME, Profile, home_profile
from gateway.policy.profile.rules import FAMILY, Entry, Kind
from gateway.policy.time.time_text import every_day


@dataclass(frozen=True, slots=True, eq=False)
class Household:
    """A family as its files have it."""

    config: Config
    bands: Bands
    profiles: Mapping[str, Profile]  # by id; those of files
    guest: Profile
    home: Profile
    problems: Mapping[str, PolicyError]  # file name of a profile that cannot be used → why
    doubtful: Mapping[str, str] = field(
        default_factory=dict
    )  # MACs that stand in such a file alone → its name
    absent: Mapping[str, PolicyError] = field(
        default_factory=dict
    )  # whom `qalqan.yaml` names and who has no file any more, in small letters → what comes of it

    def find(self, who: str) -> Profile | None:
        """By id or name, `guest` and `home` included."""
        return {GUEST: self.guest, HOME: self.home}.get(who.casefold()) or profile.find_profile(
            who, self.profiles
        )

    def owner_of(self, mac: str) -> Profile | None:
        """Whose device it is by the files: of a shared one the youngest's; None for one that nobody has.

        Until a file that cannot be used is mended, its devices are guests: never things of the house.
        """
        for one in self.profiles.values():
            if mac in one.devices:
                return self.managed(mac, one)
        people = [self.find(who) for who in self.config.shared.get(mac, ())]
        known = [one for one in people if one is not None]
        if known:
            band = youngest(one.band for one in known)
            one = next(one for one in known if one.band is band)
            # Who is missing may be the one child among adults: the device does not stay open for that.
            if one.filtered or len(known) == len(people):
                return self.managed(mac, one)
        return self.guest if mac in self.doubtful or mac in self.config.shared else None

    def problem_of(self, mac: str) -> PolicyError | None:
        """What is wrong with the file that says whose device this is, where it cannot be used."""
        if mac in self.doubtful:
            return self.problems.get(self.doubtful[mac])
        people = {who.casefold() for who in self.config.shared.get(mac, ())}
        files = (name for name in self.problems if _id_of(name).casefold() in people)
        broken = (self.problems[name] for name in files if self.find(_id_of(name)) is None)
        gone = (self.absent[who] for who in sorted(people & self.absent.keys()))
        return next(broken, None) or next(gone, None)

    def managed(self, mac: str, profile: Profile) -> Profile:
        """``profile`` with the names of a school's or firm's tunnel that stay open for this device."""
        names = self.config.managed.get(mac, ())
        if not names:
            return profile
        own = tuple(Entry(Kind.NAME, name, FAMILY) for name in names)
        return replace(profile, rules=replace(profile.rules, allow=(*profile.rules.allow, *own)))

    def with_profiles(self, profiles: Mapping[str, Profile]) -> Household:
        """These in place of its own."""
        return assembled(self.config, self.bands, profiles, self.problems, self.doubtful, self.absent)

    @property
    def visitor(self) -> Profile:
        """A guest whom a guardian called a visitor: the family's night does not close it."""
        rules = replace(self.guest.rules, bedtime=every_day(None))
        return replace(self.guest, name="Visitor", rules=rules)

    @property
    def named(self) -> frozenset[str]:
        """Every device that the files name, whatever they say of it."""
        of_people = (mac for one in self.profiles.values() for mac in one.devices)
        return frozenset((*of_people, *self.config.shared, *self.doubtful))

    @property
    def inhabited(self) -> bool:
        """Whether a file says that somebody lives here, be it one that is broken or gone."""
        return bool(self.profiles or self.problems or self.absent)

    @property
    def unclaimed(self) -> Household:
        """While nobody has claimed the gateway: whatever the settings say, nobody here is a stranger."""
        return replace(self, config=replace(self.config, unknown_devices=HOME, interfaces={}))

    @property
    def children(self) -> tuple[Profile, ...]:
        """Whom `all` means."""
        return tuple(one for one in self.profiles.values() if one.is_child)


def _id_of(file: str) -> str:
    return file.rpartition(".")[0]


def keep_last_good(new: Household, old: Household) -> Household:
    """``new``, with the last good version of each profile whose file is broken now. The problems stay."""
    profiles = dict(new.profiles)
    for name in new.problems:
        last = old.profiles.get(_id_of(name))
        if last is None or last.id in profiles:
            continue
        taken = {mac for one in profiles.values() for mac in one.devices}
        profiles[last.id] = replace(last, devices=tuple(mac for mac in last.devices if mac not in taken))
    return assembled(new.config, new.bands, profiles, new.problems, new.doubtful, new.absent)


def assembled(
    read: Config,
    known: Bands,
    profiles: Mapping[str, Profile],
    problems: Mapping[str, PolicyError],
    doubtful: Mapping[str, str],
    absent: Mapping[str, PolicyError] | None = None,
) -> Household:
    owned = {mac for one in profiles.values() for mac in one.devices}
    return Household(
        config=read,
        bands=known,
        profiles=profiles,
        guest=guest_profile(profiles.values(), known),
        home=home_profile(known),
        problems=problems,
        doubtful={mac: file for mac, file in doubtful.items() if mac not in owned},
        absent=absent or {},
    )
