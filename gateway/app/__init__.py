"""The daemon: builds all parts from the configuration (composition root), and runs as a service."""
