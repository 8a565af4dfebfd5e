"""Run on the gateway: accept each packet of queue 0 unread, the least that a queue in Python costs."""

from __future__ import annotations

from netfilterqueue import NetfilterQueue, Packet


def accept(packet: Packet) -> None:
    packet.accept()


if __name__ == "__main__":
    queue = NetfilterQueue()
    queue.bind(0, accept)
    print("ready", flush=True)
    queue.run()
