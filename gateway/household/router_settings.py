"""What the router's own settings (`/etc/config/qalqan`, UCI) decide of the home's: their sections and
options, and how they lie over `qalqan.yaml`. Pure; `gateway.household.config_file` reads the files.

An option that is empty is not set. What is unknown is refused: of a slip of the pen (`option lna`) nothing
would come otherwise, and of `lan` that would be a home without its filter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from gateway.core.errors import PolicyError
from gateway.household.uci import Option, Package, Section
from gateway.policy.config.config import KEYS
from gateway.policy.config.router_decides import RouterSetting
from gateway.policy.profile.plain import document
from gateway.policy.profile.writing import written
from gateway.policy.yaml import fields
from gateway.policy.yaml.documents import Mapping as Document
from gateway.policy.yaml.documents import Node, Place, Scalar, Sequence, shown

ENABLED = "enabled"  # is for what starts the processes; a command that is called by hand runs all the same
DEFAULTS = "defaults"  # for the first boot alone
TRUE = ("1", "on", "true", "yes", "enabled")  # as OpenWrt's config_get_bool has them
FALSE = ("0", "off", "false", "no", "disabled")
UTC = "UTC"

Reader = Callable[[Option], Node]


def _text(option: Option) -> Node:
    value = option.values[-1]
    if option.is_list:
        option.place.refuse("is a list here", f"write it as: option {_name(option)} '{value.text}'")
    return Scalar(value.place, value.text, quoted=True)


def _flag(option: Option) -> Node:
    value = _text(option)
    word = option.text.lower()
    if word not in (*TRUE, *FALSE):
        option.place.refuse(f"{shown(word)} is neither 1 nor 0", "write 1 or 0")
    return Scalar(value.place, "true" if word in TRUE else "false", quoted=True)


def _items(option: Option) -> Node:
    """A list; an option is one of a single item, or of several with spaces between them, as in old files."""
    values = [(one.place, word) for one in option.values for word in one.text.split()]
    return Sequence(option.place, tuple(Scalar(place, word, quoted=True) for place, word in values))


def _name(option: Option) -> str:
    return option.place.path.rpartition(".")[2]


@dataclass(frozen=True, slots=True)
class Known:
    """An option, and which key of `qalqan.yaml` it stands for; empty: none."""

    key: str
    read: Reader = _text


SECTIONS: Mapping[str, Mapping[str, Known]] = {
    "main": {
        ENABLED: Known("", _flag),
        "lan": Known("lan", _items),
        "flash": Known("flash"),
        "offload": Known("offload"),
    },
    "web": {
        ENABLED: Known("", _flag),
        "port": Known("web.port"),
        "listen": Known("web.listen"),
        "allow_wan": Known("web.allow_wan", _flag),
    },
    "paths": {"state": Known("state"), "runtime": Known("runtime"), "profiles": Known("profiles")},
    "brand": {
        "name": Known("brand.name"),
        "colour": Known("brand.colour"),
        "logo": Known("brand.logo"),
        "support": Known("brand.support"),
    },
    DEFAULTS: {
        "country": Known("country"),
        "timezone": Known("timezone"),
        "language": Known("language"),
        "unknown_devices": Known("unknown_devices"),
        "lists_update": Known("lists.update"),
        "propose_list": Known("propose.lists", _items),
        "propose_band": Known("propose.bands", _items),
    },
}
# Where neither file says it. On OpenWrt /var is memory, and dnsmasq's leases are in /tmp.
PLACES = {"state": "/etc/qalqan/state", "runtime": "/var/run/qalqan"}
LEASES = "/tmp/dhcp.leases"
# What two options say together: where either is set here, the file's own of both are gone.
_TOGETHER = {"web.port": "web.listen", "web.listen": "web.port"}


@dataclass(frozen=True, slots=True)
class RouterSettings:
    file: str
    entries: Mapping[str, Node]  # by key of `qalqan.yaml`, dotted: what holds always
    defaults: Mapping[str, Node]  # and what a first file begins with
    switches: Mapping[str, bool]  # main, web: whether the system starts it
    usual: Mapping[str, Node]  # and what holds where `qalqan.yaml` does not say it either

    def over(self, document: Document) -> Document:
        """``document`` with these on top."""
        gone = {_TOGETHER[key] for key in self.entries if key in _TOGETHER} - self.entries.keys()
        usual = {key: node for key, node in self.usual.items() if key not in document.entries}
        return _laid(_without(document, gone), {**usual, **self.entries})

    @property
    def fixed(self) -> Mapping[str, RouterSetting]:
        """Which keys are decided here, and by which option."""
        return {
            key: RouterSetting(self.file, node.place.path, _told(node)) for key, node in self.entries.items()
        }

    def first_document(self, zone: str) -> Document:
        """What the first `qalqan.yaml` says. ``zone``: the system's, where none is chosen here."""
        place = Place(self.file, 1, "")
        found = dict(self.defaults)
        if "timezone" not in found:
            found["timezone"] = Scalar(place, zone if is_zone(zone) else UTC, quoted=True)
        return _laid(Document(place, {}, {}), found)

    def first_text(self, zone: str) -> bytes:
        return written(document(self.first_document(zone)), KEYS)


