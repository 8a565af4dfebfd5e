"""Lists that are blocked for everyone: their sealed format, sources, appeals and reports. Pure."""
