"""Settings of the router in UCI (`/etc/config/qalqan`), which override `qalqan.yaml`.

Declares sections and options. This module does no I/O; `gateway.household.config_file` reads the files. An
empty option counts as not set. An unknown option is an error: a typing error in `lan` (`option lna`) would
otherwise leave the network unfiltered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

from gateway.core.errors import PolicyError
from gateway.household.uci import Option, Package, Section
from gateway.policy.config.config import KEYS, RouterSetting, config_of
from gateway.policy.yaml import fields
from gateway.policy.yaml.documents import document, written
from gateway.policy.yaml.fields import Mapping as Document
from gateway.policy.yaml.fields import Node, Place, Scalar, Sequence, shown

ENABLED = "enabled"  # used by the init script; commands ignore it
FIREWALL_OFFLOAD = ("keep", "off")  # likewise: the firewall's flow offloading
ROLLOUT = "rollout"  # likewise: whether the hourly job of the provider's roll-outs runs
DEFAULTS = "defaults"  # section that only the first boot uses
# Sections without which the filter runs.
OPTIONAL = ("web", "brand", "feed", "usp", "backup", "metrics", "provider")
TRUE = ("1", "on", "true", "yes", "enabled")  # as in OpenWrt's config_get_bool
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


def _firewall_offload(option: Option) -> Node:
    value = _text(option)
    fields.choice(value, FIREWALL_OFFLOAD)
    return value


def _items(option: Option) -> Node:
    """Return the values of an option as a list.

    A plain option separates its items by spaces, as in old files.
    """
    values = [(value.place, word) for value in option.values for word in value.text.split()]
    return Sequence(option.place, tuple(Scalar(place, word, quoted=True) for place, word in values))


def _name(option: Option) -> str:
    return option.place.path.rpartition(".")[2]


@dataclass(frozen=True, slots=True)
class KnownOption:
    """A UCI option: the key of `qalqan.yaml` that it sets (empty: none), and its parser.

    ``server``: a provider's management server may set it (`qalqan check --archive`). No such option changes
    a rule of the family.
    """

    key: str
    read: Reader = _text
    server: bool = False


SECTIONS: Mapping[str, Mapping[str, KnownOption]] = {
    "main": {
        ENABLED: KnownOption("", _flag),
        "lan": KnownOption("lan", _items),
        "flash": KnownOption("flash"),
        "offload": KnownOption("offload"),
        "firewall_offload": KnownOption("", _firewall_offload),
        "lists_update": KnownOption("lists.update"),
        "lists_tier": KnownOption("lists.tier"),
    },
    "web": {
        ENABLED: KnownOption("", _flag),
        "port": KnownOption("web.port", server=True),
        "listen": KnownOption("web.listen"),
        "allow_wan": KnownOption("web.allow_wan", _flag),
    },
    "paths": {
        "state": KnownOption("state"),
        "runtime": KnownOption("runtime"),
        "profiles": KnownOption("profiles"),
    },
    "brand": {
        "name": KnownOption("brand.name", server=True),
        "colour": KnownOption("brand.colour", server=True),
        "logo": KnownOption("brand.logo", server=True),
        "support": KnownOption("brand.support", server=True),
    },
    "feed": {
        "url": KnownOption("feed.url", server=True),
        "mirror": KnownOption("feed.mirrors", _items, server=True),
        "root": KnownOption("feed.root", server=True),
        "provider": KnownOption("feed.provider", server=True),
    },
    "usp": {
        ENABLED: KnownOption("", _flag),
        "vendor": KnownOption("usp.vendor"),
        "socket": KnownOption("usp.socket"),
    },
    "backup": {
        "folder": KnownOption("backup.folder"),
        "every": KnownOption("backup.every"),
        "keep": KnownOption("backup.keep"),
    },
    "provider": {
        ROLLOUT: KnownOption("", _flag, server=True),
        "stop_until": KnownOption("provider.stop_until", server=True),
    },
    "metrics": {
        "token_sha256": KnownOption("metrics.token_sha256", server=True),
        "textfile": KnownOption("metrics.textfile", _flag, server=True),
    },
    DEFAULTS: {
        "country": KnownOption("country", server=True),
        "timezone": KnownOption("timezone", server=True),
        "language": KnownOption("language", server=True),
        "unknown_devices": KnownOption("unknown_devices", server=True),
        "lists_update": KnownOption("lists.update", server=True),
        "lists_tier": KnownOption("lists.tier", server=True),
        "propose_list": KnownOption("propose.lists", _items, server=True),
        "propose_band": KnownOption("propose.bands", _items, server=True),
    },
}
# Defaults if neither file has the key. On OpenWrt /var is memory, and dnsmasq's leases are in /tmp.
PLACES = {"state": "/etc/qalqan/state", "runtime": "/var/run/qalqan"}
LEASES = "/tmp/dhcp.leases"
# Pairs of keys that belong together: if UCI sets one, it replaces both keys of `qalqan.yaml`.
_TOGETHER = {"web.port": "web.listen", "web.listen": "web.port"}


@dataclass(frozen=True, slots=True)
class RouterSettings:
    """The settings of UCI by their keys in `qalqan.yaml`."""

    file: str
    entries: Mapping[str, Node]  # overrides, by dotted key
    defaults: Mapping[str, Node]  # initial values of the first `qalqan.yaml`
    switches: Mapping[str, bool]  # main, web, usp if set: whether the init script starts the process
    usual: Mapping[str, Node]  # defaults for keys that are missing in `qalqan.yaml`
    problems: tuple[str, ...] = ()  # one line for each section that is ignored because it is invalid
    firewall_offload: str = FIREWALL_OFFLOAD[0]  # keep or off: the firewall's flow offloading

    def over(self, document: Document) -> Document:
        """Return ``document``, the parsed `qalqan.yaml`, overridden by these settings.

        Keys that both lack get the router's usual values (``usual``). If UCI sets only the port or only the
        address of the pages, the other one in ``document`` is ignored too.
        """
        gone = {_TOGETHER[key] for key in self.entries if key in _TOGETHER} - self.entries.keys()
        usual = {key: node for key, node in self.usual.items() if key not in document.entries}
        return _overridden(_without(document, gone), {**usual, **self.entries})

    @property
    def fixed(self) -> Mapping[str, RouterSetting]:
        """The keys of `qalqan.yaml` that UCI sets, with the option that sets each."""
        return {
            key: RouterSetting(self.file, node.place.path, _plain_text(node))
            for key, node in self.entries.items()
        }

    def first_document(self, zone: str) -> Document:
        """Return the first `qalqan.yaml`, from the options of the section ``defaults``.

        ``zone``: the system's time zone, used if no option sets one.
        """
        place = Place(self.file, 1, "")
        found = dict(self.defaults)
        if "timezone" not in found:
            found["timezone"] = Scalar(place, zone if is_zone(zone) else UTC, quoted=True)
        return _overridden(Document(place, {}, {}), found)

    def first_text(self, zone: str) -> bytes:
        return written(document(self.first_document(zone)), KEYS)


def settable_by_server(section: str, option: str) -> bool:
    """Return whether a provider's management server may set this known option."""
    return SECTIONS[section][option].server


