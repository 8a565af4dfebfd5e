"""`/etc/qalqan/qalqan.yaml` → Config: every setting that is not a rule of a person."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, TypeVar
from zoneinfo import ZoneInfo

from gateway.core.errors import PolicyError
from gateway.core.interface_names import INTERFACE_NAME
from gateway.policy.config.auto_backup import AutoBackup, read_auto_backup
from gateway.policy.config.brand import Brand, read_brand
from gateway.policy.config.feed import FeedSource, read_feed
from gateway.policy.config.list_tiers import ListTier
from gateway.policy.config.metrics import MetricsSettings, read_metrics
from gateway.policy.config.provider_stop import read_stop
from gateway.policy.config.registers import Register, read_registers
from gateway.policy.config.usp import UspLink, read_usp
from gateway.policy.config.web import Listen, read_web
from gateway.policy.identity import macs
from gateway.policy.names.categories import LANGUAGES
from gateway.policy.names.hosts import PublicSuffixCheck, read_rule_host
from gateway.policy.names.services import Service
from gateway.policy.sealed.source import SealedSource, sealed_sources
from gateway.policy.time import time_text as timetext
from gateway.policy.time.list_update_times import UpdateInterval, read_list_settings
from gateway.policy.yaml import fields
from gateway.policy.yaml.documents import parse_document
from gateway.policy.yaml.fields import Mapping as Document
from gateway.policy.yaml.fields import Node, Place, Scalar, shown

if TYPE_CHECKING:
    from gateway.policy.config.mqtt import MqttSettings

T = TypeVar("T")

KEYS = (
    "lan",
    "state",
    "runtime",
    "profiles",
    "web",
    "country",
    "timezone",
    "unknown_devices",
    "interfaces",
    "gateway_access",
    "gateway_ports",
    "leases",
    "shared",
    "managed",
    "services",
    "day_starts",
    "keep_profile",
    "age_trust",
    "language",
    "languages",
    "dns_refusal",
    "marks",
    "queue_base",
    "sealed",
    "registers",
    "lists",
    "feed",
    "usp",
    "backup",
    "metrics",
    "mqtt",
    "flash",
    "offload",
    "brand",
    "propose",
    "provider",
)
# Keys that guardians may edit on the pages, and that a backup contains. Some others have verbs of their own,
# such as `registers`, `backup` and `mqtt`. The rest depends on the machine.
FAMILY_KEYS = (
    "country", "timezone", "language", "languages", "unknown_devices", "interfaces", "keep_profile", "shared",
    "managed", "services", "gateway_access", "gateway_ports", "lists",
)  # fmt: skip
FLAG_KEYS = ("keep_profile",)  # keys with true or false
ACCESS = ("closed", "open")
QUARANTINE = "quarantine"
UNKNOWN_DEVICE_CHOICES = ("guest", QUARANTINE, "home")  # besides a profile's id
MAX_LANS = 16
MAX_PORTS = 64
MAX_QUEUE = 65_512  # 24 are used, starting with this one

_COUNTRY = re.compile(r"[a-z]{2}", re.ASCII)

AGE_TRUST_KEY_BYTES = 32  # Ed25519
MAX_PROPOSED = 16  # per key; a longer proposal helps no family
_LIST_ID = re.compile(r"[a-z][a-z0-9_-]{0,39}", re.ASCII)


class DnsRefusal(StrEnum):
    """The DNS answer for a blocked name: the address of the pages, "no such name", or 0.0.0.0 and ::."""

    EXPLAIN = "explain"  # the address of the pages, which say why; "no such name" where they cannot
    NXDOMAIN = "nxdomain"
    ZERO = "zero"  # 0.0.0.0 and ::, for resolvers and programs that retry after NXDOMAIN


class Flash(StrEnum):
    """The kind of storage of the state directory: POOR is a router's flash, which is written rarely."""

    NORMAL = "normal"
    POOR = "poor"  # a router's own flash, which wears out: written rarely


