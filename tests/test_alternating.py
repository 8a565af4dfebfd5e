"""Tests of the order of the system tests: no file is lost, and the largest begin."""

from __future__ import annotations

import pytest

from tests.alternating import alternate


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([], []),
        ([3], [3]),
        ([5, 4, 3, 2, 1], [5, 1, 4, 2, 3]),
        ([4, 3, 2, 1], [4, 1, 3, 2]),
    ],
)
def test_files_of_many_tests_alternate_with_files_of_few(sizes: list[int], expected: list[int]) -> None:
    files = [[size] * size for size in sizes]
    assert [len(file) for file in alternate(files)] == expected
