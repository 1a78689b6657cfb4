"""Following a plan: what each site computes at each step, and what is kept for later steps."""
