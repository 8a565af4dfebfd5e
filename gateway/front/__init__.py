"""The pages' front: TLS at the home's trusted name, in a process of its own."""
