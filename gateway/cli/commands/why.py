"""`qalqan why`: explains the decision for a host. Asks the daemon; without one, uses the files."""

from __future__ import annotations

from argparse import Namespace
from datetime import UTC, datetime

from gateway.cli import output
from gateway.cli.rule_files import is_file, mac_of, rules_of_device, rules_of_profile
from gateway.cli.settings import config_in_use, config_path, control_socket
from gateway.control.client import Client
from gateway.control.contract.activity import BlockOrigin
from gateway.control.contract.rules import WHY, Explanation
from gateway.control.schema import to_json
from gateway.core.errors import ControlError, PolicyError
from gateway.core.reason_codes import Code
from gateway.features.rules.explanation import explanation
from gateway.policy.judge.decide import Judge
from gateway.policy.judge.explanation import category_of, contest, decider
from gateway.policy.judge.why import parse_moment, parse_question, why
from gateway.policy.values import Decision, Observation, Verdict

PATIENCE = 1.0  # seconds for the daemon's answer
CONTEST = {
    "ask": "asking for it, with one tap",
    "time": "asking for time",
    "parent": "a parent, who can change it",
    "provider": "the internet provider or a hotline, who can look into it",
    "state": "the authority for complaints about it",
    "maker": "the makers of the program",
}
UNKNOWN = "from files only: pauses, grants and used time are not included"


def run(args: Namespace) -> int:
    seen = parse_question(args.host, args.to, args.speaks)
    answer = _of_daemon(args, seen)
    known = answer is not None
    if answer is None:
        answer = _of_files(args, seen)
    for line in answer.problems:
        output.problem(line)
    if args.json:
        output.as_json(to_json(answer))
    else:
        _print(answer, known=known)
    return 0


def _of_daemon(args: Namespace, seen: Observation) -> Explanation | None:
    """Return the daemon's explanation, which includes pauses and extra time.

    None for a profile named by its file's path, without a daemon or a usable configuration, or if the
    daemon refuses: the error from the files is then more precise. Raises PolicyError for an invalid MAC
    address, ControlError above the daemon's rate limit.
    """
    if args.profile is not None and is_file(args.profile):
        return None
    flow = {key: value for key, value in (("to", args.to), ("speaks", args.speaks)) if value is not None}
    whom = {"device": mac_of(args.device)} if args.profile is None else {"profile": args.profile}
    try:
        client = Client(control_socket(config_in_use(config_path(args))), PATIENCE)
        return client.ask(WHY, host=seen.host, at=args.at, **flow, **whom)
    except (ControlError, PolicyError) as error:
        if isinstance(error, ControlError) and error.code == Code.ASK_LATER:
            raise
        return None


def _of_files(args: Namespace, seen: Observation) -> Explanation:
    rules = (
        rules_of_device(args, args.device) if args.profile is None else rules_of_profile(args, args.profile)
    )
    zone = rules.config.zone
    at = datetime.now(UTC).replace(microsecond=0) if args.at is None else parse_moment(args.at, zone)
    at = at.astimezone(zone)
    judge = Judge(rules.profile, rules.world, rules.calendar)
    answer = why(judge, seen, at, rules.situation)
    problems = tuple(str(error) for error in rules.problems)
    return explanation(seen, at, answer, rules.product.names, _origin(answer.decision), problems)


def _origin(decision: Decision) -> BlockOrigin | None:
    """Return who decided a block, as far as the rule files show it; None if the host is not blocked.

    The files do not show when the rule was set, or which lists have the host: these fields are empty.
    """
    if decision.verdict is not Verdict.BLOCK:
        return None
    return BlockOrigin(
        who=decider(decision).value,
        kind=category_of(decision) or None,
        contest=contest(decision).value,
        since=None,
        by=None,
        version=None,
        lists=(),
    )


def _decided(decided: BlockOrigin | None) -> list[tuple[str, str]]:
    """Return rows to print: who decided a block, since when, by which lists, and how to contest it.

    Unknown facts are left out. None, for a host that is not blocked, has no rows.
    """
    if decided is None:
        return []
    found = [("decided by", decided.who)]
    since = [str(value) for value in (decided.since, decided.by) if value]
    found += [("set", ", ".join(since))] if since else []
    lists = [f"{source.id} of {source.version or '?'}" for source in decided.lists]
    found += [("lists", ", ".join(lists))] if lists else []
    return [*found, ("contest", CONTEST.get(decided.contest, decided.contest))]


def _print(answer: Explanation, *, known: bool) -> None:
    what = answer.host or f"a connection to {answer.to or 'anywhere'}"
    print(f"{output.clean(what)} at {answer.at.isoformat()}: {answer.verdict}")
    print(output.clean(answer.sentence))
    facts = [(key, value) for key, value in (("speaks", answer.speaks), ("to", answer.to)) if value]
    if answer.services:
        facts.append(("service", ", ".join(answer.services)))
    facts += [("reason", answer.reason), ("rule", answer.rule), ("owner", answer.owner)]
    if answer.until:
        facts.append(("until", answer.until.isoformat()))
    if answer.minutes_left is not None:
        facts.append(("minutes left", str(answer.minutes_left)))
    facts += _decided(answer.decided)
    change = answer.next_change
    if change:
        facts.append(("next change", f"{change.at.isoformat()}: {change.verdict} ({change.reason})"))
    output.rows(facts)
    if answer.passed:
        print("passed on the way:")
        output.rows(("", step.rule, step.outcome) for step in answer.passed)
    if not known:
        print(f"({UNKNOWN})")
