"""Chooses the colour and shape of a category in charts. Related categories have the same."""

from __future__ import annotations

HUES = {
    "video_sharing": "video", "streaming": "video", "music": "video",
    "games": "games",
    "social_networks": "social", "dating": "social", "forums": "social", "random_video_chat": "social",
    "messaging": "talk",
    "education": "learn", "news": "learn", "health": "learn", "productivity": "learn", "search": "learn",
    "ai": "learn",
}  # fmt: skip
OTHER = "other"


def hue(category: str) -> str:
    """Return the CSS class of the colour and shape for a category (its id) in charts.

    Related categories have the same class; unlisted and empty ids have ``hue-other``.
    """
    return f"hue-{HUES.get(category, OTHER)}"
