"""Gives extra time, pauses the internet, redeems printed codes, and warns before something closes."""
