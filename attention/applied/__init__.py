"""One Apply node: which plan its runs follow, how one is made while the user samples, and what the node says of it."""
