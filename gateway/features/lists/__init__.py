"""Lists of names: updates, sealed lists, registers of states."""
