"""`qalqan setup`: turns a Debian machine into a gateway. It looks, proposes, asks, writes and starts.

`look` reads the machine, `plan` decides (pure), `files` renders, `write` writes and undoes. This module has
the questions and the output.
"""

from __future__ import annotations

import difflib
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from gateway.check.findings import Severity
from gateway.check.run import findings_of
from gateway.cli import output
from gateway.cli.settings import control_socket, read_config
from gateway.control.client import Client
from gateway.control.contract.accounts import ACCOUNTS
from gateway.core.errors import GatewayError
from gateway.policy.config.config import parse_config
from gateway.policy.time.list_update_times import UpdateInterval
from gateway.policy.yaml.documents import scalar
from gateway.setup.dhcp import servers_on
from gateway.setup.facts import Answers, MachineFacts, Offer, Pool, SetupError, SetupPlan
from gateway.setup.files import by_hand, existing_interval, existing_settings, files, reading_error
from gateway.setup.look import look
from gateway.setup.plan import decide, existing_pool, possible, propose, propose_pool, read_pool, ready
from gateway.setup.system import System
from gateway.setup.write import RecordFolder, apply, undo

CONFIG = "etc/qalqan/qalqan.yaml"  # relative to the root
NONE = ("none", "-")
AUTO = "auto"
WRONG_USAGE = 2
LISTS = (
    "Lists of sites are downloaded from public servers, daily unless you choose otherwise.\n"
    "A server sees the internet address of this home and the time, and nothing about the family."
)
FIRST_DOWNLOAD = (
    "When the first child is added, the daemon downloads the lists. `qalqan lists update` shows the progress."
)
UNCHANGED = "nothing was changed"
NOT_STARTED = "the files above were written, but no service was started; `qalqan setup --undo` undoes this"

T = TypeVar("T")
YES, NO = frozenset({"y", "yes"}), frozenset({"n", "no"})


def run(args: Namespace) -> int:
    root = args.root or Path("/")
    config = args.config or root / CONFIG
    asker, system = Asker(yes=args.yes), System(root)
    if args.undo:
        return _undo(RecordFolder(config), system, asker)
    if args.one_armed and args.wan:
        output.problem("setup: --one-armed IF is the uplink as well; leave --wan out")
        return WRONG_USAGE
    facts = look(config, root)
    ready(facts)
    answers = _answers(args, facts, asker)
    offers = _offers(answers.lan[0])
    answers = replace(answers, pool=_pool(args.dhcp, facts, answers, offers, asker))
    plan = decide(facts, answers, offers)
    texts = files(plan, facts, root)
    _show(plan, facts, texts, whole=args.dry_run)
    if args.dry_run:
        return 0
    if not _may_write(facts, texts, asker):
        print("Nothing was changed.")
        return 1
    changed = apply(plan, texts, RecordFolder(config), system)
    for path in changed:
        print(f"Written: {output.clean(path)}")
    if changed:
        asker.outcome = NOT_STARTED
    started = _start(plan, facts, RecordFolder(config), system, asker)
    _check(config)
    _print_next_steps(plan, facts, config, started=started)
    return 0


def _undo(ledger: RecordFolder, system: System, asker: Asker) -> int:
    if ledger.read() is not None and not asker.agrees("Undo what setup wrote?", default=asker.yes):
        print("Nothing was changed.")
        return 1
    for line in undo(ledger, system):
        print(output.clean(line))
    return 0


# -------------------------------------------------------------------- questions


def _answers(args: Namespace, facts: MachineFacts, asker: Asker) -> Answers:
    answers = _sides(args, facts, asker)
    known = existing_settings(facts)
    zone = args.timezone or _text(known.get("timezone")) or facts.timezone
    zone = asker.line("Time zone?", zone, lambda text: _setting("timezone", text))
    country = args.country or _text(known.get("country")) or facts.country
    question = "Country, for help lines and holidays (two letters, or none)?"
    country = asker.line(question, country or NONE[0], lambda text: _setting("country", text))
    interval = args.lists or existing_interval(known).value
    print(LISTS)
    interval = asker.line("How often (daily, weekly, off)?", interval, _interval)
    return replace(answers, timezone=zone, country=country, lists_update=UpdateInterval(interval))


