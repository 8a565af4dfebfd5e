"""The table, and the exit status that stands for it."""

from __future__ import annotations

import io

import pytest

from gateway.core.errors import KernelError
from tests.vm.report import Report, read_rows, side_by_side


def _fails(error: Exception) -> str:
    raise error


def test_all_points_hold() -> None:
    out = io.StringIO()
    report = Report(out)
    report.head()
    assert report.point("one", lambda: "seen after 3 ms")
    assert report.point("two", lambda: "")
    assert report.close() == 0
    head, one, two, last = out.getvalue().splitlines()
    assert head.split() == ["point", "native"]
    assert one.split(None, 2) == ["one", "pass", "seen after 3 ms"]
    assert one.index("pass") == head.index("native")
    assert two.split() == ["two", "pass"]
    assert last.startswith("2 of 2 points pass, in ")


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (AssertionError("it\nruns on"), "it runs on"),
        (KernelError("no nft"), "no nft"),
        (TimeoutError(), "TimeoutError"),
    ],
)
def test_a_failure_is_one_line_and_the_rest_is_tried(error: Exception, reason: str) -> None:
    out = io.StringIO()
    report = Report(out)
    assert not report.point("one", lambda: _fails(error))
    assert report.point("two", lambda: "")
    assert report.close() == 1
    one, _, last = out.getvalue().splitlines()
    assert one.split(None, 2) == ["one", "FAIL", reason]
    assert last.startswith("1 of 2 points pass")


def test_nothing_tried_is_no_success() -> None:
    assert Report(io.StringIO()).close() == 1


def test_an_error_of_the_programmer_is_not_a_point() -> None:
    with pytest.raises(KeyError):
        Report(io.StringIO()).point("one", lambda: _fails(KeyError("x")))


def test_the_same_points_side_by_side() -> None:
    def table(*parts: tuple[str, dict[str, bool]]) -> list[str]:
        out = io.StringIO()
        report = Report(out, "somewhere")
        report.head()
        for part, points in parts:
            report.begin(part)
            for name, holds in points.items():
                report.point(name, (lambda: "seen") if holds else (lambda: _fails(AssertionError("no"))))
        report.close()
        return out.getvalue().splitlines()

    inside = table(("loaded", {"ruleset": True}), ("daemon", {"TLS": True, "QUIC, IPv4": False}))
    outside = table(("daemon", {"TLS": True}))
    columns = {"nft queue": read_rows(inside, "daemon"), "NFQUEUE target": read_rows(outside, "daemon")}
    assert columns["nft queue"] == {"TLS": True, "QUIC, IPv4": False}
    head, tls, quic = side_by_side(columns)
    assert head.split("  ")[-1].strip() == "NFQUEUE target"
    assert tls.split() == ["TLS", "pass", "pass"]
    assert quic.split() == ["QUIC,", "IPv4", "FAIL", "-"]
