"""Reports the state of the gateway: people, devices, health, counters, clock and support file."""
