"""The INT8 path: Q·K^T of 8-bit integers and P·V of 16-bit floats, for NVIDIA GPUs without Hopper's matrix unit.

    preparation   queries, keys and values in tile order: Q and K - mean(K) rotated and in INT8, V in float16
    kernel        attention over the same work lists as the pointer path
    launch        hands tensors to both
    configs       block sizes for each kind of GPU, and which GPUs are served

`kernels.int8` says what it computes, in plain torch. The rate at which such a GPU multiplies is why: products of INT8
are twice to four times as fast as those of 16 bits, and sums in float16 twice as fast as sums in float32.
"""
