"""The daemon: builds everything, owns the event loop, keeps the kernel in step with the family's rules."""
