"""Schedules, limits, used minutes, grants, clock changes and gates (time rules of flows). Pure."""
