"""The virtual home: a pretended internet, a gateway and four devices, each in a network namespace."""
