"""The command line `qalqan`."""

COMMANDS = "cli.commands"  # the package below `gateway` with the commands' modules
