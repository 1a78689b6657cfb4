"""Every binary of the attention kernels that may serve somewhere, and the record of what compilers made of it.

    python tests/kernels/shipped.py [--part I/N] [--only TEXT]

compiles those that are not in the record, `tests/benchmarks/results/binaries.json`, with the Triton that is installed
and adds them to it: some seconds each, about 300. A record holds for the source that it names by `fingerprint`, and for
one version of Triton; what it lacks `test_triton_compiled.py` compiles itself.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import inspect
import json
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

TESTS = Path(__file__).resolve().parents[1]
if __name__ == "__main__":
    sys.path[:0] = [str(TESTS), str(TESTS / "kernels")]
    import conftest  # noqa: F401  (the pack under its name)

import triton  # noqa: E402
import triton_compile  # noqa: E402

from ditfastattn.kernels.triton import common, pointer  # noqa: E402
from ditfastattn.kernels.triton.configs import HEAD_DIMS, INT8, PINGPONG, POINTER, Config, lanes, refreshes  # noqa: E402
from ditfastattn.kernels.triton.hopper import epilogue, preparation  # noqa: E402
from ditfastattn.kernels.triton.hopper import kernel as hopper  # noqa: E402
from ditfastattn.kernels.triton.int8 import kernel as int8  # noqa: E402
from ditfastattn.kernels.triton.int8.configs import KEY_LANES, SERVED  # noqa: E402

RECORD = TESTS / "benchmarks" / "results" / "binaries.json"
SOURCES = {
    POINTER: (common, pointer),
    PINGPONG: (common, hopper, epilogue, preparation),
    INT8: (common, int8),
}
INT8_TARGETS = tuple(name for name in triton_compile.TARGETS if name[:3] == "sm_" and int(name[3:]) in SERVED)


class Binary(NamedTuple):
    """One kernel for one GPU. emit: whether residuals are updated; pooled: whether windows pool."""

    target: str
    head_dim: int
    config: Config
    emit: bool
    pooled: bool

    def __str__(self) -> str:
        more = ", updating" * self.emit
        if self.pooled:
            more += f", pooled in {self.config.pooled_stages}"
        return f"{self.target}, {self.head_dim} lanes, {self.config}{more}"


def binaries() -> list[Binary]:
    """All that the installed Triton may be asked for, in bfloat16 with offsets of 32 bits."""
    found = []
    for target in triton_compile.TARGETS:
        for dim in HEAD_DIMS:
            configs = triton_compile.configurations(target, dim)
            for config in configs:
                kinds = [(emit, pooled) for emit in (False, True) for pooled in (False, True)]
                some = [one for one in kinds if not one[0] or refreshes(config, configs[-1])]
                found += [Binary(target, dim, config, *one) for one in some]
    for target in INT8_TARGETS:
        for dim in HEAD_DIMS:
            found += [Binary(target, dim, *one) for one in triton_compile.int8_variants(int(target[3:]), dim)]
    return found


def stands_for_others(binary: Binary) -> bool:
    """Whether a binary is compiled by the tests when it is not on record: on Hopper head sizes of one part and of two,
    elsewhere the largest of each way to cut them; of INT8 all of the largest, and of others what takes most registers.
    What the RTX 3090 gets is compiled as for the RTX 4090, which has as much of everything."""
    dim, target = binary.head_dim, binary.target
    if target == "sm_86":
        return False
    if binary.config.path == INT8:
        return dim == 128 or (dim != 72 and binary.emit and binary.pooled)
    return dim in ((64, 72, 96, 128) if target == "sm_90" else (64, 80, 128))


def facts(binary: Binary) -> dict[str, int | bool]:
    """What is known of a binary once it is compiled: registers, spilled (bytes of stack or registers), shared and
    scratch (bytes), and what its loop must and must not have; see `wrong`."""
    make = triton_compile.in_int8 if binary.config.path == INT8 else triton_compile.compiled
    kernel = make(*binary)
    found: dict[str, int | bool] = {"spilled": triton_compile.spilled(kernel), "shared": kernel.metadata.shared}
    if "cubin" in kernel.asm:
        found["registers"] = triton_compile.registers(kernel)
    if binary.config.path == PINGPONG:
        found["scratch"] = kernel.metadata.global_scratch_size
        triton_compile.assert_products_overlap(kernel)
    if binary.config.path == INT8:
        loop = triton_compile.inner_loop(kernel)
        found["integers"] = any(name.startswith("IMMA.16832") for name in loop)
        # Products with values are summed up in float16.
        found["short_sums"] = any(re.match(r"HMMA\.16816\.F16", name) for name in loop)
        found["long_sums"] = any(name.startswith(("HMMA.16816.F32", "LDL", "STL")) for name in loop)
    return found


def wrong(binary: Binary, found: dict[str, int | bool]) -> str | None:
    """What is wrong with a compiled binary, or None."""
    if found["spilled"]:
        return f"spills {found['spilled']}"
    if found["shared"] > triton_compile.SHARED[binary.target]:
        return f"takes {found['shared']} bytes of shared memory"
    if found.get("scratch"):
        return f"takes {found['scratch']} bytes of scratch memory"
    if binary.config.path == INT8 and not (found["integers"] and found["short_sums"] and not found["long_sums"]):
        return "does not multiply integers and sum in float16"
    return None


def fingerprint(path: str) -> str:
    """Of the source of a path's kernel, comments included, and of how a head is cut for it."""
    functions = [
        inspect.getsource(value.fn)
        for module in SOURCES[path]
        for _, value in sorted(vars(module).items())
        if getattr(value, "__module__", "") == module.__name__ and hasattr(value, "fn")
    ]
    cuts = [inspect.getsource(lanes), repr(HEAD_DIMS), repr(KEY_LANES)]
    return hashlib.sha256("\n".join([*functions, *cuts]).encode()).hexdigest()[:16]


