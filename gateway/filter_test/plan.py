"""Turns checks and a scene into jobs for the test device."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.filter_test import zone
from gateway.filter_test.checks import MethodCheck, Scene
from gateway.wire.dns.message import AAAA, A

_WORD = re.compile(r"@([a-z]+)")

# Why a job is not possible, by the missing word.
_LACKS = {
    "refused": "these rules block no site that the bypass test knows",
    "odd": "these rules block no site that the bypass test knows",
    "allowed": "these rules allow no site that the bypass test knows; name one under allow:",
    "gateway": "the gateway has no address of this kind on the LAN",
    "source": "the LAN has no addresses of this kind",
    "second": "no second address was free",
    "doh": "no resolver with such an address is known",
    "tor": "no list of Tor's relays is here; fetch it: qalqan lists update",
    "help": "no help line with a page is known; set country: in qalqan.yaml",
    "pages": "the pages do not run; start them: qalqan web",
    "front": "the pages do not run; start them: qalqan web",
    "trusted": "",  # no message: there is no trusted name
    "calling": "the gateway's resolver has no address of a carrier; check the internet connection",
    "helpat": "the gateway's resolver has no address of the help line; check the internet connection",
    "listening": "it listens on nothing else",
    "stranger": "a second device can be made on a bridge alone",
    "offload": "",  # no message: the kernel forwards every packet itself
}
_ABSENT = ("offload", "listening", "trusted")  # the method does not exist here


@dataclass(frozen=True, slots=True)
class Unavailable:
    """Replaces the job of a task if the check cannot run. ``why``: the reason, for users; empty: no message.

    ``absent``: what the check would test does not exist here. Otherwise its result is unknown.
    """

    why: str
    absent: bool = False


@dataclass(frozen=True, slots=True)
class Task:
    """One check of the filter test over one IP version, with what the test device has to send."""

    check: MethodCheck
    version: int
    job: Mapping[str, Any] | Unavailable

    @property
    def key(self) -> str:
        return f"{self.check.id}/{self.version}"


def tasks(checks: Sequence[MethodCheck], scene: Scene) -> list[Task]:
    """Return two tasks of the filter test for each check: over IPv4, then over IPv6.

    The ``@words`` in a check's job (what to send where) are replaced by values of ``scene``. A missing value,
    or an IP version that the check does not have, makes the task's job `Unavailable`.
    """
    return [
        Task(check, version, _job(check, version, number, scene))
        for number, check in enumerate(checks)
        for version in (4, 6)
    ]


def _job(check: MethodCheck, version: int, number: int, scene: Scene) -> Mapping[str, Any] | Unavailable:
    if version not in check.versions:
        return Unavailable("", absent=True)
    own = "stranger" if check.job.get("who") == "stranger" else "source"
    try:
        filler = _Filler(scene.words, version, number)
        filler.word("source")
        job = {"src": filler.word(own)} | {name: filler.fill(value) for name, value in check.job.items()}
        job |= {
            "mac": filler.word(f"{own}mac"),
            "gateway": filler.word("gatewaymac"),
            "interface": filler.word(f"{own}link"),
        }
    except KeyError as error:
        word = str(error.args[0])
        if word == "source":
            return Unavailable("", absent=True)
        return Unavailable(_LACKS.get(word, f"its {word} is not known"), absent=word in _ABSENT)
    if "text" in job:
        job["send"] = str(job.pop("text")).encode().hex()
    return {**job, "key": f"{check.id}/{version}"}


class _Filler:
    """Replaces the placeholders ``@word`` in what a check sends by their values.

    Raises KeyError, with the word, if one has no value.
    """

    def __init__(self, words: Mapping[str, Any], version: int, number: int) -> None:
        self._words = words
        self._version = version
        self._number = number

    def word(self, name: str) -> Any:
        own = self._words.get(f"{name}{self._version}", self._words.get(name))
        if own in (None, "", []):
            raise KeyError(name)
        return own

    def fill(self, value: object) -> Any:
        if not isinstance(value, str) or "@" not in value:
            return value
        if value == "@far":
            return zone.far(self._number, self._version)
        if value == "@resolver":
            return zone.RESOLVERS[self._version]
        if value == "@type":
            return A if self._version == 4 else AAAA
        if value.startswith("@at:"):
            name = value.removeprefix("@at:")
            return zone.address_of(name if "." in name else self.word(name), self._version)
        if _WORD.fullmatch(value):
            return self.word(value[1:])
        return _WORD.sub(lambda found: str(self.word(found[1])), value)