class OffloadWish(StrEnum):
    """Whether connections that no rule can block may be offloaded to a flow table of the kernel.

    AUTO: in software. HARDWARE: in hardware where the kernel accepts it, else in software. OFF: not
    at all.
    """

    AUTO = "auto"  # in software, if the kernel supports such tables
    HARDWARE = "hardware"  # in hardware where the kernel accepts it, else in software
    OFF = "off"


@dataclass(frozen=True, slots=True)
class MarkBits:
    """The bits of the packet and connection marks that Qalqan uses, as masks of eight adjacent bits.

    See gateway/kernel/marks.py.
    """

    packet: int = 0x000000FF  # the verdict byte in the packet mark
    ct: int = 0x000000FF  # the verdict byte in the connection mark
    slot: int = 0x00FF0000  # the slot in the connection mark


@dataclass(frozen=True, slots=True)
class AgeTrust:
    """The file with the signed list of trusted issuers of adult proofs (wallets), and its signer's key."""

    file: str
    key: str  # the public key in base64 (Ed25519)


@dataclass(frozen=True, slots=True)
class ProviderProposal:
    """Lists and age groups that a provider preselects in set-up. They apply only after a guardian accepts."""

    lists: tuple[str, ...] = ()  # ids of published lists, or categories, for the lists of that category
    bands: tuple[str, ...] = ()  # of the children that the form starts with


@dataclass(frozen=True, slots=True)
class RouterSetting:
    """A setting that the router's own configuration (UCI) decides: its file, option and value."""

    file: str
    option: str  # as `uci` names it after the package: web.port
    text: str  # the value


@dataclass(frozen=True, slots=True)
class Config:
    """The settings of `qalqan.yaml`, validated, with defaults for absent keys."""

    lan: tuple[str, ...] = ("br-lan",)
    state: str = "/var/lib/qalqan"
    runtime: str = "/run/qalqan"
    profiles: str = "/etc/qalqan/profiles"
    web: Listen = field(default_factory=Listen)
    country: str = ""  # ISO 3166-1 alpha-2, lower case; empty: none chosen
    timezone: str = "UTC"
    unknown_devices: str = "guest"  # guest, quarantine, home or a profile's id
    # Interface of `lan` → the choice for unknown devices on it, instead of `unknown_devices`.
    interfaces: Mapping[str, str] = field(default_factory=dict)
    gateway_open: bool = False  # children and guests may use every service of the gateway itself
    gateway_ports: tuple[int, ...] = ()  # ports of the gateway that are open in any case
    leases: tuple[str, ...] = ()  # files of dnsmasq or odhcpd
    shared: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # MAC → profile ids
    managed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # MAC → names that stay open for it
    services: tuple[Service, ...] = ()  # those that the family defines; set by gateway.household.loading
    # The family's lists in lists.yaml that are a category: its id → name; likewise set there.
    own_lists: Mapping[str, str] = field(default_factory=dict)
    day_starts: int = 240  # minutes after midnight at which the day for limits and grants starts
    # An unknown device that may be a child's gets that child's rules until the answer.
    keep_profile: bool = True
    age_trust: AgeTrust | None = None  # trusted issuers of adult proofs; None: wallets are not used
    language: str = ""  # of the pages, for a browser that requests none of theirs; empty: English
    languages: tuple[str, ...] = LANGUAGES  # of approved sites
    dns_refusal: DnsRefusal = DnsRefusal.EXPLAIN
    marks: MarkBits = field(default_factory=MarkBits)
    queue_base: int = 8200  # the first of 24 NFQUEUE numbers
    sealed: tuple[SealedSource, ...] = ()  # an issuer's lists of names that are blocked for everyone
    registers: tuple[Register, ...] = ()  # of states, on or off
    lists_update: UpdateInterval = UpdateInterval.DAILY
    lists_tier: ListTier | None = None  # None: the one that fits the memory
    feed: FeedSource | None = None  # of signed data; None: the packaged data is used
    usp: UspLink | None = None  # to the router's USP agent; None: not configured
    backup: AutoBackup | None = None  # automatic backups; None: off
    metrics: MetricsSettings = field(default_factory=MetricsSettings)
    mqtt: MqttSettings | None = None  # of the process `qalqan mqtt`; None: off
    flash: Flash = Flash.NORMAL
    offload: OffloadWish = OffloadWish.OFF
    brand: Brand = field(default_factory=Brand)
    propose: ProviderProposal = field(default_factory=ProviderProposal)
    stop_until: datetime | None = None  # the end of the provider's stop of the filter, aware; None: no stop
    # By key: settings that the router's own configuration decides.
    fixed: Mapping[str, RouterSetting] = field(default_factory=dict)
    problems: tuple[str, ...] = ()  # one line for each part of the files that is not used

    def unknown_device_on(self, interface: str | None) -> str:
        """Return the treatment of unknown devices on a network interface.

        It is guest, quarantine, home (not filtered) or a profile's id. ``interface`` None: not known.
        """
        return self.interfaces.get(interface or "", self.unknown_devices)

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    def with_problem(self, line: str) -> Config:
        return replace(self, problems=(line, *self.problems))


