"""A/B: one seed sampled with full attention and as a plan says, and what lies between the two pictures."""
