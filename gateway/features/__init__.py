"""The features of the gateway: one package each, with its state and its verbs (control socket commands).

Only `gateway.app` imports all of them.
"""
