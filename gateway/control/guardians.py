"""Serves the verb ``guardian``: accounts, their roles, and sign-in links.

The token of a link is valid once, for fifteen minutes. The daemon never gets a password: the web process
sends a digest, which is compared with the stored one (`signins.py`).
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace

from gateway.control.contract.accounts import (
    ACCOUNTS,
    AccountRequest,
    AccountResponse,
    PersonAccount,
    RoleProposal,
)
from gateway.control.proofs import Proofs
from gateway.control.protocol import Call, ControlRequest, Role
from gateway.control.router import Router
from gateway.control.second_factor import without_factor
from gateway.control.signins import SignIns, new_name
from gateway.control.surroundings import CONSOLE, Around
from gateway.control.token_verbs import announce, from_where
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from gateway.policy.accounts.people import (
    ANNOUNCED_FOR,
    PEOPLE_LIMIT,
    REMOVED,
    Account,
    AccountRegister,
    Announcement,
    AnnouncementKind,
    PersonRole,
    ProposedRole,
    digest,
)
from gateway.policy.requests.tickets import ALPHABET

TOKEN_LIFE = 900.0  # seconds
TOKENS_LIMIT = 32  # unused links; the oldest is dropped
HELPER_MINUTES = 30  # by default
TOKEN_LENGTH = 12  # 58 bits: cannot be guessed within fifteen minutes

OWNER_ACTIONS = ("list", "add", "link", "reset", "remove", "button")

Action = Callable[[Call[AccountRequest]], AccountResponse]


class Guardians:
    """Serves requests about accounts (the verb ``guardian``): accounts, their roles and sign-in links.

    `SignIns` has the actions for sign-in and sessions. OWNER_ACTIONS are for root only; the pages may use
    the others too.
    """

    def __init__(self, register: AccountRegister, around: Around, proofs: Proofs) -> None:
        self._register = register
        self._around = around
        self._proofs = proofs
        self._signins = SignIns(register, around, proofs)
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

    def register(self, router: Router) -> None:
        router.serve(ACCOUNTS, self.carry_out)

    def carry_out(self, call: Call[AccountRequest]) -> AccountResponse:
        if call.args.action in OWNER_ACTIONS:
            call.owner_only()
        return self._actions[call.args.action](call)

    def session_account(self, request: ControlRequest) -> AccountResponse | None:
        """Return the account of the request's `session`, as the action `check` does.

        None without a session, or if it has ended.
        """
        if not request.has("session"):
            return None
        try:
            return self._signins.check(request)
        except ControlError:
            return None

    def link(self, name: str) -> str:
        """Create a sign-in token for an existing account and return it, such as ``K7QD-2MXA-9TRB``.

        It is valid once, for fifteen minutes. Raises ControlError for an unknown name.
        """
        account = self._known(name)
        letters = "".join(secrets.choice(ALPHABET) for _ in range(TOKEN_LENGTH))
        self._forget_old()
        while len(self._links) >= TOKENS_LIMIT:
            del self._links[next(iter(self._links))]
        self._links[digest(letters)] = (account.name, self._around.now() + TOKEN_LIFE)
        return "-".join(letters[i : i + 4] for i in range(0, TOKEN_LENGTH, 4))

    # Actions of the console.

    def _list(self, _: Call[AccountRequest]) -> AccountResponse:
        names, people = tuple(sorted(self._register.accounts())), self._accounts()
        if self._register.claimed:
            return AccountResponse(guardians=names, people=people)
        label, button = self._around.label(), self._around.children()
        return AccountResponse(guardians=names, people=people, label=label, button=button)

    def _add(self, call: Call[AccountRequest]) -> AccountResponse:
        account = self._new(call)
        if account.guards and not self._register.claimed and self._around.children():
            announce(self._register, self._around, AnnouncementKind.CLAIM_AGAIN, account.name, call)
        self._register.put(account)
        self._record("guardian add", account.name, call)
        return AccountResponse(guardian=account.name, token=self.link(account.name))

    def _link(self, call: Call[AccountRequest]) -> AccountResponse:
        return AccountResponse(token=self.link(call.text("name")))

    def _reset(self, call: Call[AccountRequest]) -> AccountResponse:
        """Remove an account's password, second factor and passkeys, and return a new sign-in token.

        All its sessions and API tokens end, and everyone sees a notice for a week. Rules stay.
        """
        account = self._known(call.text("name"))
        self._forget_links(account.name)
        self._register.put(without_factor(replace(account, secret="", recovery="", passkeys=())))
        self._register.end(account.name)
        self._register.tokens.end(account.name)
        now = self._around.wall()
        clock_trusted = self._around.clock_known()
        self._register.announce(
            Announcement(AnnouncementKind.CONSOLE, account.name, "", now, now + ANNOUNCED_FOR, clock_trusted)
        )
        self._record("guardian reset", account.name, call)
        return AccountResponse(guardian=account.name, token=self.link(account.name))

    def _remove(self, call: Call[AccountRequest]) -> AccountResponse:
        account = self._known(call.text("name"))
        self._take_out(account)
        self._record("guardian remove", account.name, call)
        return AccountResponse()

    # Sign-in by a link.

    def _sign_in(self, call: Call[AccountRequest]) -> AccountResponse:
        if call.has("pending"):
            return self._signins.by_code(call)
        if not call.has("token"):
            return self._signins.by_password(call)
        self._forget_old()
        typed = "".join(c for c in call.text("token").upper() if c.isalnum())
        name, _ = self._links.pop(digest(typed), ("", 0.0))
        account = self._register.accounts().get(name)
        if account is None:
            raise ControlError.of(Code.LINK_USED)
        return self._signins.begin(account, call)

    # Actions of a guardian on other accounts.

    def _people(self, _: Call[AccountRequest]) -> AccountResponse:
        proposals = tuple(
            RoleProposal(
                name=proposal.name,
                role=proposal.role,
                minutes=proposal.minutes,
                by=proposal.by,
                at=proposal.at,
            )
            for proposal in self._register.proposals(self._around.wall())
        )
        return AccountResponse(people=self._accounts(), proposals=proposals)

    def _accounts(self) -> tuple[PersonAccount, ...]:
        accounts = self._register.accounts().values()
        return tuple(
            PersonAccount(
                name=account.name,
                role=account.role.value,
                minutes=account.minutes,
                password=bool(account.secret),
                came=account.came,
                sessions=len(self._register.sessions(account.name)),
                second_factor=bool(account.totp),
                passkeys=len(account.passkeys),
            )
            for account in sorted(accounts, key=lambda account: account.name.casefold())
        )

    def _invite(self, call: Call[AccountRequest]) -> AccountResponse:
        """Create an account and return its sign-in token.

        With ``again``, return a new token for an existing account. Only a parent or root may do this.
        It refuses a new token for a parent who has signed in before: only the console can make that.
        """
        self._guardian(call)
        known = self._register.find(call.text("name"))
        if known is None or not call.args.again:
            added = self._add(call)
            self._announce_guardian(added.guardian, call)
            return added
        if known.came and known.guards:
            raise ControlError.of(Code.CONSOLE_ONLY, name=known.name)
        self._record("guardian link", known.name, call)
        return AccountResponse(guardian=known.name, token=self.link(known.name))

    def _change(self, call: Call[AccountRequest]) -> AccountResponse:
        """Change an account's role, or remove the account. Only a parent or root may do this.

        To reduce another parent's rights is only proposed: that parent must consent. Refuses to
        reduce the last parent's rights.
        """
        by, account = self._guardian(call), self._known(call.text("name"))
        role = call.choice("role", [*PersonRole, REMOVED])
        minutes = self._minutes(call, role)
        lessened = account.guards and role != PersonRole.GUARDIAN
        if lessened and self._register.is_last_guardian(account.name):
            raise ControlError.of(Code.LAST_GUARDIAN)
        if lessened and account.name != by.name:
            now = self._around.wall()
            self._register.propose(ProposedRole(account.name, role, minutes, by.name, now))
            self._record("guardian propose", f"{account.name} {role}", call)
            return AccountResponse(proposed=True)
        self._become(account, role, minutes, call)
        if not account.guards:
            self._announce_guardian(account.name, call)
        return AccountResponse(proposed=False)

    def _answer(self, call: Call[AccountRequest]) -> AccountResponse:
        """Accept or refuse a proposed role. Return whether it was accepted.

        ``by`` is the person concerned, or the proposer, who may withdraw it. A yes must name the
        ``role`` and ``minutes`` that the person has read, since the proposal may have changed.
        Refuses it otherwise, and for the last parent: the proposal then stays.
        """
        by, about = self._guardian(call), call.text("name")
        answer = call.choice("answer", ("yes", "no"))
        waiting = self._register.proposals(self._around.wall())
        proposal = next((proposal for proposal in waiting if proposal.name == about), None)
        if (
            proposal is None
            or by.name not in (proposal.name, proposal.by)
            or (answer == "yes" and by.name != proposal.name)
        ):
            raise ControlError.of(Code.NO_PROPOSAL)
        if answer == "yes":
            minutes = call.args.minutes or 0
            if (proposal.role, proposal.minutes) != (call.text("role"), minutes):
                raise ControlError.of(Code.CHANGED_MEANWHILE)
        if answer == "no":
            self._register.settle(about)
            self._record("guardian no", f"{about} {proposal.role}", call)
            return AccountResponse(done=False)
        if self._register.is_last_guardian(about):
            raise ControlError.of(Code.LAST_GUARDIAN)
        self._become(by, proposal.role, proposal.minutes, call)
        return AccountResponse(done=True)

    def _become(self, account: Account, role: str, minutes: int, call: Call[AccountRequest]) -> None:
        if role == REMOVED:
            self._take_out(account)
            self._record("guardian remove", account.name, call)
            return
        self._register.settle(account.name)
        self._register.put(replace(account, role=PersonRole(role), minutes=minutes))
        self._record("guardian role", f"{account.name} {role} {minutes}".removesuffix(" 0"), call)

    # Checks and helpers.

    def _new(self, call: Call[AccountRequest]) -> Account:
        """Return a new account from the request, without storing it.

        Raises ControlError for a used name, or if there are PEOPLE_LIMIT accounts.
        """
        name = new_name(call, self._register)
        role = call.choice("role", PersonRole) if call.has("role") else PersonRole.GUARDIAN.value
        if len(self._register.accounts()) >= PEOPLE_LIMIT:
            raise ControlError.of(Code.TOO_MANY_PEOPLE, most=PEOPLE_LIMIT)
        return Account(name, PersonRole(role), minutes=self._minutes(call, role))

    @staticmethod
    def _minutes(call: Call[AccountRequest], role: str) -> int:
        if role != PersonRole.HELPER:
            return 0
        return HELPER_MINUTES if call.args.minutes is None else call.args.minutes

    def _guardian(self, call: Call[AccountRequest]) -> Account:
        """Return the account of the parent who sends the request; of the console, an account named CONSOLE.

        Raises ControlError for any other sender, and for a dangerous change without a recent proof
        (`Proofs.require`).
        """
        by = call.text("by", CONSOLE) if call.role is Role.OWNER else call.text("by")
        account = self._register.accounts().get(by)
        if account is not None and account.guards:
            self._proofs.require(call)
            return account
        if call.role is not Role.OWNER or by != CONSOLE:
            raise ControlError.of(Code.NO_GUARDIAN)
        return Account(CONSOLE)

    def _announce_guardian(self, name: str, call: Call[AccountRequest]) -> None:
        """Show everyone a notice for a week that an account is a parent; do nothing for another role.

        The notice lets parents find an account that was added on a parent's unattended phone.
        """
        account = self._register.accounts().get(name)
        if account is not None and account.guards:
            announce(self._register, self._around, AnnouncementKind.GUARDIAN, name, call)

    def _known(self, name: str) -> Account:
        account = self._register.accounts().get(name)
        if account is None:
            raise ControlError.of(Code.NO_GUARDIAN)
        return account

    def _record(self, what: str, detail: str, call: Call[AccountRequest]) -> None:
        by = call.text("by", CONSOLE)
        around = self._around
        place = from_where(call, self._register, around.wall(), clock_trusted=around.clock_known())
        around.record(what, detail, by, place)

    def _take_out(self, account: Account) -> None:
        self._forget_links(account.name)
        self._register.remove(account.name)

    def _forget_links(self, name: str) -> None:
        self._links = {key: link for key, link in self._links.items() if link[0] != name}

    def _forget_old(self) -> None:
        now = self._around.now()
        self._links = {key: link for key, link in self._links.items() if link[1] > now}
