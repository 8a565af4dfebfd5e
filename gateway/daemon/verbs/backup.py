"""The verbs `backup` and `restore`: what a backup has in it goes out and comes in by pieces, as plain text.

Who asks seals and opens it: the daemon has no scrypt (`daemon/memory.py`), and never hears the password.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, NoReturn

from gateway.backupseal import MOST_CONTENT
from gateway.codes import Code
from gateway.control.protocol import Request, Verb
from gateway.daemon.files.keeping import collect
from gateway.daemon.files.restoreplan import AFTER, BEFORE, Plan, make_plan, staged
from gateway.daemon.files.restoring import Restoring
from gateway.daemon.verbs.accounts import Origins
from gateway.daemon.verbs.whom import Whom
from gateway.errors import ControlError
from gateway.loop import Timer
from gateway.policy.backups import Backup, backup_text, parse_backup
from gateway.policy.household import Household
from gateway.policy.people import TOLD, Announcement, Told

if TYPE_CHECKING:
    from gateway.daemon.main import Daemon

PIECE = 256 * 1024  # characters that go out at once: an answer has 1 MiB, and the event loop waits 2 ms
PIECE_IN = 28 * 1024  # that come in at once: a request has 64 KiB, and each of them may be written as two
KEPT = 600.0  # seconds for which one that came in, or goes out, is held
SHOWN = 20  # names of each kind that a look tells


@dataclass(slots=True)
class _Held:
    """One in memory, of 1 MiB at most."""

    token: str
    by: str
    text: str
    size: int
    timer: Timer
    backup: Backup | None = None


class BackupVerbs:
    def __init__(self, daemon: Daemon, whom: Whom, origins: Origins) -> None:
        self._daemon = daemon
        self._origins = origins
        self._whom = whom
        self._restoring = Restoring(daemon)
        self._restoring.recover()
        self._out: _Held | None = None
        self._in: _Held | None = None

    def table(self) -> Mapping[str, Verb]:
        return {"backup": self.backup, "restore": self.restore}

    # ------------------------------------------------------------------------------------ out

    def backup(self, request: Request) -> Mapping[str, object]:
        by = self._whom.guardian(request)
        start = request.whole("from", least=0, most=MOST_CONTENT, default=0)
        left_out: list[str] = []
        if not start:
            found, left_out = collect(self._daemon, by)
            text = backup_text(found)
            if len(text) > MOST_CONTENT:
                most = MOST_CONTENT >> 20
                msg = f"backup: there is more than {most} MiB to keep; look for a large calendar"
                raise ControlError(msg).coded(Code.BACKUP_LARGE, most=most)
            self._drop_out()
            self._out = self._hold(by, text, len(text), self._drop_out)
            self._note(request, by, "backup", f"{len(found.profiles)} profiles", Told.BACKUP)
        held = self._out
        if held is None or held.by != by or start > held.size:
            _gone("backup")
        piece = held.text[start : start + PIECE]
        if start + len(piece) >= held.size:
            self._drop_out()
        return {"from": start, "text": piece, "size": held.size, "left_out": left_out}

    # ------------------------------------------------------------------------------------ in

    def restore(self, request: Request) -> Mapping[str, object]:
        actions = {
            "begin": self._begin,
            "piece": self._piece,
            "look": self._look,
            "apply": self._apply,
            "drop": self._drop,
            "last": self._last,
            "undo": self._undo,
        }
        by = self._whom.guardian(request)
        return actions[request.choice("action", actions)](request, by)

    def _begin(self, request: Request, by: str) -> Mapping[str, object]:
        size = request.whole("size", least=1, most=MOST_CONTENT)
        self._drop_in()
        self._in = self._hold(by, "", size, self._drop_in)
        return {"token": self._in.token, "piece": PIECE_IN}

    def _piece(self, request: Request, by: str) -> Mapping[str, object]:
        held, text = self._held(request, by), request.values.get("text")
        if not isinstance(text, str) or not text or len(held.text) + len(text) > held.size:
            request.refuse("text", "is no piece of what was begun")
        held.text += text
        return {"have": len(held.text)}

    def _look(self, request: Request, by: str) -> Mapping[str, object]:
        backup = self._read(self._held(request, by))
        plan = self._plan(backup, by)
        return _told(backup, plan, staged(self._daemon, plan), self._daemon)

    def _apply(self, request: Request, by: str) -> Mapping[str, object]:
        backup = self._read(self._held(request, by))
        plan = self._plan(backup, by)
        staged(self._daemon, plan)  # raises where its files cannot be used here
        problems = self._restoring.do(plan)
        self._drop_in()
        self._note(request, by, "restore", f"made {plan.made} on {backup.gateway}", Told.RESTORE)
        return {"problems": problems}

    def _plan(self, backup: Backup, by: str) -> Plan:
        """Raises PolicyError where it would put off what cannot be put off."""
        plan = make_plan(self._daemon, backup, by, self._daemon.local_now())
        self._restoring.refuse_later(plan, AFTER)
        return plan

    def _drop(self, _request: Request, by: str) -> Mapping[str, object]:
        if self._in is not None and self._in.by == by:
            self._drop_in()
        return {}

    def _last(self, _request: Request, _by: str) -> Mapping[str, object]:
        plan = self._restoring.last()
        if plan is None:
            return {"last": None}
        zone = self._daemon.rules.household.config.zone
        at, made = (datetime.fromisoformat(one).astimezone(zone) for one in (plan.at, plan.made))
        return {"last": {"by": plan.by, "at": at, "made": made, "undo": self._restoring.may_undo(plan)}}

    def _undo(self, request: Request, by: str) -> Mapping[str, object]:
        plan = self._restoring.undo()
        self._note(request, by, "unrestore", f"made {plan.made}", None)
        return {}

    def _read(self, held: _Held) -> Backup:
        if len(held.text) != held.size:
            _gone("restore")
        if held.backup is None:
            held.backup = parse_backup(held.text)
        return held.backup

    def _held(self, request: Request, by: str) -> _Held:
        held, token = self._in, request.text("token")
        if held is None or held.by != by or not secrets.compare_digest(held.token.encode(), token.encode()):
            _gone("restore")
        return held

    # ------------------------------------------------------------------------------------ both

    def _hold(self, by: str, text: str, size: int, drop: Any) -> _Held:
        return _Held(secrets.token_hex(8), by, text, size, self._daemon.loop.call_later(KEPT, drop))

    def _drop_out(self) -> None:
        if self._out is not None:
            self._out.timer.cancel()
            self._out = None

    def _drop_in(self) -> None:
        if self._in is not None:
            self._in.timer.cancel()
            self._in = None

    def _note(self, request: Request, by: str, what: str, detail: str, told: Told | None) -> None:
        daemon, origin = self._daemon, request.text("origin", "")
        now = daemon.local_now()
        daemon.store.audit(what, detail, by=by, at=now, origin=origin)
        if told is not None:
            device = self._origins.visitor(origin.partition(" ")[0]).name
            known = Announcement(told, by, device, now, now + TOLD, daemon.watch.known)
            daemon.store.people.announce(known)


def _gone(verb: str) -> NoReturn:
    msg = f"{verb}: it is not held any more; begin again"
    raise ControlError(msg).coded(Code.BACKUP_GONE)


def _told(backup: Backup, plan: Plan, after: Household, daemon: Daemon) -> dict[str, object]:
    """What is in it, and what it would change."""
    here = daemon.rules.household
    moved = {name for name, pair in plan.profiles.items() if pair[BEFORE] != pair[AFTER]}
    children = [{"id": one.id, "name": one.name, "band": one.band.value} for one in after.children]
    names = {f"{one.id}.yaml": one.name for one in (*here.profiles.values(), *after.profiles.values())}
    gone = [name for name in moved if plan.profiles[name][AFTER] is None]
    fresh = [name for name in moved if plan.profiles[name][BEFORE] is None]
    known = {one.name for one in plan.people}

    def of(files: list[str]) -> list[str]:
        return [names.get(one, one) for one in sorted(files)][:SHOWN]

    return {
        "made": backup.made,
        "by": backup.by,
        "gateway": backup.gateway,
        "version": backup.version,
        "children": children,
        "people": [one.name for one in backup.people],
        "same": plan.is_empty,
        "fresh": of(fresh),
        "changed": of([one for one in moved if one not in gone and one not in fresh]),
        "gone": of(gone),
        "settings": any(pair[BEFORE] != pair[AFTER] for pair in plan.home.values()),
        "devices": len(plan.devices),
        "pins": len(plan.pins),
        "self_set": len(plan.self_set),
        "added": sorted(known),
        "grants": len(plan.grants) + len(plan.pauses),
        "steps": len(plan.steps),
        "problems": [str(one) for one in after.problems.values()][:SHOWN],
    }
