"""What the daemon tells, as values that the pages can rely on."""
