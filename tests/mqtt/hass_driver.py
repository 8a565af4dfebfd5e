"""Home Assistant itself, in its own virtual environment: answers lines of JSON on standard input.

python hass_driver.py FOLDER PORT USER PASSWORD. The first line of its output is ``ready``. FOLDER may have an
``automation.yaml``. Notifications to the phone ``mobile_app_phone`` are noted, as no phone is here.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

NOTIFIED: list[dict[str, Any]] = []


async def main(folder: str, port: str, user: str, password: str) -> None:
    from homeassistant import bootstrap, runner

    lines = ["homeassistant:", "  name: Home"]
    if (Path(folder) / "automation.yaml").exists():
        lines.append("automation: !include automation.yaml")
    (Path(folder) / "configuration.yaml").write_text("\n".join(lines) + "\n")
    hass = await bootstrap.async_setup_hass(runner.RuntimeConfig(config_dir=folder, skip_pip=True))
    assert hass is not None, "Home Assistant does not start"
    hass.services.async_register("notify", "mobile_app_phone", lambda call: NOTIFIED.append(dict(call.data)))
    await hass.async_start()
    flow = hass.config_entries.flow
    form = await flow.async_init("mqtt", context={"source": "user"})
    broker = {"broker": "127.0.0.1", "port": int(port), "username": user, "password": password}
    done = await flow.async_configure(form["flow_id"], broker)
    assert done["type"] == "create_entry", done
    print("ready", flush=True)
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        print(json.dumps(await answer(hass, json.loads(line))), flush=True)
    await hass.async_stop()


async def answer(hass: Any, asked: dict[str, str]) -> object:
    """Return what a line asks for.

    ``{"do": "states"}``: every entity; ``{"do": "notified"}``: the notifications; ``{"do": "tap", "entity":
    "ALLOW_1"}``: this action of a notification is tapped on the phone; ``{"do": "button.press", "entity":
    …}``: a service of an entity.
    """
    if asked["do"] == "states":
        found = {
            state.entity_id: {"state": state.state, **state.attributes} for state in hass.states.async_all()
        }
        return json.loads(json.dumps(found, default=str))
    if asked["do"] == "notified":
        return NOTIFIED
    if asked["do"] == "tap":
        hass.bus.async_fire("mobile_app_notification_action", {"action": asked["entity"]})
        return None
    domain, service = asked["do"].split(".")
    await hass.services.async_call(domain, service, {"entity_id": asked["entity"]}, blocking=True)
    return None


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:5]))
