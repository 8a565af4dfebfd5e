"""`qalqan request`: lists and answers requests of children."""

from __future__ import annotations

from argparse import Namespace

from gateway.cli import output
from gateway.cli.durations import minutes, whole
from gateway.cli.settings import daemon, when
from gateway.control.contract.requests import ANSWER, REQUESTS, RequestView
from gateway.control.schema import to_json
from gateway.policy.requests.requests import Answer

BY = "console"


def run(args: Namespace) -> int:
    return _list(args) if args.action == "list" else _answer(args)


def _list(args: Namespace) -> int:
    answer = daemon(args).ask(REQUESTS, **({} if args.all else {"pending": True}))
    if args.json:
        output.as_json(to_json(answer))
    elif answer.requests:
        output.rows(map(_row, answer.requests), ("ID", "WHO", "WHAT", "ASKED", "STATE", "REASON"))
    else:
        print("No request waits for an answer.")
    return 0


def _row(request: RequestView) -> tuple[object, ...]:
    what = request.thing_name or "time"
    if request.minutes:
        what = f"{request.minutes} min" + (f" of {what}" if request.thing_name else "")
    state = request.state if request.answer is None else f"{request.answer} by {request.by or 'itself'}"
    reason = "; ".join(filter(None, ("blocked by mistake" if request.wrong else "", request.reason)))
    return request.id, request.name, what, when(request.at), state, reason


def _answer(args: Namespace) -> int:
    number = whole(args.id, "request answer", "see: qalqan request list")
    values: dict[str, object] = {"id": number, "answer": args.answer, "by": BY}
    if args.answer == Answer.ALWAYS:
        values["confirmed"] = True  # a person who types this command needs no second question
    if args.minutes is not None:
        word, where = args.minutes, "--minutes"
        values["minutes"] = (
            whole(word, where, "write it like 15") if word.isdecimal() else minutes(word, where=where)
        )
    if args.because is not None:
        values["because"] = args.because
    answer = daemon(args).ask(ANSWER, **values)
    print(output.clean(answer.sentence))
    return 0
