"""Measures the quality of the lists: recall of names that should be blocked, and known-good sites that are blocked.

`make quality LISTS=folder` prints the table. docs/developers/list-quality.md describes the method.
"""
