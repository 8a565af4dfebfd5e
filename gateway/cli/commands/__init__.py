"""The commands: each module has ``run(args)``, which returns the exit status."""
