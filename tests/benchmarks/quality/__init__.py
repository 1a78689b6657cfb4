"""The parts of `bench_quality.py`. Only `sampling` and `plans` need the host."""