def parse_config(source: str | bytes, file: str, is_public_suffix: PublicSuffixCheck) -> Config:
    """Return the settings in the text of `qalqan.yaml`.

    Whether named profiles exist is not checked, and the family's ``services`` are not read. Raises
    PolicyError with file, line, key and fix for an invalid setting.
    """
    return config_of(parse_document(source, file), is_public_suffix)


def config_of(
    document: Document, is_public_suffix: PublicSuffixCheck, problems: list[str] | None = None
) -> Config:
    """Return the settings in a parsed `qalqan.yaml`.

    Raises PolicyError with file, line, key and fix for an invalid setting. With ``problems``, an invalid
    setting that the filter does not need gets its default, and a line in this list. Whether named profiles
    exist is not checked, and the family's ``services`` are not read: `gateway.household.loading` does that.
    """
    part = fields.Fields(document, KEYS)

    def optional(key: str, how: Callable[[Node], T], default: T) -> T:
        try:
            return part.read(key, how, default)
        except PolicyError as error:
            if problems is None:
                raise
            problems.append(f"{error}. Until then its default applies.")
            return default

    part.read("services", fields.mapping, None)  # checked where the categories are known
    plain = Config()
    lan = part.read("lan", _interfaces, plain.lan)
    sealed = part.read("sealed", sealed_sources, plain.sealed)
    registers = part.read("registers", lambda node: read_registers(node, sealed), plain.registers)
    lists_update, lists_tier = part.read("lists", read_list_settings, (plain.lists_update, plain.lists_tier))
    access = part.read("gateway_access", lambda node: fields.choice(node, ACCESS), ACCESS[0])
    return Config(
        lan=lan,
        state=part.read("state", fields.full_path, plain.state),
        runtime=part.read("runtime", fields.full_path, plain.runtime),
        profiles=part.read("profiles", fields.full_path, plain.profiles),
        web=optional("web", lambda node: read_web(node, is_public_suffix), plain.web),
        country=part.read("country", _country, plain.country),
        timezone=part.read("timezone", _timezone, plain.timezone),
        unknown_devices=part.read("unknown_devices", _unknown_devices, plain.unknown_devices),
        interfaces=part.read("interfaces", lambda node: _interface_settings(node, lan), plain.interfaces),
        gateway_open=access == ACCESS[1],
        gateway_ports=part.read("gateway_ports", _ports, plain.gateway_ports),
        leases=part.read("leases", _paths, plain.leases),
        shared=part.read("shared", _shared, plain.shared),
        managed=part.read("managed", lambda node: _managed(node, is_public_suffix), plain.managed),
        day_starts=part.read("day_starts", timetext.time_of_day, plain.day_starts),
        keep_profile=part.read("keep_profile", fields.flag, plain.keep_profile),
        age_trust=optional("age_trust", _age_trust, plain.age_trust),
        language=optional("language", lambda node: fields.choice(node, LANGUAGES), plain.language),
        languages=optional("languages", _languages, plain.languages),
        dns_refusal=part.read("dns_refusal", lambda node: fields.member(node, DnsRefusal), plain.dns_refusal),
        marks=part.read("marks", _marks, plain.marks),
        queue_base=part.read("queue_base", lambda node: fields.integer(node, 0, MAX_QUEUE), plain.queue_base),
        sealed=sealed,
        registers=registers,
        lists_update=lists_update,
        lists_tier=lists_tier,
        feed=optional("feed", read_feed, plain.feed),
        usp=optional("usp", read_usp, plain.usp),
        backup=optional("backup", read_auto_backup, plain.backup),
        metrics=optional("metrics", read_metrics, plain.metrics),
        mqtt=optional("mqtt", _mqtt, plain.mqtt),
        flash=part.read("flash", lambda node: fields.member(node, Flash), plain.flash),
        offload=part.read("offload", lambda node: fields.member(node, OffloadWish), plain.offload),
        brand=optional("brand", read_brand, plain.brand),
        propose=optional("propose", _proposal, plain.propose),
        stop_until=optional("provider", read_stop, plain.stop_until),
        problems=tuple(problems or ()),
    )


