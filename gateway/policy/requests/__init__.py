"""Requests, tickets and site repair. Pure."""
