"""Who may sign in, and as what: the verb ``guardian``.

A link's token is typed or tapped once within fifteen minutes. No password ever comes here: the web process
turns it into a digest, which is compared with the one that is kept (`signins.py`).
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace

from gateway.control.protocol import Request, Role
from gateway.control.signins import SignIns, new_name
from gateway.control.surroundings import CONSOLE, Around
from gateway.control.token_verbs import announce, from_where
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from gateway.policy.accounts.people import (
    ANNOUNCED_FOR,
    MINUTES_LIMIT,
    PEOPLE_LIMIT,
    REMOVED,
    Account,
    AccountRegister,
    Announcement,
    AnnouncementKind,
    PersonRole,
    Proposal,
    digest,
)
from gateway.policy.requests.tickets import ALPHABET

TOKEN_LIFE = 900.0  # seconds
TOKENS_LIMIT = 32  # unused links at a time; the oldest gives way
TOKEN_LENGTH = 12  # 58 bits: a hopeless guess within fifteen minutes

OWNER_ACTIONS = ("list", "add", "link", "reset", "remove", "button")

Action = Callable[[Request], Mapping[str, object]]


class Guardians:
    """README.md has the actions. Those of OWNER_ACTIONS are root's, the others the pages' as well."""

    def __init__(self, register: AccountRegister, around: Around) -> None:
        self._register = register
        self._around = around
        self._signins = SignIns(register, around)
        self._links: dict[str, tuple[str, float]] = {}  # digest of the token → name, end of its life
        self._actions: dict[str, Action] = {
            "list": self._list,
            "add": self._add,
            "link": self._link,
            "reset": self._reset,
            "remove": self._remove,
            "signin": self._sign_in,
            "people": self._people,
            "invite": self._invite,
            "change": self._change,
            "answer": self._answer,
            **self._signins.table(),
        }

    def __call__(self, request: Request) -> Mapping[str, object]:
        action = request.choice("action", self._actions)
        if action in OWNER_ACTIONS:
            request.owner_only()
        return self._actions[action](request)

    def link(self, name: str) -> str:
        """A fresh token for somebody who has an account, as ``K7QD-2MXA-9TRB``."""
        account = self._known(name)
        letters = "".join(secrets.choice(ALPHABET) for _ in range(TOKEN_LENGTH))
        self._forget_old()
        while len(self._links) >= TOKENS_LIMIT:
            del self._links[next(iter(self._links))]
        self._links[digest(letters)] = (account.name, self._around.now() + TOKEN_LIFE)
        return "-".join(letters[i : i + 4] for i in range(0, TOKEN_LENGTH, 4))

    # The console's.

    def _list(self, _: Request) -> dict[str, object]:
        label = {} if self._register.claimed else {"label": self._around.label()}
        return {"guardians": sorted(self._register.guardians()), "people": self._told(), **label}

    def _add(self, request: Request) -> dict[str, object]:
        account = self._new(request)
        self._register.put(account)
        self._record("guardian add", account.name, request)
        return {"guardian": account.name, "token": self.link(account.name)}

    def _link(self, request: Request) -> dict[str, object]:
        return {"token": self.link(request.text("name"))}

    def _reset(self, request: Request) -> dict[str, object]:
        """Who has forgotten the password signs in by a link; the rules stay as they are."""
        account = self._known(request.text("name"))
        self._forget_links(account.name)
        self._register.put(replace(account, secret="", recovery=""))
        self._register.end(account.name)
        self._register.tokens.end(account.name)
        now = self._around.wall()
        sure = self._around.clock_known()
        self._register.announce(
            Announcement(AnnouncementKind.CONSOLE, account.name, "", now, now + ANNOUNCED_FOR, sure)
        )
        self._record("guardian reset", account.name, request)
        return {"guardian": account.name, "token": self.link(account.name)}

    def _remove(self, request: Request) -> dict[str, object]:
        account = self._known(request.text("name"))
        self._take_out(account)
        self._record("guardian remove", account.name, request)
        return {}

    # By a link.

    def _sign_in(self, request: Request) -> Mapping[str, object]:
        if not request.has("token"):
            return self._signins.by_password(request)
        self._forget_old()
        typed = "".join(c for c in request.text("token").upper() if c.isalnum())
        name, _ = self._links.pop(digest(typed), ("", 0.0))
        account = self._register.guardians().get(name)
        if account is None:
            msg = "this code is used or older than 15 minutes; make a new one: qalqan guardian reset NAME"
            raise ControlError(msg).coded(Code.LINK_USED)
        return self._signins.begin(account, request)

    # A guardian's, about the others.

    def _people(self, _: Request) -> dict[str, object]:
        waiting = self._register.proposals(self._around.wall())
        return {
            "people": self._told(),
            "proposals": [
                {"name": one.name, "role": one.role, "minutes": one.minutes, "by": one.by, "at": one.at}
                for one in waiting
            ],
        }

    def _told(self) -> list[dict[str, object]]:
        return [
            {
                "name": one.name,
                "role": one.role.value,
                "minutes": one.minutes,
                "password": bool(one.secret),
                "came": one.came,
                "sessions": len(self._register.sessions(one.name)),
            }
            for one in sorted(self._register.guardians().values(), key=lambda one: one.name.casefold())
        ]

    def _invite(self, request: Request) -> dict[str, object]:
        """Somebody new, or once more who has never come; a guardian who has come has the console's link."""
        self._guardian(request)
        known = self._register.find(request.text("name"))
        if known is None or not request.values.get("again"):
            added = self._add(request)
            self._tell_of_guardian(str(added["guardian"]), request)
            return added
        if known.came and known.guards:
            problem = f"names {known.name}, who is a guardian; a new link is the console's to give"
            request.refuse("name", problem, Code.CONSOLE_ONLY, name=known.name)
        self._record("guardian link", known.name, request)
        return {"guardian": known.name, "token": self.link(known.name)}

    def _change(self, request: Request) -> dict[str, object]:
        """Another role, or none. To take a guardian's rights needs that guardian's own yes."""
        by, account = self._guardian(request), self._known(request.text("name"))
        role = request.choice("role", [*PersonRole, REMOVED])
        minutes = self._minutes(request, role)
        lessened = account.guards and role != PersonRole.GUARDIAN
        if lessened and self._register.is_last_guardian(account.name):
            request.refuse("name", "names the last guardian; add another one first", Code.LAST_GUARDIAN)
        if lessened and account.name != by.name:
            now = self._around.wall()
            self._register.propose(Proposal(account.name, role, minutes, by.name, now))
            self._record("guardian propose", f"{account.name} {role}", request)
            return {"proposed": True}
        self._become(account, role, minutes, request)
        if not account.guards:
            self._tell_of_guardian(account.name, request)
        return {"proposed": False}

    def _answer(self, request: Request) -> dict[str, object]:
        """``by`` is whom it is about, or, to withdraw it, who proposed it. A yes is to the ``role`` and
        ``minutes`` that were read: another guardian may have proposed something else since.
        """
        by, about = self._guardian(request), request.text("name")
        answer = request.choice("answer", ("yes", "no"))
        waiting = self._register.proposals(self._around.wall())
        one = next((one for one in waiting if one.name == about), None)
        if one is None or by.name not in (one.name, one.by) or (answer == "yes" and by.name != one.name):
            request.refuse("name", "has nothing that waits for this answer", Code.NO_PROPOSAL)
        if answer == "yes":
            minutes = request.whole("minutes", least=0, most=MINUTES_LIMIT, default=0)
            if (one.role, one.minutes) != (request.text("role"), minutes):
                request.refuse("role", "is not what is proposed by now; read it anew", Code.CHANGED_MEANWHILE)
        self._register.settle(about)
        if answer == "no":
            self._record("guardian no", f"{about} {one.role}", request)
            return {"done": False}
        if self._register.is_last_guardian(about):
            request.refuse("name", "names the last guardian; add another one first", Code.LAST_GUARDIAN)
        self._become(by, one.role, one.minutes, request)
        return {"done": True}

    def _become(self, account: Account, role: str, minutes: int, request: Request) -> None:
        if role == REMOVED:
            self._take_out(account)
            self._record("guardian remove", account.name, request)
            return
        self._register.settle(account.name)
        self._register.put(replace(account, role=PersonRole(role), minutes=minutes))
        self._record("guardian role", f"{account.name} {role} {minutes}".removesuffix(" 0"), request)

    # Checks.

    def _new(self, request: Request) -> Account:
        """Somebody whose name nobody has yet."""
        name = new_name(request, self._register)
        role = request.choice("role", PersonRole) if request.has("role") else PersonRole.GUARDIAN.value
        if len(self._register.guardians()) >= PEOPLE_LIMIT:
            problem = f"is one too many: {PEOPLE_LIMIT} people have an account already"
            request.refuse("name", problem, Code.TOO_MANY_PEOPLE, most=PEOPLE_LIMIT)
        return Account(name, PersonRole(role), minutes=self._minutes(request, role))

    @staticmethod
    def _minutes(request: Request, role: str) -> int:
        if role != PersonRole.HELPER:
            return 0
        return request.whole("minutes", least=0, most=MINUTES_LIMIT, default=30)

    def _guardian(self, request: Request) -> Account:
        by = request.text("by", CONSOLE) if request.role is Role.OWNER else request.text("by")
        account = self._register.guardians().get(by)
        if account is not None and account.guards:
            return account
        if request.role is not Role.OWNER or by != CONSOLE:
            request.refuse("by", "names nobody who is a guardian here; sign in again", Code.NO_GUARDIAN)
        return Account(CONSOLE)

    def _tell_of_guardian(self, name: str, request: Request) -> None:
        """Everybody, for a week, where it is one now: a phone that lay about for a minute makes one too."""
        account = self._register.guardians().get(name)
        if account is not None and account.guards:
            announce(self._register, self._around, AnnouncementKind.GUARDIAN, name, request)

    def _known(self, name: str) -> Account:
        account = self._register.guardians().get(name)
        if account is None:
            msg = f"there is no guardian {name!r}; add one with: qalqan guardian add NAME"
            raise ControlError(msg).coded(Code.NO_GUARDIAN)
        return account

    def _record(self, what: str, detail: str, request: Request) -> None:
        by = request.text("by", CONSOLE)
        place = from_where(request, self._register, self._around.wall())
        self._around.record(what, detail, by, place)

    def _take_out(self, account: Account) -> None:
        self._forget_links(account.name)
        self._register.remove(account.name)

    def _forget_links(self, name: str) -> None:
        self._links = {key: link for key, link in self._links.items() if link[0] != name}

    def _forget_old(self) -> None:
        now = self._around.now()
        self._links = {key: link for key, link in self._links.items() if link[1] > now}
