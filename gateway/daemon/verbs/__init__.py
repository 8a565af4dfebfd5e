"""What may be asked of the daemon over the control socket: one module a noun."""
