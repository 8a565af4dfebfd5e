"""`make fleet`: gateways under a real OpenWISP server. docs/providers/openwisp.md."""
