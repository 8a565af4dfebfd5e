"""`qalqan check`: what is wrong with files and system, and how to fix it."""
