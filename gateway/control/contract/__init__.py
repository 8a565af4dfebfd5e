"""The declared verbs of the control socket: one module for each feature of gateway/features."""
