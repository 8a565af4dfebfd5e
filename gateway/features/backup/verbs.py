"""The verbs `backup` and `restore`: send and receive a backup in pieces of plain text, and apply or undo it.

The client encrypts and decrypts it. The daemon loads no OpenSSL, to save memory, and knows no password.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from gateway.control.contract.backup import (
    BACKUP,
    CONTENT_LIMIT,
    RESTORE,
    BackupPiece,
    BackupRequest,
    ChildInBackup,
    LastRestore,
    RestoreApplied,
    RestoreBegun,
    RestoredBackup,
    RestorePiece,
    RestorePreview,
    RestoreRequest,
    RestoreResponse,
)
from gateway.control.protocol import Call, ControlRequest
from gateway.control.router import Router
from gateway.core.errors import ControlError
from gateway.core.loop import Timer
from gateway.core.reason_codes import Code
from gateway.core.turns import Steps
from gateway.features.accounts.access import Access
from gateway.features.accounts.verbs import Origins
from gateway.features.backup.contents import collect
from gateway.features.backup.restore import Restoring
from gateway.features.backup.restore_plan import (
    AFTER,
    BEFORE,
    RestorePlan,
    make_plan,
    restored_files,
    staged,
)
from gateway.household.context import Effects, HomeContext
from gateway.household.visibility import Visibility
from gateway.policy.accounts.people import ANNOUNCED_FOR, Announcement, AnnouncementKind
from gateway.policy.profile.backup_format import Backup, backup_text, parse_backup
from gateway.policy.profile.household import Household
from gateway.store.store import Store

PIECE = 256 * 1024  # characters per answer: an answer has at most 1 MiB; sending blocks the loop for 2 ms
PIECE_IN = 28 * 1024  # characters per request: a request has at most 64 KiB; JSON may double each character
STORED_FOR = 600.0  # seconds for which a backup stays in memory
SHOWN = 20  # names of each kind in the answer to `look`


_Action = Callable[[Call[RestoreRequest], str], RestoreResponse | Steps[RestoreResponse]]


@dataclass(slots=True)
class _Transfer:
    """A backup that is being sent or received in pieces, in memory: text of at most 1 MiB."""

    token: str
    by: str
    text: str
    size: int
    timer: Timer
    backup: Backup | None = None


class BackupVerbs:
    """Makes, sends, receives, previews, applies and undoes backups.

    ``refuse_file`` raises ControlError, given a profile's id and the content of its file, if the
    file would postpone a child's proposed change to adulthood.
    """

    def __init__(
        self,
        home: HomeContext,
        effects: Effects,
        store: Store,
        visibility: Visibility,
        refuse_file: Callable[[str, bytes], None],
        access: Access,
        origins: Origins,
    ) -> None:
        """Undo the database changes of a restore that was interrupted when the daemon stopped."""
        self._home = home
        self._store = store
        self._visibility = visibility
        self._access = access
        self._origins = origins
        self._restoring = Restoring(home, effects, store, refuse_file)
        self._restoring.recover()
        self.note = self._note  # for automatic backups
        self._out: _Transfer | None = None
        self._in: _Transfer | None = None

    def register(self, router: Router) -> None:
        router.serve(BACKUP, self.backup)
        router.serve(RESTORE, self.restore)

    # ------------------------------------------------------------------------------------ out

    def backup(self, call: Call[BackupRequest]) -> BackupPiece:
        """Return the piece of the backup that begins at character ``from``; 0 makes a new backup.

        The first piece also has the names of files that were left out. The last piece deletes the backup.
        With ``automatic``, for root only, the backup is neither in the audit log nor announced. Raises
        ControlError for a backup that is too large, another guardian's or no longer in memory, and
        PolicyError if a file cannot be read.
        """
        by, start = self._access.guardian(call), call.args.from_
        if call.args.automatic:
            call.owner_only()
        left_out: list[str] = []
        if not start:
            content, left_out = collect(self._home, self._store, self._visibility, by)
            text = backup_text(content)
            if len(text) > CONTENT_LIMIT:
                most = CONTENT_LIMIT >> 20
                raise ControlError.of(Code.BACKUP_LARGE, most=most)
            self._drop_out()
            self._out = self._start_transfer(by, text, len(text), self._drop_out)
            if not call.args.automatic:
                self._note(call, by, "backup", f"{len(content.profiles)} profiles", AnnouncementKind.BACKUP)
        transfer = self._out
        if transfer is None or transfer.by != by or start > transfer.size:
            raise ControlError.of(Code.BACKUP_GONE)
        piece = transfer.text[start : start + PIECE]
        if start + len(piece) >= transfer.size:
            self._drop_out()
        return BackupPiece(from_=start, text=piece, size=transfer.size, left_out=tuple(left_out))

    # ------------------------------------------------------------------------------------ in

    def restore(self, call: Call[RestoreRequest]) -> RestoreResponse | Steps[RestoreResponse]:
        """Do the request's ``action``: receive a backup in pieces, report its changes, apply or drop it.

        Others report or undo the last restore. Raises ControlError if no guardian sent it or the
        backup is gone, and GatewayError if it cannot be used.
        """
        actions: Mapping[str, _Action] = {
            "begin": self._begin,
            "piece": self._piece,
            "look": self._look,
            "apply": self._apply,
            "drop": self._drop,
            "last": self._last,
            "undo": self._undo,
        }
        return actions[call.args.action](call, self._access.guardian(call))

    def _begin(self, call: Call[RestoreRequest], by: str) -> RestoreBegun:
        if call.args.size is None:
            call.refuse("size", "is missing")
        self._drop_in()
        self._in = self._start_transfer(by, "", call.args.size, self._drop_in)
        return RestoreBegun(token=self._in.token, piece=PIECE_IN)

    def _piece(self, call: Call[RestoreRequest], by: str) -> RestorePiece:
        transfer, text = self._incoming(call, by), call.args.text
        if not text or len(transfer.text) + len(text) > transfer.size:
            call.refuse("text", "is no piece of what was begun")
        transfer.text += text
        return RestorePiece(have=len(transfer.text))

    def _look(self, call: Call[RestoreRequest], by: str) -> Steps[RestoreResponse]:
        rules = self._home.rules
        backup, plan, after = yield from self._staged(self._incoming(call, by), by)
        return _preview(backup, plan, rules.household, after)

    def _apply(self, call: Call[RestoreRequest], by: str) -> Steps[RestoreResponse]:
        transfer = self._incoming(call, by)
        yield from self._restoring.steps_ahead()
        backup, plan, _ = yield from self._staged(transfer, by)
        self._restoring.do(plan)  # in the same turn: until then the files are as the plan says
        self._drop_in()
        self._note(call, by, "restore", f"made {plan.made} on {backup.gateway}", AnnouncementKind.RESTORE)
        problems = yield from self._restoring.reload_steps()
        return RestoreApplied(problems=tuple(problems))

    def _staged(self, transfer: _Transfer, by: str) -> Steps[tuple[Backup, RestorePlan, Household]]:
        """Return a received backup, the plan to restore it, and the household that it would give.

        It runs in steps; nothing is restored. Raises GatewayError if the files cannot be used, or
        would postpone a child's proposed change to adulthood.
        """
        rules = self._home.rules
        backup = self._parse(transfer)
        yield
        files = restored_files(rules, backup)
        yield
        yield from rules.steps_ahead(files)
        plan = make_plan(rules, self._store, backup, by, self._home.local_now())
        self._restoring.refuse_later(plan, AFTER)
        return backup, plan, staged(rules, plan)

    def _drop(self, _call: Call[RestoreRequest], by: str) -> RestoreResponse:
        if self._in is not None and self._in.by == by:
            self._drop_in()
        return RestoreResponse()

    def _last(self, _call: Call[RestoreRequest], _by: str) -> LastRestore:
        plan = self._restoring.last()
        if plan is None:
            return LastRestore(last=None)
        zone = self._home.rules.household.config.zone
        at, made = (datetime.fromisoformat(text).astimezone(zone) for text in (plan.at, plan.made))
        return LastRestore(
            last=RestoredBackup(by=plan.by, at=at, made=made, undo=self._restoring.may_undo(plan))
        )

    def _undo(self, call: Call[RestoreRequest], by: str) -> Steps[RestoreResponse]:
        yield from self._restoring.steps_ahead()
        plan = self._restoring.undo()
        self._note(call, by, "unrestore", f"made {plan.made}", None)
        yield from self._restoring.reload_steps()
        return RestoreResponse()

    def _parse(self, transfer: _Transfer) -> Backup:
        if len(transfer.text) != transfer.size:
            raise ControlError.of(Code.BACKUP_GONE)
        if transfer.backup is None:
            transfer.backup = parse_backup(transfer.text)
        return transfer.backup

    def _incoming(self, call: Call[RestoreRequest], by: str) -> _Transfer:
        transfer, token = self._in, call.text("token")
        if (
            transfer is None
            or transfer.by != by
            or not secrets.compare_digest(transfer.token.encode(), token.encode())
        ):
            raise ControlError.of(Code.BACKUP_GONE)
        return transfer

    # ------------------------------------------------------------------------------------ both

    def _start_transfer(self, by: str, text: str, size: int, drop: Callable[[], None]) -> _Transfer:
        timer = self._home.loop.call_later(STORED_FOR, drop)
        return _Transfer(secrets.token_hex(8), by, text, size, timer)

    def _drop_out(self) -> None:
        if self._out is not None:
            self._out.timer.cancel()
            self._out = None

    def _drop_in(self) -> None:
        if self._in is not None:
            self._in.timer.cancel()
            self._in = None

    def _note(
        self, request: ControlRequest, by: str, what: str, detail: str, announcement: AnnouncementKind | None
    ) -> None:
        """Write an audit line about a backup or restore.

        Also announce it to everyone for a week, as ``announcement``; None: do not.
        """
        origin, now = request.text("origin", ""), self._home.local_now()
        self._store.audit.record(what, detail, by=by, at=now, origin=origin)
        if announcement is not None:
            device = self._origins.requester(origin.partition(" ")[0]).name
            trusted = self._home.clock_trusted
            self._store.people.announce(
                Announcement(announcement, by, device, now, now + ANNOUNCED_FOR, trusted)
            )


def _preview(backup: Backup, plan: RestorePlan, before: Household, after: Household) -> RestorePreview:
    """Return what the backup contains, and what restoring it would change.

    ``before`` and ``after``: the household now and as restored.
    """
    moved = {name for name, pair in plan.profiles.items() if pair[BEFORE] != pair[AFTER]}
    people = (*before.profiles.values(), *after.profiles.values())
    names = {f"{person.id}.yaml": person.name for person in people}
    gone = [name for name in moved if plan.profiles[name][AFTER] is None]
    fresh = [name for name in moved if plan.profiles[name][BEFORE] is None]

    def of(files: list[str]) -> tuple[str, ...]:
        return tuple(names.get(file, file) for file in sorted(files)[:SHOWN])

    return RestorePreview(
        made=backup.made,
        by=backup.by,
        gateway=backup.gateway,
        version=backup.version,
        children=tuple(
            ChildInBackup(id=child.id, name=child.name, band=child.band.value) for child in after.children
        ),
        people=tuple(account.name for account in backup.people),
        same=plan.is_empty,
        fresh=of(fresh),
        changed=of([name for name in moved if name not in gone and name not in fresh]),
        gone=of(gone),
        settings=any(pair[BEFORE] != pair[AFTER] for pair in plan.home.values()),
        devices=len(plan.devices),
        pins=len(plan.pins),
        self_set=len(plan.self_set),
        added=tuple(sorted({account.name for account in plan.people})),
        grants=len(plan.grants) + len(plan.pauses),
        steps=len(plan.steps),
        problems=tuple(str(problem) for problem in after.problems.values())[:SHOWN],
    )