def recorded() -> dict[str, dict[str, int | bool]]:
    """The facts on record by what a binary is called, for this source and this Triton."""
    entry = _read().get(triton.__version__, {})
    of = entry.get("fingerprints", {})
    known = {str(one) for one in binaries() if of.get(one.config.path) == fingerprint(one.config.path)}
    return {name: facts for name, facts in entry.get("binaries", {}).items() if name in known}


def _read() -> dict:
    return json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.exists() else {}


def add(new: dict[str, dict[str, int | bool]]) -> None:
    """Put facts on record; those of another source of this Triton go. Processes take turns."""
    with open(Path(tempfile.gettempdir(), "ditfastattn-binaries.lock"), "w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        every, rows = _read(), {**recorded(), **new}
        order = [str(one) for one in binaries()]
        every[triton.__version__] = {
            "fingerprints": {path: fingerprint(path) for path in SOURCES},
            "binaries": {name: rows[name] for name in order if name in rows},
        }
        # One binary a line.
        text = re.sub(r"\{\s*(\"spilled\"[^}]*?)\s*\}", _on_a_line, json.dumps(every, indent=1))
        waiting = RECORD.with_suffix(f".{os.getpid()}")
        waiting.write_text(text + "\n", encoding="utf-8")
        waiting.replace(RECORD)


def _on_a_line(facts: re.Match) -> str:
    return "{" + re.sub(r"\s+", " ", facts[1]) + "}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--part", default="1/1", help="which of how many parts, for several processes")
    parser.add_argument("--only", default="", help="binaries whose name has this in it")
    options = parser.parse_args()
    part, parts = map(int, options.part.split("/"))
    some = [one for one in binaries() if options.only in str(one)][part - 1 :: parts]
    for one in some:
        if str(one) in recorded():
            continue
        with tempfile.TemporaryDirectory() as folder:
            os.environ["TRITON_CACHE_DIR"] = folder
            found = facts(one)
        add({str(one): found})
        print(one, found, wrong(one, found) or "", flush=True)


if __name__ == "__main__":
    main()
