"""Checks each python-* recipe against its source archive, without OpenWrt's build."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from packaging.requirements import Requirement

from tests.openwrt.feed.recipes import Package, makefiles
from tests.openwrt.feed.sdists import Sdist, is_met, normalised, recorded

RECIPES = [one.parent.name for one in makefiles() if one.parent.name.startswith("python-")]
# python3 itself is built with this host package, and every recipe depends on python3.
WITH_PYTHON = {"wheel"}
SKIP = "--skip-dependency-check"  # of `python -m build`, which otherwise refuses another version


def package_of(recipe: str, feed: Mapping[str, Package]) -> Package:
    return feed[recipe.replace("python-", "python3-", 1)]


def faults(package: Package, sdist: Sdist) -> list[str]:
    """Return what would stop OpenWrt's build of the recipe."""
    found = []
    wheel = package.facts["PYTHON3_PKG_WHEEL_NAME"]
    if wheel != sdist.wheel_name:
        found.append(f"PYTHON3_PKG_WHEEL_NAME is {wheel}; the wheel is named {sdist.wheel_name}")
    needed = {f"python-{one}/host" for one in sdist.requires if one not in WITH_PYTHON}
    declared = set(package.build_depends)
    found += [f"PKG_BUILD_DEPENDS lacks {one}" for one in sorted(needed - declared)]
    found += [
        f"PKG_BUILD_DEPENDS has {one}, which the build does not need" for one in sorted(declared - needed)
    ]
    if sdist.pins and SKIP not in package.facts["PYTHON3_PKG_BUILD_ARGS"].split():
        found.append(f"PYTHON3_PKG_BUILD_ARGS lacks {SKIP}: the archive wants {', '.join(sdist.pins)}")
    found += [
        f"removes {one}, which the archive does not have" for one in package.removed if one not in sdist.paths
    ]
    return found


def test_every_recipe_is_recorded() -> None:
    assert sorted(recorded()) == RECIPES


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_record_is_of_the_archive_that_the_recipe_downloads(
    recipe: str, feed: Mapping[str, Package]
) -> None:
    facts, sdist = package_of(recipe, feed).facts, recorded()[recipe]
    advice = "run: python -m tests.openwrt.feed.sdists"
    assert (facts["PKG_SOURCE"], facts["PKG_HASH"]) == (sdist.file, sdist.sha256), advice
    assert normalised(facts["PYPI_NAME"]) == normalised(sdist.name)


@pytest.mark.parametrize("recipe", RECIPES)
def test_wheel_name_build_requirements_and_removed_paths(recipe: str, feed: Mapping[str, Package]) -> None:
    assert faults(package_of(recipe, feed), recorded()[recipe]) == []


def test_a_wrong_recipe_is_reported(feed: Mapping[str, Package]) -> None:
    right = feed["python3-netfilterqueue"]
    wrong = {
        "PKG_BUILD_DEPENDS": "python-flit-core/host",
        "PYTHON3_PKG_WHEEL_NAME": "NetfilterQueue",
        "filespec": "+|/usr/lib/python3/site-packages\n-|/usr/lib/python3/site-packages/netfilterqueue/tests",
    }
    assert faults(replace(right, facts={**right.facts, **wrong}), recorded()["python-netfilterqueue"]) == [
        "PYTHON3_PKG_WHEEL_NAME is NetfilterQueue; the wheel is named netfilterqueue",
        "PKG_BUILD_DEPENDS lacks python-cython/host",
        "PKG_BUILD_DEPENDS lacks python-setuptools/host",
        "PKG_BUILD_DEPENDS has python-flit-core/host, which the build does not need",
        "removes netfilterqueue/tests, which the archive does not have",
    ]


def test_a_pinned_build_requirement_is_reported(feed: Mapping[str, Package]) -> None:
    """OpenWrt's feeds have one version of hatchling, which is rarely the pinned one."""
    right = feed["python3-tuf"]
    wrong = replace(right, facts={**right.facts, "PYTHON3_PKG_BUILD_ARGS": ""})
    assert faults(wrong, recorded()["python-tuf"]) == [
        "PYTHON3_PKG_BUILD_ARGS lacks --skip-dependency-check: the archive wants hatchling==1.32.0"
    ]


@pytest.mark.parametrize(
    ("requirement", "met"),
    [
        ("poetry-core>=2.0", False),
        ("poetry-core>=1.8,<3", True),
        ("hatchling==1.32.0", False),
        ("cython", True),
    ],
)
def test_a_requirement_that_one_release_does_not_meet_is_recorded(requirement: str, met: bool) -> None:
    assert is_met(Requirement(requirement)) is met


def test_removed_paths_are_read_from_the_recipe(feed: Mapping[str, Package]) -> None:
    assert feed["python3-tuf"].removed == ("tuf/ngclient/requests_fetcher.py", "tuf/repository")
    assert feed["python3-waitress"].removed == ()