def is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return bool(name)


def system_zone(package: Package) -> str:
    """Return the name of the time zone in `/etc/config/system`; empty if none is set."""
    found = (section.options.get("zonename") for section in package.of_type("system"))
    return next((option.text.replace(" ", "_") for option in found if option is not None), "")


def lease_files(package: Package) -> tuple[str, ...]:
    """Return the lease files of dnsmasq and odhcpd in `/etc/config/dhcp`."""
    sections = (*package.of_type("dnsmasq"), *package.of_type("odhcpd"))
    found: dict[str, None] = {}
    for option in (section.options.get("leasefile") for section in sections):
        if option is not None:
            with suppress(PolicyError):  # the file belongs to another program; skip invalid values
                found[fields.full_path(_text(option))] = None
    return tuple(found)


def router_settings(package: Package, leases: tuple[str, ...] = ()) -> RouterSettings:
    """Return the settings in the parsed UCI file of Qalqan.

    ``leases``: the paths of DHCP lease files. Raises PolicyError for unknown sections and options, and wrong
    types. The parser of `qalqan.yaml` checks the values.
    """
    entries: dict[str, Node] = {}
    defaults: dict[str, Node] = {}
    switches = {"main": True, "web": True}
    firewall_offload = FIREWALL_OFFLOAD[0]
    for section in package.sections:
        for known, option in _options(section):
            node = known.read(option)
            if section.name == DEFAULTS:
                defaults[known.key] = node
            elif known.key:
                entries[known.key] = node
            elif known is SECTIONS[section.name].get(ENABLED):
                switches[section.name] = fields.flag(node)
            elif known.read is _firewall_offload:
                firewall_offload = fields.text(node)
    usual = _usual(package.file, leases)
    return RouterSettings(package.file, entries, defaults, switches, usual, firewall_offload=firewall_offload)


