"""Watching a dense run, and the plans that follow from it."""
