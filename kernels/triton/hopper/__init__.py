"""The second path, for Hopper GPUs alone: warp groups that take turns at the matrix unit, written in Gluon.

Read `..pointer` first: it computes the same, on every GPU. Here `records` turns its lists into one, `preparation` puts
tokens in tile order and attends pooled keys before, `kernel` and `epilogue` are the Gluon source, and `launch` starts
them.
"""