def is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return bool(name)


def system_zone(package: Package) -> str:
    """Of `/etc/config/system`: the time zone that somebody chose there, as the database calls it."""
    found = (one.options.get("zonename") for one in package.of_type("system"))
    return next((one.text.replace(" ", "_") for one in found if one is not None), "")


def lease_files(package: Package) -> tuple[str, ...]:
    """Of `/etc/config/dhcp`: where dnsmasq and odhcpd write whom they gave which address."""
    sections = (*package.of_type("dnsmasq"), *package.of_type("odhcpd"))
    found: dict[str, None] = {}
    for option in (one.options.get("leasefile") for one in sections):
        if option is not None:
            with suppress(PolicyError):  # another program's file: it is not ours to refuse
                found[fields.full_path(_text(option))] = None
    return tuple(found)


def router_settings(package: Package, leases: tuple[str, ...] = ()) -> RouterSettings:
    """``leases``: `lease_files`. Raises PolicyError for what is unknown, or of the wrong kind. What a value
    means, the readers of `qalqan.yaml` say.
    """
    entries: dict[str, Node] = {}
    defaults: dict[str, Node] = {}
    switches = {"main": True, "web": True}
    for section in package.sections:
        for known, option in _options(section):
            node = known.read(option)
            if section.name == DEFAULTS:
                defaults[known.key] = node
            elif known.key:
                entries[known.key] = node
            else:
                switches[section.name] = fields.flag(node)
    return RouterSettings(package.file, entries, defaults, switches, _usual(package.file, leases))


def _usual(file: str, leases: tuple[str, ...]) -> Mapping[str, Node]:
    place = Place(file, 1, "")
    items = tuple(Scalar(place, path, quoted=True) for path in leases or (LEASES,))
    places = {key: Scalar(place, path, quoted=True) for key, path in PLACES.items()}
    return {**places, "leases": Sequence(place, items)}


def _options(section: Section) -> Iterator[tuple[Known, Option]]:
    """Those that say something."""
    if not section.name:
        mend = f"write it as: config {section.type} '{section.type}'"
        section.place.refuse(f"a section of type {shown(section.type)} has no name", mend)
    known = SECTIONS.get(section.name)
    if known is None:
        section.place.refuse("is no section of ours", fields.suggestion(section.name, SECTIONS))
    for name, option in section.options.items():
        if name not in known:
            option.place.refuse("is no option of ours", fields.suggestion(name, known))
        if option.text.strip():
            yield known[name], option


def _without(document: Document, gone: set[str]) -> Document:
    """Of a mapping in it too: `web.listen`."""
    entries = dict(document.entries)
    for key in gone:
        head, _, part = key.partition(".")
        inner = entries.get(head)
        if isinstance(inner, Document) and part in inner.entries:
            kept = {name: one for name, one in inner.entries.items() if name != part}
            entries[head] = Document(inner.place, kept, inner.keys)
    return Document(document.place, entries, document.keys)


def _told(node: Node) -> str:
    items = node.items if isinstance(node, Sequence) else (node,)
    return " ".join(one.text for one in items if isinstance(one, Scalar))


def _laid(document: Document, top: Mapping[str, Node]) -> Document:
    """``document`` with ``top`` in place of what it says of the same keys."""
    entries, keys = dict(document.entries), dict(document.keys)
    for key, node in top.items():
        head, _, part = key.partition(".")
        if not part:
            entries[head], keys[head] = node, node.place
            continue
        inner = entries.get(head)
        if not isinstance(inner, Document):
            inner = Document(keys.get(head, node.place), {}, {})
        entries[head] = Document(inner.place, {**inner.entries, part: node}, {**inner.keys, part: node.place})
        keys.setdefault(head, node.place)
    return Document(document.place, entries, keys)
