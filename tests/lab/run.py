"""`make run`: the virtual home with the real daemon and its pages, and a few keys to try things with."""

from __future__ import annotations

import argparse
import os
import re
import signal
import sys
from collections.abc import Sequence
from contextlib import ExitStack

from gateway.core.errors import GatewayError
from tests.lab import clients, sample
from tests.lab.console import HELP, REFUSED_SITE, Console
from tests.lab.daemon import Daemon
from tests.lab.doors import links, open_doors, ssh_line, start_relays
from tests.lab.home import Home
from tests.lab.keyboard import Keyboard
from tests.lab.life import Life
from tests.lab.names import NEW, TABLET
from tests.lab.netns import LabError
from tests.lab.teller import Teller
from tests.lab.topology import require_root_and_tools

PORT = 8080
_WELCOME = "Qalqan's virtual home. It touches no interface of yours, and is gone when you leave."
_ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_KEY = re.compile(r"(?P<key>\w)(?:=(?P<argument>\S+))?")


def main(argv: Sequence[str] | None = None) -> int:
    chosen = _parser().parse_args(argv)
    # Also where SIGINT was inherited as ignored: Ctrl-C has to remove the namespaces and links.
    for one in _ENDS:
        signal.signal(one, _interrupt)
    teller = Teller(sys.stdout)
    try:
        require_root_and_tools()
        with ExitStack() as stack:
            _run(chosen, teller, stack)
    except KeyboardInterrupt:
        teller.say("")
    except (LabError, GatewayError) as error:
        print(f"make run: {error}", file=sys.stderr)
        return 1
    teller.say("The virtual home is gone.")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make run", description=__doc__)
    parser.add_argument("--first-run", action="store_true", help="start empty: no family, no history")
    parser.add_argument("--port", type=int, default=PORT, help="the first of three ports on 127.0.0.1")
    parser.add_argument("--script", metavar="KEYS", help='press these and end, as in "w p k w=example.org q"')
    return parser


def _interrupt(_signal: int, _frame: object) -> None:
    """End once; a second Ctrl-C must not stop the tidying up."""
    for one in _ENDS:
        signal.signal(one, signal.SIG_IGN)
    raise KeyboardInterrupt


def _run(chosen: argparse.Namespace, teller: Teller, stack: ExitStack) -> None:
    doors = open_doors(chosen.port, stack)
    teller.say(_WELCOME)
    home = stack.enter_context(Home(absent=[NEW.key]))
    took = home.seconds_to_start
    teller.say(f"The home stands after {took:.1f} s: an internet, a gateway, four devices.")
    daemon = sample.move_in_alone(home) if chosen.first_run else _move_in(home, teller)
    stack.enter_context(daemon)
    stack.callback(teller.close)
    teller.say(f"The daemon answers after {daemon.seconds_to_ready:.1f} s.")
    if not chosen.first_run:
        _first_refusal(home, teller)
    teller.listen(daemon.client)
    start_relays(home, doors, stack)
    _tell_links(daemon, teller, chosen.port, empty=chosen.first_run)
    console = Console(home, daemon, teller)
    stack.callback(console.close)
    if chosen.script is not None:
        _press_all(console, chosen.script)
        return
    if not chosen.first_run:
        life = Life(home, teller)
        stack.callback(life.close)
        life.start()
    _by_hand(console)


def _move_in(home: Home, teller: Teller) -> Daemon:
    daemon, count = sample.move_in(home)
    history = f"{count} decisions of the last {sample.DAYS} days are marked as samples"
    teller.say(f"A sample family lives in it; {history}.")
    return daemon


def _first_refusal(home: Home, teller: Teller) -> None:
    outcome = clients.tls(home.devices[TABLET.key], REFUSED_SITE)
    came = "opens, which is wrong" if outcome.reached else f"is refused ({outcome.how})"
    teller.say(f"{TABLET.label}: {REFUSED_SITE} {came}, after {outcome.ms:.0f} ms.")


def _tell_links(daemon: Daemon, teller: Teller, first: int, *, empty: bool) -> None:
    guardians = ("Parent",) if empty else sample.GUARDIANS
    tokens = [daemon.client.call("guardian", action="add", name=name)["token"] for name in guardians]
    teller.say(f"\n{links(first, tokens[0])}")
    if line := ssh_line(os.environ.get("SSH_CONNECTION", ""), os.environ.get("USER", "root"), first):
        teller.say(f"You are here by SSH. On your own machine, first: {line}")
    teller.say("")


def _press_all(console: Console, script: str) -> None:
    for word in script.split():
        match = _KEY.fullmatch(word)
        if match is None:
            raise LabError(f"--script: {word!r} is no key; write letters and spaces, as in 'w p k q'")
        console.teller.say(f"[{word}]")
        if not console.press(match["key"], match["argument"] or ""):
            return


def _by_hand(console: Console) -> None:
    if not sys.stdin.isatty():
        console.teller.say("There is no keyboard here; Ctrl-C ends it.")
        signal.pause()
        return
    console.teller.say(HELP)
    with Keyboard() as keyboard:
        console.ask = keyboard.ask
        for key in keyboard.pressed():
            if not console.press(key):
                return


if __name__ == "__main__":
    sys.exit(main())
