"""Tiny weights of the papers' models by the names of their files, and numbers that others make of them."""