def _sides(args: Namespace, facts: MachineFacts, asker: Asker) -> Answers:
    proposal = propose(facts)
    print("What this machine has:")
    for reason in proposal.reasons:
        print(f"  {output.clean(reason)}")
    if args.one_armed:
        return possible(facts, Answers((args.one_armed,), args.one_armed, one_armed=True))
    known = existing_settings(facts).get("lan")
    listed = tuple(map(str, known)) if isinstance(known, list) else ()
    if asker.yes and listed == (proposal.wan,) and not (args.lan or args.wan):
        return possible(facts, Answers(listed, proposal.wan, one_armed=True))  # as in the earlier setup
    usual = listed if listed and proposal.wan not in listed else () if proposal.one_armed else proposal.lan
    inside, out = tuple(args.lan or usual), args.wan or proposal.wan
    if args.lan or args.wan or asker.yes:
        if not inside:
            msg = (
                f"{out} is the only interface; use --one-armed {out}, or add an interface for the "
                "home and use --lan"
            )
            raise SetupError(msg)
        return possible(facts, Answers(inside, out))
    if not inside and asker.agrees(f"Make it a gateway with one arm, {out}?", default=True):
        return possible(facts, Answers((out,), out, one_armed=True))
    return _asked_sides(facts, inside, out, asker)


def _asked_sides(facts: MachineFacts, inside: Sequence[str], out: str, asker: Asker) -> Answers:
    out = asker.line("Which interface leads to the internet?", out, str)

    def read(text: str) -> Answers:
        return possible(facts, Answers(tuple(text.replace(",", " ").split()), out))

    return asker.line("Which interface faces the home?", " ".join(inside), read)


def _setting(key: str, text: str) -> str:
    """Return a typed country or time zone in the form that the daemon reads; empty for none.

    ``key``: ``country`` or ``timezone``. Raises PolicyError if it is invalid.
    """
    if not text or (key == "country" and text.lower() in NONE):
        return ""
    config = parse_config(f"{key}: {scalar(text)}\n", "setup", lambda _: False)
    return config.country if key == "country" else config.timezone


def _interval(text: str) -> str:
    """Return a typed update interval (daily, weekly, off) in lower case. Raises SetupError for other text."""
    word = text.lower()
    if word not in list(UpdateInterval):
        msg = f"{text!r} is no answer; write daily, weekly or off"
        raise SetupError(msg)
    return word


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _offers(interface: str) -> tuple[Offer, ...]:
    print(f"Looking for DHCP servers on {interface} …", flush=True)
    try:
        return servers_on(interface)
    except OSError as error:
        output.problem(f"DHCP servers on {interface} cannot be found ({error.strerror or error})")
        return ()


def _pool(
    wanted: str | None, facts: MachineFacts, answers: Answers, offers: Sequence[Offer], asker: Asker
) -> Pool | None:
    """Return the range of addresses that dnsmasq will assign; None if setup does not let it assign any.

    It assigns some only if the user chooses it, now or at an earlier setup. ``wanted``: the option
    ``--dhcp``; None: not given. Raises SetupError for a range that does not fit.
    """
    existing, proposed = existing_pool(facts, answers), propose_pool(facts, answers.lan)
    if wanted is not None:
        if wanted in NONE:
            return None
        if wanted != AUTO:
            return read_pool(wanted)
        if proposed is None:
            msg = "no range can be proposed for this network; write it: --dhcp FIRST-LAST"
            raise SetupError(msg)
        return proposed
    ours = "dhcp-range" in facts.dnsmasq.options or answers.lan[0] in facts.lent
    if asker.yes or ours or not facts.dnsmasq.service:
        return existing
    for offer in offers:
        print(f"  {output.clean(offer.server)} answers there")
    default = existing is not None or not offers
    if not asker.agrees("Let this machine's dnsmasq assign addresses to devices?", default=default):
        return None
    return asker.line(
        "Which ones?", str(existing or proposed or ""), lambda text: _fitting(facts, answers, read_pool(text))
    )


def _fitting(facts: MachineFacts, answers: Answers, pool: Pool) -> Pool:
    decide(facts, replace(answers, pool=pool))
    return pool


# -------------------------------------------------------------------- output


def _show(plan: SetupPlan, facts: MachineFacts, texts: Mapping[Path, bytes], *, whole: bool) -> None:
    print(f"\nThe home is behind {', '.join(plan.lan)}, the internet behind {plan.wan}.")
    if plan.one_armed:
        print("This is one arm: packets leave by the interface on which they arrive.")
    for note in plan.notes:
        print(f"  - {output.clean(note)}")
    if not plan.masquerade4:
        print("  - this machine translates addresses already: no rule of ours is needed")
    print("\nFiles:")
    for path, data in texts.items():
        same = path == facts.config_path and data == facts.config
        print(f"  {output.clean(path)}{' (unchanged)' if same else ''}")
        if whole:
            for line in data.decode("utf-8", "replace").splitlines():
                print(f"    {output.clean(line.replace(chr(9), '  '))}")


