"""The settings of the connection to home automation, which is a process of its own (`gateway/mqtt`)."""
