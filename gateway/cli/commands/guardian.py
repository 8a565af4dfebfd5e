"""`qalqan guardian` and `button`: accounts of the pages, and one-time codes to sign in."""

from __future__ import annotations

from argparse import Namespace

from gateway.cli import output
from gateway.cli.settings import daemon
from gateway.control.client import Client
from gateway.control.contract.accounts import ACCOUNTS, AccountResponse
from gateway.policy.accounts.people import PersonRole
from gateway.policy.judge.world import GATEWAY_NAME


def run(args: Namespace) -> int:
    client = daemon(args)
    if args.command == "button":
        return _press_button(client)
    if args.action == "list":
        _list(client.ask(ACCOUNTS, action="list"))
        return 0
    asked: dict[str, object] = {"action": args.action, "name": args.name}
    for key in ("role", "minutes"):
        if getattr(args, key, None) is not None:
            asked[key] = getattr(args, key)
    answer = client.ask(ACCOUNTS, **asked)
    if args.action == "remove":
        print(f"The account of {output.clean(args.name)} is removed")
        return 0
    token = answer.token
    print(f"{output.clean(answer.guardian)} can sign in with {token}, once and within 15 minutes:")
    print(f"http://{GATEWAY_NAME}/signin?code={token}")
    return 0


def _list(answer: AccountResponse) -> None:
    people = {person.name: person for person in answer.people}
    for name in answer.guardians:
        person, about = people.get(name), []
        if person is not None and person.role == PersonRole.HELPER:
            about.append(f"helper, up to {person.minutes} min per day and child")
        elif person is not None and person.role != PersonRole.GUARDIAN:
            about.append(output.clean(person.role))
        if person is not None and person.second_factor:
            about.append("second step at sign-in")
        if person is not None and person.passkeys:
            about.append(f"{person.passkeys} passkey{'s' * (person.passkeys > 1)}")
        print("  ".join((output.clean(name), *about)))
    if not answer.guardians:
        print("There is no guardian yet; add one: qalqan guardian add NAME")
    if answer.label:
        code = output.clean(answer.label)
        button = ", within two minutes of a press of the button on the gateway," if answer.button else ""
        print(
            f"The first person in the home network who enters the label code {code}{button} becomes one: "
            f"http://{GATEWAY_NAME}/claim"
        )


def _press_button(client: Client) -> int:
    """Report to the daemon that the button on the gateway was pressed. Return 0.

    The platform's button script runs this. For two minutes, the label code can then set a new password, or
    claim a gateway whose accounts were lost.
    """
    seconds = client.ask(ACCOUNTS, action="button").seconds
    print(f"for {seconds} seconds, a new password can be set with the code on the label")
    return 0