def usable_settings(package: Package, leases: tuple[str, ...] = ()) -> RouterSettings:
    """Return the settings of `router_settings`, without the invalid sections that the filter does not need.

    An invalid port of the pages must not stop the filter. ``problems`` has a line for each ignored section.
    Raises PolicyError for an invalid section that the filter needs.
    """
    ignored: dict[str, str] = {}
    for section in package.sections:
        if section.name in OPTIONAL:
            try:
                found = router_settings(Package(package.file, (section,)))
                config_of(found.over(Document(section.place, {}, {})), lambda _: False)
            except PolicyError as error:
                ignored[section.name] = f"{error}. Until then the section '{section.name}' is ignored."
    kept = tuple(section for section in package.sections if section.name not in ignored)
    settings = router_settings(Package(package.file, kept), leases)
    return replace(settings, problems=tuple(ignored.values()))


def _usual(file: str, leases: tuple[str, ...]) -> Mapping[str, Node]:
    place = Place(file, 1, "")
    items = tuple(Scalar(place, path, quoted=True) for path in leases or (LEASES,))
    places = {key: Scalar(place, path, quoted=True) for key, path in PLACES.items()}
    return {**places, "leases": Sequence(place, items)}


def _options(section: Section) -> Iterator[tuple[KnownOption, Option]]:
    """Yield the options of a section that have a value, with their declarations.

    Raises PolicyError for a section or an option that is not known.
    """
    if not section.name:
        fix = f"write it as: config {section.type} '{section.type}'"
        section.place.refuse(f"a section of type {shown(section.type)} has no name", fix)
    known = SECTIONS.get(section.name)
    if known is None:
        section.place.refuse("is no section of ours", fields.suggestion(section.name, SECTIONS))
    for name, option in section.options.items():
        if name not in known:
            option.place.refuse("is no option of ours", fields.suggestion(name, known))
        if option.text.strip():
            yield known[name], option


def _without(document: Document, gone: set[str]) -> Document:
    """Return the document without the dotted keys in ``gone``, such as `web.listen`."""
    entries = dict(document.entries)
    for key in gone:
        head, _, part = key.partition(".")
        inner = entries.get(head)
        if isinstance(inner, Document) and part in inner.entries:
            kept = {name: node for name, node in inner.entries.items() if name != part}
            entries[head] = Document(inner.place, kept, inner.keys)
    return Document(document.place, entries, document.keys)


def _plain_text(node: Node) -> str:
    items = node.items if isinstance(node, Sequence) else (node,)
    return " ".join(item.text for item in items if isinstance(item, Scalar))


def _overridden(document: Document, top: Mapping[str, Node]) -> Document:
    """Return ``document`` with the values of ``top`` in place of its own. ``top`` has dotted keys."""
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
