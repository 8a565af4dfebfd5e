from __future__ import annotations

from webui.language import loglevels


def test_each_log_level_is_told() -> None:
    told = [loglevels.told(level) for level in range(4)]
    assert len(set(told)) == 4
    assert loglevels.told(-1) == told[0]
    assert loglevels.told(9) == told[3]


def test_a_parent_reads_which_minutes_counted_from_the_second_level_on() -> None:
    assert loglevels.minutes(0) == loglevels.minutes(1) != loglevels.minutes(2) == loglevels.minutes(3)