def _may_write(facts: MachineFacts, texts: Mapping[Path, bytes], asker: Asker) -> bool:
    """Show how qalqan.yaml would change, and ask; return whether setup may write.

    A file that was written by hand, or cannot be read, needs a second answer. Raises SetupError for such a
    file with ``--yes``.
    """
    new = texts[facts.config_path]
    if facts.config is not None and new != facts.config:
        print(f"\n{output.clean(facts.config_path)} would change:")
        for line in _difference(facts.config, new):
            print(f"  {output.clean(line)}")
        if by_hand(facts):
            error = reading_error(facts)
            if asker.yes:
                msg = (
                    f"{facts.config_path}: is written by hand and would change; run this without --yes, "
                    "or change it yourself"
                )
                if error is not None:
                    msg = f"{error}, or run this without --yes to replace it"
                raise SetupError(msg)
            question = "It was written by hand, and loses its comments; a copy is kept. Change it?"
            if error is not None:
                print(f"\n{output.clean(error)}")
                question = "Its settings cannot be read and are lost; a copy is kept. Replace it?"
            if not asker.agrees(question, default=False):
                return False
    return asker.agrees("\nWrite and apply this?", default=True)


def _difference(before: bytes, after: bytes) -> Iterator[str]:
    old, new = (text.decode("utf-8", "replace").splitlines() for text in (before, after))
    yield from list(difflib.unified_diff(old, new, lineterm="", n=1))[2:]


def _start(plan: SetupPlan, facts: MachineFacts, ledger: RecordFolder, system: System, asker: Asker) -> bool:
    if not system.has_services or not facts.units:
        print("Start it: qalqan run & qalqan web &")
        return False
    if not asker.agrees(f"Start {', '.join(facts.units)} now and at each boot?", default=True):
        print(f"Start it: systemctl enable --now {' '.join(facts.units)}")
        if plan.hook or plan.pool is not None:
            print("Then restart dnsmasq with its new file: systemctl restart dnsmasq")
        return False
    enabling = system.not_enabled(facts.units)
    ledger.started(facts.units, enabling)
    if plan.pool is not None:
        system.start_dnsmasq()
    elif plan.hook:
        system.restart_dnsmasq()
    system.start(facts.units, enabling)
    return True


def _check(config: Path) -> None:
    found = [
        finding for finding in findings_of(config) if finding.level in (Severity.ERROR, Severity.WARNING)
    ]
    print("\nqalqan check:" if found else "\nqalqan check finds no problem.")
    for finding in found:
        print(f"  {output.clean(finding)}")


def _print_next_steps(plan: SetupPlan, facts: MachineFacts, path: Path, *, started: bool) -> None:
    from webui.settings import OWN_NAME  # an OpenWrt router may lack the pages, and is refused before this

    config = read_config(path)
    addresses = (address for name in plan.lan for address in facts.machine.addresses[name])
    own = [address.ip for address in addresses if address.version == 4]
    print(f"\nThe pages: http://{OWN_NAME}/ for devices of the home, or http://{own[0]}:{config.web.port}/")
    if plan.lists_update is not UpdateInterval.OFF:
        print(FIRST_DOWNLOAD)
    if not started:
        print("Once the daemon runs, `qalqan guardian list` shows the label's code.")
        return
    try:
        label = Client(control_socket(config)).ask(ACCOUNTS, action="list").label
    except GatewayError as error:
        output.problem(str(error))
        return
    if label:
        code = output.clean(label)
        print(f"The label's code: {code}. The first person who enters it on the pages becomes a guardian.")


class Asker:
    """Asks the user questions on the console: one line each, the default in brackets. Works with a pipe.

    With ``yes`` it asks nothing and uses the defaults. If the input ends or the user presses Ctrl-C, it
    reports ``outcome``, a text that says what setup has changed until then.
    """

    def __init__(self, *, yes: bool) -> None:
        self.yes = yes
        self.outcome = UNCHANGED

    def line(self, question: str, default: str, read: Callable[[str], T]) -> T:
        """Ask until ``read`` accepts the typed text, or ``default`` for an empty line; return its result.

        ``read`` raises GatewayError for invalid text; with ``yes`` this error is not caught. Raises
        SetupError if the input ends.
        """
        if self.yes:
            return read(default)
        while True:
            typed = self._typed(f"{question} [{default}] " if default else f"{question} ")
            try:
                return read(typed or default)
            except GatewayError as error:
                print(f"  {output.clean(error)}")

    def agrees(self, question: str, *, default: bool) -> bool:
        """Ask a yes-or-no question; return whether the answer is yes. An empty answer means ``default``.

        Raises SetupError if the input ends.
        """
        if self.yes:
            return default
        while True:
            typed = self._typed(f"{question} {'[Y/n]' if default else '[y/N]'} ").lower()
            if not typed:
                return default
            if typed in YES | NO:
                return typed in YES
            print("  Answer y or n.")

    def _typed(self, prompt: str) -> str:
        try:
            return input(prompt).strip()
        except EOFError:
            print()
            msg = f"no input to answer the question; use options and --yes; {self.outcome}"
            raise SetupError(msg) from None
        except KeyboardInterrupt:
            print(f"\n{self.outcome[:1].upper()}{self.outcome[1:]}.")
            raise
