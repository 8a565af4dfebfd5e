"""Run on a device: HTTP/3 connections one after the other, each with one request."""

from __future__ import annotations

import asyncio
import sys

from tests.lab.h3client import get

PATIENCE = 5.0  # seconds for one connection


async def main(address: str, host: str, count: int) -> None:
    for _ in range(count):
        result = await get(host, address, 443, PATIENCE, 1)
        if not result["reached"]:
            raise SystemExit(str(result["how"]))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
