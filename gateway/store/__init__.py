"""State in SQLite: pauses, extra time, requests, devices, history, accounts and the audit log."""
