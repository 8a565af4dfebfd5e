"""Measures the quality of the lists: the share of bad names that is blocked, and of good ones.

`make quality LISTS=folder` prints the table. docs/developers/list-quality.md describes the method.
"""
