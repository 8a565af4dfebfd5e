"""Lists of sites and states' registers."""
