"""What the commands of `qalqan` do, one module a command: ``run(args)`` gives the exit status."""
