"""What everything builds on: event loop, event bus, clock, errors, reason codes, files, helper processes."""
