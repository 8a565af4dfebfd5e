"""A family as its files describe it: profiles, settings, owners of devices, and errors in the files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from gateway.age.bands import youngest
from gateway.core.errors import PolicyError
from gateway.core.reason_codes import Code
from gateway.policy.config.config import Config
from gateway.policy.profile.bands import Bands
from gateway.policy.profile.profile import Profile, guest_profile, home_profile
from gateway.policy.profile.rules import FAMILY, GUEST, HOME, EntryKind, RuleEntry
from gateway.policy.time.time_text import every_day


@dataclass(frozen=True, slots=True, eq=False)
class Household:
    """A family as its files describe it: settings, profiles, and the files that have errors."""

    config: Config
    bands: Bands
    profiles: Mapping[str, Profile]  # by id; those with files
    guest: Profile
    home: Profile
    problems: Mapping[str, PolicyError]  # file name of an unusable profile → the error
    doubtful: Mapping[str, str] = field(
        default_factory=dict
    )  # MAC that only an unusable file names → the file's name
    absent: Mapping[str, PolicyError] = field(
        default_factory=dict
    )  # person in `qalqan.yaml` without a file, in lower case → the error

    def with_problem(self, line: str) -> Household:
        return replace(self, config=self.config.with_problem(line))

    def find(self, who: str) -> Profile | None:
        """Return a profile by id or name (any case), also `guest` and `home`; None if there is none."""
        wanted = who.casefold()
        found = {GUEST: self.guest, HOME: self.home}.get(wanted) or self.profiles.get(who)
        if found is not None:
            return found
        people = self.profiles.values()
        return next((p for p in people if wanted in (p.name.casefold(), p.id.casefold())), None)

    def profile(self, who: str) -> Profile:
        """Return a profile by its id or name, ignoring case, also `guest` and `home`.

        Raises:
            PolicyError: there is none; it lists the existing profiles.
        """
        found = self.find(who)
        if found is None:
            known = ", ".join(sorted(self.profiles)) or "none"
            error = PolicyError(who, "there is no such profile or device", f"known profiles: {known}")
            raise error.coded(Code.NO_PROFILE)
        return found

    def owner_of(self, mac: str) -> Profile | None:
        """Return the profile of a device by the files; for a shared one that of its youngest user.

        None: no file names the device. It is the guest profile if only an unusable file names it,
        or if users of a shared one have no usable file and the youngest other user is not filtered, or
        there is none.
        """
        for person in self.profiles.values():
            if mac in person.devices:
                return self.managed(mac, person)
        people = [self.find(who) for who in self.config.shared.get(mac, ())]
        known = [person for person in people if person is not None]
        if known:
            band = youngest(person.band for person in known)
            owner = next(person for person in known if person.band is band)
            # A missing person may be the only child among adults: the device then does not stay open.
            if owner.filtered or len(known) == len(people):
                return self.managed(mac, owner)
        return self.guest if mac in self.doubtful or mac in self.config.shared else None

    def problem_of(self, mac: str) -> PolicyError | None:
        """Return the file error because of which a device lacks its owner's rules; None if there is none."""
        if mac in self.doubtful:
            return self.problems.get(self.doubtful[mac])
        people = {who.casefold() for who in self.config.shared.get(mac, ())}
        files = (name for name in self.problems if _id_of(name).casefold() in people)
        broken = (self.problems[name] for name in files if self.find(_id_of(name)) is None)
        gone = (self.absent[who] for who in sorted(people & self.absent.keys()))
        return next(broken, None) or next(gone, None)

    def managed(self, mac: str, profile: Profile) -> Profile:
        """Return ``profile`` with allow entries for the names under `managed` of this device in qalqan.yaml.

        These are the tunnels of a school or company.
        """
        names = self.config.managed.get(mac, ())
        if not names:
            return profile
        own = tuple(RuleEntry(EntryKind.NAME, name, FAMILY) for name in names)
        return replace(profile, rules=replace(profile.rules, allow=(*profile.rules.allow, *own)))

    def with_profiles(self, profiles: Mapping[str, Profile]) -> Household:
        """Return a copy of the household with other profiles; guest and home profiles are derived again."""
        return assembled(self.config, self.bands, profiles, self.problems, self.doubtful, self.absent)

    @property
    def adult_guest(self) -> Profile:
        """The profile of an adult guest whom a guardian accepted: the guest profile without bedtime."""
        rules = replace(self.guest.rules, bedtime=every_day(None))
        return replace(self.guest, name="Adult guest", rules=rules)

    @property
    def named(self) -> frozenset[str]:
        """MAC addresses of all devices that a file names, even one that cannot be used."""
        of_people = (mac for person in self.profiles.values() for mac in person.devices)
        return frozenset((*of_people, *self.config.shared, *self.doubtful))

    @property
    def inhabited(self) -> bool:
        """True if the files name any person, even if that person's file is broken or missing."""
        return bool(self.profiles or self.problems or self.absent)

    @property
    def has_children(self) -> bool:
        """True if the files name a child, or a person whose file is broken or missing."""
        return bool(self.children or self.problems or self.absent)

    @property
    def filters(self) -> bool:
        """True if the files name a person with rules, or a person whose file is broken or missing."""
        people = self.profiles.values()
        return any(person.filtered for person in people) or bool(self.problems or self.absent)

    @property
    def unclaimed(self) -> Household:
        """A copy of the household for the time before the first sign-in: unknown devices are unfiltered."""
        return replace(self, config=replace(self.config, unknown_devices=HOME, interfaces={}))

    @property
    def children(self) -> tuple[Profile, ...]:
        """The children's profiles: those that the word `all` in commands means."""
        return tuple(person for person in self.profiles.values() if person.is_child)


def _id_of(file: str) -> str:
    return file.rpartition(".")[0]


def keep_last_good(new: Household, old: Household) -> Household:
    """Return ``new`` with the profiles of ``old`` for files that are now broken. The errors remain.

    A device that another profile has now is left out of them. A profile with a calendar that is not read yet,
    or unusable, also keeps its previous free days.
    """
    profiles = dict(new.profiles)
    for key, profile in new.profiles.items():
        if not profile.days_known and key in old.profiles:
            profiles[key] = replace(profile, free_days=profile.free_days | old.profiles[key].free_days)
    for name in new.problems:
        last = old.profiles.get(_id_of(name))
        if last is None or last.id in profiles:
            continue
        taken = {mac for person in profiles.values() for mac in person.devices}
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
    """Return a household of these files, with guest and home profiles derived from the profiles.

    ``read``: the settings; ``known``: the age groups' rules. ``doubtful`` (MAC that only an unusable file
    names → file) is reduced to devices that no profile has.
    """
    owned = {mac for person in profiles.values() for mac in person.devices}
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
