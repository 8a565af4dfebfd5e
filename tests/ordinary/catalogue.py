"""All talks."""

from __future__ import annotations

from tests.ordinary.game_talks import GAMES
from tests.ordinary.phone_talks import PHONES
from tests.ordinary.talks import Talk

TALKS: tuple[Talk, ...] = (*GAMES, *PHONES)
