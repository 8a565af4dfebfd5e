"""Every probe of an audit with an allowed site in the place of a refused one: what no rule refuses has to
come through, else the probe proves nothing. Run in the gateway; prints id/version of what did not.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path

from gateway.cli.settings import control_socket, read_config
from gateway.control.client import Client
from gateway.filter_test import run
from gateway.filter_test import surroundings as scenery
from gateway.filter_test.catalogue import CHECKS
from gateway.filter_test.checks import CheckOutcome

SITE = "www.example.org"


def main() -> None:
    config = read_config(Path(sys.argv[1]))
    real = scenery.scene

    def scene(*told: object) -> object:
        one = real(*told)  # type: ignore[arg-type]
        odd = "".join(letter.upper() if place % 2 else letter for place, letter in enumerate(SITE))
        return dataclasses.replace(one, words={**one.words, "refused": SITE, "odd": odd})

    scenery.scene = scene  # type: ignore[assignment]
    done = run.bypass_test(Client(control_socket(config)), config, sys.argv[2], CHECKS)
    print(
        json.dumps(
            {
                f"{one.check.id}/{one.version}": [one.found, one.how, one.why]
                for one in done.results
                if one.found is not CheckOutcome.OPEN
            }
        )
    )


if __name__ == "__main__":
    main()
