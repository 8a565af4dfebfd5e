"""Tests of the filter: of sites in a child's browser, and of bypass methods from a temporary device."""
