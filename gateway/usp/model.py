"""The data model of the family filter: the only declaration of its objects, parameters and commands.

The USP Service, the XML document of the data model and the JSON plug-in for bbfdm are made from it. A key
names the value of a parameter in `gateway.usp.values`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gateway.policy.config.usp import vendor_prefix

OBJECT = "FamilyFilter"
ENABLE = "Enable"
SUPPORT_COMMAND = "GetSupportFile()"
FLAGS = {"true": True, "1": True, "false": False, "0": False}  # the texts of a boolean


class ValueType(StrEnum):
    """The data types (TR-106) of the USP data model's parameters, by their names in XML."""

    TEXT = "string"
    FLAG = "boolean"
    TIME = "dateTime"
    COUNT = "unsignedLong"
    BINARY = "base64"


@dataclass(frozen=True, slots=True)
class ModelParameter:
    name: str
    type: ValueType
    key: str  # of its value
    about: str
    choices: tuple[str, ...] = ()  # of a text
    most: int = 0  # characters of a text; 0: its choices limit it, or it is no text
    writable: bool = False
    notified: bool = True  # a change is notified to subscribers; not that of a counter


@dataclass(frozen=True, slots=True)
class ModelCommand:
    name: str
    about: str
    outputs: tuple[ModelParameter, ...]


@dataclass(frozen=True, slots=True)
class ModelObject:
    """An object of the USP data model, with parameters and commands.

    ``name`` is relative to the vendor's object: empty for that object itself, or such as ``Stats.``.
    """

    name: str
    about: str
    parameters: tuple[ModelParameter, ...]
    commands: tuple[ModelCommand, ...] = ()


def root_path(vendor: str) -> str:
    """Return the path of the filter's object, such as ``Device.X_ISP-EXAMPLE_FamilyFilter.``.

    ``vendor``: the provider's domain or OUI, already validated.
    """
    return f"Device.{vendor_prefix(vendor)}{OBJECT}."


def _text(name: str, key: str, about: str, most: int) -> ModelParameter:
    return ModelParameter(name, ValueType.TEXT, key, about, most=most)


def _choice(name: str, key: str, about: str, *choices: str) -> ModelParameter:
    return ModelParameter(name, ValueType.TEXT, key, about, choices=choices)


def _flag(name: str, key: str, about: str) -> ModelParameter:
    return ModelParameter(name, ValueType.FLAG, key, about)


def _time(name: str, key: str, about: str) -> ModelParameter:
    return ModelParameter(name, ValueType.TIME, key, about)


def _count(name: str, key: str, about: str) -> ModelParameter:
    return ModelParameter(name, ValueType.COUNT, key, about)


def _counter(name: str, key: str, about: str) -> ModelParameter:
    return ModelParameter(name, ValueType.COUNT, key, about, notified=False)


STATUS_KEY = "status"
STOPPED = "Stopped"  # the status while the daemon does not respond

MODEL = (
    ModelObject(
        "",
        "The family filter of the router. It has no data about a person, a device or a site.",
        (
            ModelParameter(
                ENABLE,
                ValueType.FLAG,
                "enabled",
                "Whether filtering is on. A change needs the approval of the subscriber; without it, the"
                " change is refused with error 7006. After a change to false, filtering is on again at"
                " OffUntil.",
                writable=True,
            ),
            _choice(
                "Status",
                STATUS_KEY,
                "The state of the filter. Off: filtering is off for everyone, by a parent or the provider."
                " Stopped: the daemon does not respond; all other values are then unknown.",
                "Running",
                "Off",
                STOPPED,
            ),
            _time("OffUntil", "off_until", "When filtering is on again; the unknown time if it is on."),
            _text("Version", "version", "The version of the filter.", 32),
            _text(
                "SupportCode",
                "support_code",
                "The code at the foot of the family's pages, for support by telephone.",
                48,
            ),
            _choice(
                "Internet",
                "internet",
                "Whether the router reaches the internet.",
                "Works",
                "Down",
                "Unknown",
            ),
            _flag("ClockKnown", "clock_known", "Whether the router knows the time."),
            _counter("UpTime", "uptime", "Seconds since the start of the filter."),
            _count("Problems", "problems", "The number of problems that the family's pages show."),
            _counter("Memory", "memory", "Kilobytes of memory that the daemon uses."),
        ),
        (
            ModelCommand(
                SUPPORT_COMMAND,
                "Return the support file: versions, checks, counters and the templates of log lines, without"
                " personal data. It needs the approval of the subscriber; without it, it fails with error"
                " 7006.",
                (
                    ModelParameter(
                        "File",
                        ValueType.BINARY,
                        "",
                        "The support file: JSON, compressed with gzip. The provider passes it to support"
                        " unread.",
                    ),
                ),
            ),
        ),
    ),
    ModelObject(
        "Approval.",
        "What the subscriber has approved on the pages of the filter.",
        (
            _time("SwitchUntil", "switch_until", "Until when the provider may change Enable."),
            _time("SupportUntil", "support_until", "Until when the provider may call GetSupportFile()."),
        ),
    ),
    ModelObject(
        "Brand.",
        "The provider's brand on the pages of the filter.",
        (
            _text("Name", "brand_name", "The name on the pages.", 40),
            _text("Support", "brand_support", "The support address on the pages.", 120),
        ),
    ),
    ModelObject(
        "Feed.",
        "The signed data feed.",
        (
            _text("URL", "feed_url", "Its address; empty if none is set.", 1024),
            _count("Version", "feed_version", "The version of the data in use; 0 without a feed."),
            _time("LastCheck", "feed_checked", "The last check that succeeded."),
            _flag("Failed", "feed_failed", "Whether the last check failed."),
        ),
    ),
    ModelObject(
        "Lists.",
        "The lists of sites by category.",
        (
            _count("Entries", "list_names", "The number of entries of all lists in use."),
            _time("LastUpdate", "lists_updated", "When the newest list was downloaded."),
            _count("Failures", "list_failures", "Failed updates since the last that succeeded."),
        ),
    ),
    ModelObject(
        "Stats.",
        "Counters for the whole network since the start of the filter, renewed each minute. All are 0 without"
        " the approval of the subscriber, which ends after 30 days.",
        (
            _counter("Packets", "packets", "Packets that the filter read."),
            _counter("PacketsDropped", "dropped", "Packets that were lost because a queue was full."),
            _counter("PacketsFailed", "faults", "Packets whose handling failed."),
            _counter("Flows", "flows", "Connections that the filter follows now."),
            _counter(
                "Blocked",
                "blocked",
                "Connections and DNS questions that were blocked, of children whose parents see blocked"
                " sites.",
            ),
            _counter("TableRepairs", "repairs", "How often the rules in the kernel had to be restored."),
        ),
    ),
)  # fmt: skip
