"""Tests of the filter from a device, and of bypass methods."""
