"""Checks each python-* recipe against its source archive, without OpenWrt's build."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from tests.openwrt.feed.recipes import Package, makefiles
from tests.openwrt.feed.sdists import Sdist, normalised, recorded

RECIPES = [one.parent.name for one in makefiles() if one.parent.name.startswith("python-")]
# python3 itself is built with this host package, and every recipe depends on python3.
WITH_PYTHON = {"wheel"}


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
def test_wheel_name_and_build_requirements(recipe: str, feed: Mapping[str, Package]) -> None:
    assert faults(package_of(recipe, feed), recorded()[recipe]) == []


def test_a_wrong_recipe_is_reported(feed: Mapping[str, Package]) -> None:
    right = feed["python3-netfilterqueue"]
    wrong = {"PKG_BUILD_DEPENDS": "python-flit-core/host", "PYTHON3_PKG_WHEEL_NAME": "NetfilterQueue"}
    assert faults(replace(right, facts={**right.facts, **wrong}), recorded()["python-netfilterqueue"]) == [
        "PYTHON3_PKG_WHEEL_NAME is NetfilterQueue; the wheel is named netfilterqueue",
        "PKG_BUILD_DEPENDS lacks python-cython/host",
        "PKG_BUILD_DEPENDS lacks python-setuptools/host",
        "PKG_BUILD_DEPENDS has python-flit-core/host, which the build does not need",
    ]
