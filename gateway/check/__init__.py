"""`qalqan check`: finds problems of the configuration and the system, and says how to fix them."""
