"""The Unix socket: the one way anything is changed."""
