"""The permission table: who may send which verb. It is made from the declared verbs, and is the only one.

The control server and the check of guardians and tokens use it. docs/developers/permissions.md is generated
from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import Any

from gateway.control.contract import (
    accounts,
    activity,
    backup,
    bypass_alerts,
    devices,
    filter_tests,
    growing,
    health,
    home_automation,
    lists,
    notifications,
    profile,
    requests,
    rules,
    sharing,
    site_repair,
    status,
    time,
    trusted_name,
)
from gateway.control.verbs import BY_PAGES, NoValues, Sender, Verb
from gateway.policy.accounts.people import PersonRole

CONTRACT: tuple[ModuleType, ...] = (
    accounts, activity, backup, bypass_alerts, devices, filter_tests, growing, lists, notifications, requests,
    health, home_automation, profile, rules, sharing, site_repair, status, time, trusted_name,
)  # fmt: skip

EVENTS = Verb("events", NoValues, NoValues, senders=BY_PAGES)
"""The subscription to events. The server itself serves it."""


def _declared() -> Mapping[str, Verb[Any, Any]]:
    found = {EVENTS.name: EVENTS}
    for module in CONTRACT:
        for value in vars(module).values():
            # `returning` makes further Verbs of a name, with the same senders.
            if isinstance(value, Verb):
                found.setdefault(value.name, value)
    return found


VERBS = _declared()
WEB_VERBS = frozenset(name for name, verb in VERBS.items() if verb.senders)
"""The names of the verbs that the web process may send, for itself or for a person."""


def senders_of(name: str) -> frozenset[Sender]:
    """Return the kinds of senders that may use a verb (request type), in addition to root.

    Empty for an unknown verb.
    """
    verb = VERBS.get(name)
    return frozenset() if verb is None else verb.senders


def may_change(role: PersonRole, name: str) -> bool:
    """Return whether a person with this role may send the request type ``name`` (a verb).

    A role is guardian, helper or support. For support it is always False.
    """
    senders = senders_of(name)
    return (Sender.GUARDIAN in senders and role is PersonRole.GUARDIAN) or (
        Sender.HELPER in senders and role is PersonRole.HELPER
    )


def document() -> str:
    """Return the text of docs/developers/permissions.md: tables of verbs, senders and dangerous changes."""
    senders = (Sender.PAGES, Sender.GUARDIAN, Sender.HELPER, Sender.CHILD)
    lines = [
        "# Permissions",
        "",
        "Who may send which verb of the control socket. Root may send every verb. A verb without a mark is",
        "for root alone. This page is generated from the declarations in `gateway/control/contract`:",
        "`make permissions`.",
        "",
        "| sender | meaning |",
        "|---|---|",
        "| pages | the web process itself, for any browser |",
        "| guardian | the account in `by`, with the role guardian |",
        "| helper | the account in `by`, with the role helper |",
        "| child | the child whose device is in `device` |",
        "",
        "| verb | " + " | ".join(senders) + " |",
        "|---|" + ":-:|" * len(senders),
    ]
    for name in sorted(VERBS):
        marks = ("✓" if sender in VERBS[name].senders else "" for sender in senders)
        lines.append(f"| `{name}` | " + " | ".join(marks) + " |")
    lines += [
        "",
        "## Dangerous changes",
        "",
        "These need a proof of the password or a passkey that is at most ten minutes old, from the session",
        "that sends them. *Some*: it depends on the present state, such as whose device it is. Root needs no",
        "proof. [accounts.md](../families/accounts.md#dangerous-changes) says the same for families.",
        "",
        "| verb | dangerous change | which requests | API tokens |",
        "|---|---|---|---|",
    ]
    for name in sorted(VERBS):
        danger = VERBS[name].danger
        if danger is not None:
            which = "some" if danger.needs_proof is None else "by its arguments"
            tokens = "without a proof" if danger.by_tokens else "no"
            lines.append(f"| `{name}` | {danger.what} | {which} | {tokens} |")
    return "\n".join(lines) + "\n"
