"""The pretended internet: one process that answers for every name, on every address, over every protocol."""
