"""Each reason code has one sentence, and each error with that code gives its values."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from gateway.core import reason_codes
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code

ROOT = Path(__file__).parents[2]
WITHOUT_SENTENCE = {Code.REFUSED, Code.INVALID, Code.NO_SUCH_VERB, Code.ROOT_ONLY}
# Their errors say more than the sentence: where in a file the mistake is, or which names are known.
OWN_TEXT = WITHOUT_SENTENCE | {
    Code.BAD_RULE,
    Code.FILE_BROKEN,
    Code.STILL_NAMED,
    Code.NOT_WRITTEN,
    Code.ROUTERS_OWN,
    Code.NO_PROFILE,
    Code.BACKUP_BROKEN,
}


class Raised(NamedTuple):
    """A call of ``of`` or ``coded`` with a code, and the values that it gives."""

    where: str
    method: str
    code: Code
    values: set[str]


def test_each_code_has_a_sentence() -> None:
    assert {code for code in Code if not code.sentence} == WITHOUT_SENTENCE


def test_no_two_codes_have_the_same_sentence() -> None:
    sentences = [code.sentence for code in Code if code.sentence]
    assert len(set(sentences)) == len(sentences)


def test_each_error_gives_the_values_of_its_code() -> None:
    assert [
        f"{found.where}: {found.code.name} {sorted(found.values)}"
        for found in _all_raised()
        if found.values not in _possible(found.code)
    ] == []


def test_no_error_writes_the_sentence_of_its_code_again() -> None:
    written = {found.code for found in _all_raised() if found.method == "coded"}
    assert written <= OWN_TEXT


def test_a_code_that_is_returned_has_no_values() -> None:
    """Where it is raised, nothing gives its values."""
    returned = {code for path in _modules() for code in _returned(ast.parse(path.read_bytes()))}
    assert {code for code in returned if _values(code)} == set()


def test_each_code_is_raised_somewhere() -> None:
    """Codes that are compared or grouped do not count."""
    raised = {found.code for found in _all_raised()}
    returned = {code for path in _modules() for code in _returned(ast.parse(path.read_bytes()))}
    assert raised | returned >= set(Code) - {Code.REFUSED}


def test_an_error_has_the_code_the_values_and_the_sentence() -> None:
    error = ControlError.of(Code.CODE_OLD, days=30)
    assert (error.code, error.values) == ("code_old", {"days": 30})
    assert str(error) == "This code is older than 30 days. Ask for a new one."


def test_a_value_with_a_percent_sign_stays_as_it_is() -> None:
    assert (
        str(ControlError.of(Code.NAME_TAKEN, name="100%s")) == "The name 100%s is taken. Choose another one."
    )


def _possible(code: Code) -> list[set[str]]:
    """Return the values that an error with this code can give: a command over MQTT has no key."""
    return [_values(code), set()] if code is Code.INVALID else [_values(code)]


def _values(code: Code) -> set[str]:
    """Return the values of a code: those in its sentence, and those in brackets in the comment above it."""
    further = re.search(rf"\[([a-z, ]+)\]\n    {code.name} = ", inspect.getsource(reason_codes))
    named = further[1].split(", ") if further else []
    return {*re.findall(r"%\((\w+)\)", code.sentence), *named}


def _modules() -> Iterator[Path]:
    for package in ("gateway", "webui", "tests/webui/standin"):
        yield from (ROOT / package).rglob("*.py")


def _all_raised() -> Iterator[Raised]:
    for path in _modules():
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
                code, method = _code(node.args[0]), node.func.attr
                if code is not None and method in ("of", "coded"):
                    where = f"{path.relative_to(ROOT)}:{node.lineno}"
                    yield Raised(where, method, code, {keyword.arg or "**" for keyword in node.keywords})


def _returned(tree: ast.AST) -> Iterator[Code]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Return) and node.value is not None:
            for value in node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]:
                code = _code(value)
                if code is not None:
                    yield code


def _code(node: ast.expr) -> Code | None:
    if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "Code":
        return Code[node.attr]
    return None
