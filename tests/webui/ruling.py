"""What stands in children's files, and how it is changed: the verbs of rules, as the daemon has them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from gateway.codes import Code
from gateway.control.protocol import Request, Verb
from gateway.errors import ControlError, PolicyError
from gateway.household import Product, load_product
from gateway.policy import edits
from gateway.policy.changes import blamed
from gateway.policy.decide import Judge
from gateway.policy.hosts import public_suffix_check
from gateway.policy.profile import Profile, parse_profile
from gateway.policy.rulefile import Vocabulary
from gateway.policy.schedule import Calendar
from gateway.policy.sentence import sentence
from gateway.policy.situation import Situation
from gateway.policy.told import told_catalogue
from gateway.policy.why import as_json, parse_moment, parse_question, why

ZONE = ZoneInfo("Asia/Almaty")
FILES = {
    "daughter": b"""# Agreed at the table on Sunday.
name: Aruzhan
band: 10-12
devices: ["02:00:00:00:00:0a", "02:00:00:00:00:0b"]
categories: {social_networks: ask}
block: ["service:tiktok", bet.example]
allow: [khanacademy.org]
homework: [bilimland.kz]
limits: {"service:youtube": 1h}
windows: {"service:roblox": {school: ["16:00-18:00"], free: ["10:00-12:00", "15:00-19:00"]}}
""",
    "son": b"name: Timur\nband: 6-9\nmode: allow-list\n",
    "teen": b"name: Dana\nband: 16-17\n",
}


@cache
def product() -> Product:
    return load_product()


@cache
def words() -> Vocabulary:
    return Vocabulary(product().categories, product().catalogue, public_suffix_check())


def read(source: bytes, profile: str) -> Profile:
    return parse_profile(source, f"{profile}.yaml", profile, product().bands, words())


@dataclass
class Ruling:
    now: datetime
    files: dict[str, bytes] = field(default_factory=lambda: dict(FILES))
    kept: dict[str, list[bytes]] = field(default_factory=dict)  # by profile; a revision is its number there
    by: dict[str, str] = field(default_factory=dict)  # who changed it last

    def verbs(self) -> dict[str, Verb]:
        return {
            "rules": self._rules,
            "edit": self._edit,
            "unedit": self._unedit,
            "catalogue": self._catalogue,
            "preview": self._preview,
        }

    def said(self, profile: str) -> dict[str, Any]:
        """What a file says."""
        return dict(edits.read(self.files[profile], profile))

    def reset(self) -> None:
        self.files = dict(FILES)
        self.kept.clear()
        self.by.clear()

    def _rules(self, request: Request) -> Mapping[str, object]:
        profile = self._id(request)
        source = self.files[profile]
        by = self.by.get(profile)
        told = edits.told_rules(source, self.said(profile), read(source, profile), product().bands)
        return told | {"set": {"by": by, "at": self.now} if by else None, "revision": self._revision(profile)}

    def _revision(self, profile: str) -> int:
        return len(self.kept.get(profile, []))

    @staticmethod
    def _catalogue(request: Request) -> Mapping[str, object]:
        language = request.choice("language", ("en", "ru", "kk"))
        return told_catalogue(product().catalogue, product().categories, product().bands, language)

    def _id(self, request: Request) -> str:
        if request.text("id") not in self.files:
            request.refuse("id", "is no profile", Code.NO_PROFILE)
        return request.text("id")

    def _changed(self, profile: str, changes: Mapping[str, object]) -> bytes:
        try:
            after = edits.edited(self.said(profile), changes, product().bands)
            source = edits.profile_text(after)
            read(source, profile)
        except PolicyError as error:
            key = blamed(error, f"{profile}.yaml", changes)
            raise ControlError(str(error)).coded(
                Code.BAD_RULE, key=key, problem=error.problem, mend=error.mend
            ) from error
        return source

    def _edit(self, request: Request) -> Mapping[str, object]:
        profile, before = self._id(request), self.files[self._id(request)]
        revision = self._revision(profile)
        if request.has("revision") and request.values["revision"] != revision:
            request.refuse("revision", "is another by now", Code.CHANGED_MEANWHILE)
        changes = request.values["set"]
        after = self._changed(profile, changes)
        self._put(profile, after, request.text("by"), before)
        return {"revision": revision + 1, "undo": revision, "changed": list(changes)}

    def _put(self, profile: str, after: bytes, by: str, before: bytes) -> None:
        self.files[profile] = after
        self.kept.setdefault(profile, []).append(before)
        self.by[profile] = by

    def _unedit(self, request: Request) -> Mapping[str, object]:
        profile, revision = self._id(request), request.whole("revision", least=0, most=99)
        if revision >= self._revision(profile):
            request.refuse("revision", "is not kept", Code.NO_REVISION)
        self._put(profile, self.kept[profile][revision], request.text("by"), self.files[profile])
        return {"revision": self._revision(profile)}

    def _preview(self, request: Request) -> Mapping[str, object]:
        profile = self._id(request)
        changes = request.values.get("set") or {}
        source = self._changed(profile, changes) if changes else self.files[profile]
        at = parse_moment(request.text("at"), ZONE).astimezone(ZONE)
        calendar = Calendar(ZONE, frozenset())
        seen = parse_question(request.text("host"), None, None)
        answer = why(Judge(read(source, profile), product().world(("en",)), calendar), seen, at, Situation())
        told = sentence(answer.decision, seen.host, at, product().names, left=answer.left)
        return as_json(seen, at, answer) | {"sentence": told}
