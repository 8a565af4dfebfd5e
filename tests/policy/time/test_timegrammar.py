"""One grammar of times, whoever reads: rule files, pages, command line."""

from __future__ import annotations

import pytest

from gateway.cli.durations import minutes
from gateway.core.errors import PolicyError
from gateway.policy.time.time_text import TimeTextError, clock_span, day_names, duration_minutes, span
from gateway.policy.yaml import fields
from gateway.policy.yaml.documents import parse_document
from webui.rules.hours import Unreadable, read_span


@pytest.mark.parametrize("text", ["12:75-13:30", "24:00-01:00", "10:00-24:30", "09:00-09:00", "9-10", ""])
def test_what_is_no_span_is_refused_by_every_reader(text: str) -> None:
    with pytest.raises(TimeTextError):
        clock_span(text)
    with pytest.raises(Unreadable):
        read_span(text)
    ((_, _, node),) = fields.pairs(parse_document(f'bedtime: "{text}"', "kid.yaml"))
    with pytest.raises(PolicyError):
        span(node)


def test_spans_durations_and_days() -> None:
    assert clock_span("20:45-07:00") == (1245, 420)
    assert clock_span("0:00 – 24:00") == (0, 1440)
    assert (duration_minutes("1h30m"), duration_minutes("0m")) == (90, 0)
    assert minutes("1d") == duration_minutes("24h")
    assert day_names("Sat, sun") == ("sat", "sun")


@pytest.mark.parametrize("text", ["school,free", "caturday", "mon,,tue", ""])
def test_what_is_no_day(text: str) -> None:
    with pytest.raises(TimeTextError, match="is not a day"):
        day_names(text)
