from __future__ import annotations

from webui.language import loglevels


def test_each_log_level_is_told() -> None:
    told = [loglevels.describe(level) for level in range(4)]
    assert len(set(told)) == 4
    assert loglevels.describe(-1) == told[0]
    assert loglevels.describe(9) == told[3]


def test_a_parent_reads_which_minutes_counted_from_the_second_level_on() -> None:
    told = [loglevels.minutes(level) for level in range(4)]
    assert len(set(told)) == 3
    assert told[2] == told[3]
