"""Devices: assignment to owners, names, scans, and questions about changed or copied MAC addresses."""