def _interfaces(node: Node) -> tuple[str, ...]:
    names = fields.texts(node)
    if not 1 <= len(names) <= MAX_LANS:
        node.place.refuse(f"names {len(names)} interfaces", f"name 1 to {MAX_LANS} that face the home")
    for item, name in zip(fields.items(node), names, strict=True):
        if INTERFACE_NAME.fullmatch(name) is None:
            item.place.refuse(f"{shown(name)} is no interface name", "look it up with: ip link")
        if "@" in name:  # as `ip` shows a VLAN and its parent
            item.place.refuse(f"{shown(name)} is two names", f"write {shown(name.partition('@')[0])} alone")
    return names


def _unknown_devices(node: Node) -> str:
    word = fields.text(node)
    return word.casefold() if word.casefold() in UNKNOWN_DEVICE_CHOICES else word


def _interface_settings(node: Node, lan: tuple[str, ...]) -> Mapping[str, str]:
    read: dict[str, str] = {}
    for name, place, value in fields.pairs(node):
        if name not in lan:
            fix = f"add it to 'lan', or use one of: {', '.join(lan)}"
            place.refuse("is no interface of 'lan'", fix)
        read[name] = _unknown_devices(value)
    return read


def _ports(node: Node) -> tuple[int, ...]:
    ports = tuple(fields.integer(item, 1, 0xFFFF) for item in fields.items(node))
    if len(ports) > MAX_PORTS:
        node.place.refuse(f"names {len(ports)} ports", f"name at most {MAX_PORTS}, or: gateway_access: open")
    return ports


def _paths(node: Node) -> tuple[str, ...]:
    """Return the paths in a node with one path or a list of them. Raises PolicyError if one is invalid."""
    if isinstance(node, Scalar) and not node.is_null:
        return (fields.full_path(node),)
    return tuple(map(fields.full_path, fields.items(node)))


def _country(node: Node) -> str:
    word = fields.text(node).lower()
    if _COUNTRY.fullmatch(word) is None:
        node.place.refuse(f"{shown(word)} is no country", "write two letters, such as kz (ISO 3166-1)")
    return word


def _timezone(node: Node) -> str:
    name = fields.text(node)
    try:
        ZoneInfo(name)
    # ValueError: a path outside the database; OSError: a directory in it, such as "Asia" (Python 3.11).
    except (KeyError, ValueError, OSError):
        node.place.refuse(
            f"the time zone {shown(name)} is unknown",
            "write it like Asia/Almaty; see: timedatectl list-timezones",
        )
    return name


def _shared(node: Node) -> Mapping[str, tuple[str, ...]]:
    read: dict[str, tuple[str, ...]] = {}
    for key, place, value in fields.pairs(node):
        part = fields.Fields(fields.mapping(value), ("people",))
        people = fields.texts(part.need("people"))
        if len(people) < 2:
            value.place.refuse(
                "names fewer than two people", "name those who share it, or put it into one profile"
            )
        _add(read, key, place, people)
    return read


