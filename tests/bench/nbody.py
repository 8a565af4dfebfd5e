"""Run under valgrind: so many steps of the n-body problem of the Computer Language Benchmarks Game.

Its speed on a Raspberry Pi 4 is published for Python 3.7, so this runs with that Python, too.
"""

from __future__ import annotations

import sys
from itertools import combinations

# Position (AU), velocity (AU a day), mass (suns): the outer planets on 1 January 2000, rounded.
BODIES = (
    ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0), 1.0),
    ((4.841, -1.160, -0.1036), (1.660e-3, 7.699e-3, -6.905e-5), 9.548e-4),
    ((8.343, 4.125, -0.4035), (-2.767e-3, 4.999e-3, 2.304e-5), 2.859e-4),
    ((12.89, -15.11, -0.2233), (2.965e-3, 2.378e-3, -2.966e-5), 4.366e-5),
    ((15.38, -25.92, 0.1793), (2.681e-3, 1.628e-3, -9.516e-5), 5.151e-5),
)
SUN, YEAR, STEP = 39.478, 365.24, 0.01


def advance(steps: int) -> list[tuple[list[float], list[float], float]]:
    """Move all bodies, as most programs for it in Python do: lists, unpacked in the loops."""
    bodies = [(list(place), [v * YEAR for v in speed], mass * SUN) for place, speed, mass in BODIES]
    pairs = list(combinations(bodies, 2))
    for _ in range(steps):
        for ([x1, y1, z1], v1, m1), ([x2, y2, z2], v2, m2) in pairs:
            dx = x1 - x2
            dy = y1 - y2
            dz = z1 - z2
            pull = STEP * ((dx * dx + dy * dy + dz * dz) ** -1.5)
            pull1 = m1 * pull
            pull2 = m2 * pull
            v1[0] -= dx * pull2
            v1[1] -= dy * pull2
            v1[2] -= dz * pull2
            v2[0] += dx * pull1
            v2[1] += dy * pull1
            v2[2] += dz * pull1
        for place, [vx, vy, vz], _ in bodies:
            place[0] += STEP * vx
            place[1] += STEP * vy
            place[2] += STEP * vz
    return bodies


if __name__ == "__main__":
    advance(int(sys.argv[1]))
