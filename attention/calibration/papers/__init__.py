"""The two papers' own searches, to compare with and to reproduce."""
