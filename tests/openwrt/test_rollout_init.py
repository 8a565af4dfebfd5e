"""`/etc/init.d/qalqan-rollout`: the line for cron that starts a provider's roll-outs each hour."""

from __future__ import annotations

import re

import pytest

from tests.openwrt.router import STATIC, Router

pytestmark = [pytest.mark.needs("root"), pytest.mark.needs(STATIC)]

CRONTAB = "etc/crontabs/root"
ON, OFF = "config provider 'provider'\n\toption rollout '1'\n", "config provider 'provider'\n"
LINE = re.compile(r"(\d+) \* \* \* \* /usr/lib/qalqan/rollout # of qalqan-rollout")
OTHER = "17 3 * * * /usr/libexec/isp-lists\n"
BY_HAND = "8 * * * * /usr/lib/qalqan/rollout\n"


@pytest.fixture
def router(ready: Router) -> Router:
    ready.program("etc/init.d/cron")
    ready.write("dev/urandom", "x0.7y3b41")
    return ready


def run(router: Router, action: str, **environment: str) -> None:
    done = router.shell(f"/etc/init.d/qalqan-rollout {action}", **environment)
    assert (done.returncode, done.stderr) == (0, "")


def lines(router: Router) -> list[str]:
    path = router.root / CRONTAB
    return path.read_text().splitlines() if path.exists() else []


@pytest.mark.parametrize("config", ["", OFF, ON.replace("1", "0"), ON.replace("1", "hourly")])
def test_it_is_off_by_default(router: Router, config: str) -> None:
    router.config("qalqan", config)
    run(router, "start")
    assert lines(router) == []
    assert "cron" not in router.told()


def test_the_setting_adds_one_line_at_a_random_minute(router: Router) -> None:
    router.config("qalqan", ON)
    router.write(CRONTAB, OTHER)
    run(router, "start")
    other, ours = lines(router)
    found = LINE.fullmatch(ours)
    assert found is not None
    assert (other, int(found[1])) == (OTHER.strip(), 10734 % 60)
    assert "cron [restart]\n" in router.told()
    assert "[daemon.notice] [roll-outs are on" in router.told()
    router.forget()
    router.write("dev/urandom", "5555")
    run(router, "start")
    assert lines(router) == [other, ours], "a boot changes nothing"
    assert "cron [" not in router.told()


def test_without_the_setting_the_line_goes(router: Router) -> None:
    router.config("qalqan", ON)
    router.write(CRONTAB, OTHER)
    run(router, "start")
    router.config("qalqan", OFF)
    router.forget()
    run(router, "reload")
    assert lines(router) == [OTHER.strip()]
    assert "cron [restart]\n" in router.told()
    assert "[daemon.notice] [roll-outs are off]" in router.told()


def test_a_change_of_the_settings_reloads_it(router: Router) -> None:
    run(router, "start")
    assert "trigger [config.change] [qalqan] [/etc/init.d/qalqan-rollout] [reload]\n" in router.told()


def test_a_line_of_the_provider_stays_and_is_not_doubled(router: Router) -> None:
    router.write(CRONTAB, BY_HAND)
    for config in (ON, OFF):
        router.config("qalqan", config)
        run(router, "reload")
        assert lines(router) == [BY_HAND.strip()]


def test_an_upgrade_keeps_the_line_and_a_removal_takes_it(router: Router) -> None:
    router.config("qalqan", ON)
    run(router, "start")
    before = lines(router)
    run(router, "stop", PKG_UPGRADE="1")
    assert lines(router) == before
    run(router, "stop")
    assert lines(router) == []


def test_an_upgrade_from_a_version_without_it_enables_it(router: Router) -> None:
    link = router.root / "etc/rc.d/S40qalqan-rollout"
    router.write("etc/qalqan/compat", "3\n")
    assert not link.is_symlink()
    router.defaults()
    assert link.is_symlink()
    link.unlink()
    router.defaults()
    assert not link.is_symlink(), "once: an owner can disable it"
