"""How far a compressed result is from the dense one."""

from __future__ import annotations

import json
import math

import numpy as np

# Two equal pictures have no finite PSNR; JSON has no infinity. No pair that differs reaches this.
IDENTICAL_DB = 120.0

_DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "U8": "u1"}


def read_latent(content: bytes) -> np.ndarray:
    """The tensor of a `.latent` file, which is a safetensors file with one latent in it."""
    size = int.from_bytes(content[:8], "little")
    entry = json.loads(content[8 : 8 + size])["latent_tensor"]
    begin, end = entry["data_offsets"]
    data = content[8 + size + begin : 8 + size + end]
    if entry["dtype"] == "BF16":  # the upper half of a float32
        values = (np.frombuffer(data, "<u2").astype("<u4") << 16).view("<f4")
    else:
        values = np.frombuffer(data, _DTYPES[entry["dtype"]])
    return values.reshape(entry["shape"]).astype(np.float32)


def relative_error(latent: np.ndarray, dense: np.ndarray) -> float:
    """The norm of the difference over the norm of the dense latent."""
    return float(np.linalg.norm((latent - dense).ravel()) / np.linalg.norm(dense.ravel()))


def psnr_db(picture: np.ndarray, dense: np.ndarray) -> float:
    """Peak signal-to-noise ratio of two 8-bit pictures; `IDENTICAL_DB` where they are equal."""
    error = np.mean((picture.astype(np.float64) - dense.astype(np.float64)) ** 2)
    return IDENTICAL_DB if error == 0 else min(IDENTICAL_DB, 10 * math.log10(255**2 / error))
