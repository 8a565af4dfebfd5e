"""Tests of the filter: from a child's device, of bypass methods, and of one site."""
