"""Tests of the filter: from a child's device, and of bypass methods against a child's rules."""
