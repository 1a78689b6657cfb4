"""Getting into a run of the host: hooks on a clone of a model, and where a call belongs."""
