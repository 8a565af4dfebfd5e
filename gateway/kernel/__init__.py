"""Talks to the kernel: nftables rules and counters, packet queues, connection tracking, clocks."""
