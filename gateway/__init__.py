"""Qalqan: a family filter and age gate for home gateways."""

__version__ = "0.1.0"