def _managed(node: Node, is_public_suffix: PublicSuffixCheck) -> Mapping[str, tuple[str, ...]]:
    read: dict[str, tuple[str, ...]] = {}
    for key, place, value in fields.pairs(node):
        _add(read, key, place, tuple(read_rule_host(item, is_public_suffix) for item in fields.items(value)))
    return read


def _add(read: dict[str, tuple[str, ...]], key: str, place: Place, value: tuple[str, ...]) -> None:
    """Add ``value`` to ``read`` under the MAC address ``key``, in normal form.

    Raises PolicyError for an invalid address, or if it has a value already.
    """
    mac = macs.mac(key, place)
    if mac in read:
        place.refuse(f"'{mac}' is there twice", "keep it once")
    read[mac] = value


def _languages(node: Node) -> tuple[str, ...]:
    return tuple(fields.choice(item, LANGUAGES) for item in fields.items(node))


def _marks(node: Node) -> MarkBits:
    part = fields.Fields(fields.mapping(node), ("packet", "ct", "slot"))
    plain = MarkBits()
    marks = MarkBits(
        packet=part.read("packet", _eight_bits, plain.packet),
        ct=part.read("ct", _eight_bits, plain.ct),
        slot=part.read("slot", _eight_bits, plain.slot),
    )
    if marks.ct & marks.slot:
        node.place.refuse("has 'ct' and 'slot' on the same bits", "move one of them")
    return marks


def _eight_bits(node: Node) -> int:
    mask = fields.integer(node, 1, 0xFFFFFFFF)
    if mask >> ((mask & -mask).bit_length() - 1) != 0xFF:
        node.place.refuse(f"{mask:#010x} is not eight bits side by side", "write a mask such as 0x00ff0000")
    return mask


def _mqtt(node: Node) -> MqttSettings:
    from gateway.policy.config.mqtt import read_mqtt  # most households have none

    return read_mqtt(node)


def _age_trust(node: Node) -> AgeTrust:
    part = fields.Fields(fields.mapping(node), ("file", "key"))
    return AgeTrust(fields.full_path(part.need("file")), _age_trust_key(part.need("key")))


def _age_trust_key(node: Node) -> str:
    word = fields.text(node)
    try:
        size = len(base64.b64decode(word, validate=True))
    except (binascii.Error, ValueError):
        size = 0
    if size != AGE_TRUST_KEY_BYTES:
        fix = f"write {AGE_TRUST_KEY_BYTES} bytes in base64, as whoever signs the file tells them"
        node.place.refuse(f"{shown(word)} is no public key", fix)
    return word


def _proposal(node: Node) -> ProviderProposal:
    part = fields.Fields(fields.mapping(node), ("lists", "bands"))
    return ProviderProposal(part.read("lists", _proposed_lists, ()), part.read("bands", _proposed_bands, ()))


def _proposed_lists(node: Node) -> tuple[str, ...]:
    """Return the ids of published lists, or of categories, in a node: at most MAX_PROPOSED.

    Raises PolicyError if one is invalid. Set-up checks whether they exist, which depends on the
    version.
    """
    return tuple(map(_proposed_list, fields.entries(node, MAX_PROPOSED)))


def _proposed_bands(node: Node) -> tuple[str, ...]:
    from gateway.age.bands import AgeBand  # most households have no proposal

    known = [band.value for band in AgeBand if band.is_child]
    return tuple(fields.choice(entry, known) for entry in fields.entries(node, MAX_PROPOSED))


def _proposed_list(node: Node) -> str:
    word = fields.text(node)
    if _LIST_ID.fullmatch(word) is None:
        node.place.refuse(f"{shown(word)} is no list", "write its id, such as oisd-nsfw, or a kind: adult")
    return word


def file_to_edit(fixed: Mapping[str, RouterSetting], key: str) -> str:
    """Return where a user changes a key: `qalqan.yaml`, or the router's file and option that decide it."""
    setting = fixed.get(key)
    return "qalqan.yaml" if setting is None else f"{setting.file} ({setting.option})"
