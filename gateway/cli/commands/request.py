"""`qalqan request`: lists and answers requests of children."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from typing import Any

from gateway.cli import output
from gateway.cli.durations import minutes, whole
from gateway.cli.settings import daemon, when

BY = "console"


def run(args: Namespace) -> int:
    return _list(args) if args.action == "list" else _answer(args)


def _list(args: Namespace) -> int:
    answer = daemon(args).call("requests", **({} if args.all else {"pending": True}))
    found = answer["requests"]
    if args.json:
        output.as_json(answer)
    elif found:
        output.rows(map(_row, found), ("ID", "WHO", "WHAT", "ASKED", "STATE", "REASON"))
    else:
        print("No request waits for an answer.")
    return 0


def _row(request: Mapping[str, Any]) -> tuple[object, ...]:
    what = request["thing_name"] or "time"
    if request["minutes"]:
        what = f"{request['minutes']} min" + (f" of {what}" if request["thing_name"] else "")
    state = (
        request["state"]
        if request["answer"] is None
        else f"{request['answer']} by {request['by'] or 'itself'}"
    )
    return request["id"], request["name"], what, when(request["at"]), state, request["reason"]


def _answer(args: Namespace) -> int:
    number = whole(args.id, "request answer", "see: qalqan request list")
    values: dict[str, object] = {"id": number, "answer": args.answer, "by": BY}
    if args.minutes is not None:
        word, where = args.minutes, "--minutes"
        values["minutes"] = (
            whole(word, where, "write it like 15") if word.isdecimal() else minutes(word, where=where)
        )
    if args.because is not None:
        values["because"] = args.because
    answer = daemon(args).call("answer", **values)
    print(output.clean(answer["sentence"]))
    return 0
