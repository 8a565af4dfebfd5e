"""A Flask request with a size limit that a page can set. Flask 3.1 has it, 2.3 of OpenWrt 24.10 does not."""

from __future__ import annotations

from flask import Request


class OwnRequest(Request):
    _most: int | None = None  # bytes of the body; None: the app's

    @property
    def max_content_length(self) -> int | None:
        return super().max_content_length if self._most is None else self._most

    @max_content_length.setter
    def max_content_length(self, most: int | None) -> None:
        self._most = most
