"""Compiles the kernel for devices that are not there, and reads what the compiler says of the result."""

import re
import subprocess
import tempfile
from pathlib import Path

import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from ditfastattn.kernels.triton.configs import HEAD_DIMS, config_for
from ditfastattn.kernels.triton.kernel import attention_kernel

TARGETS = {
    **{f"sm_{n}": GPUTarget("cuda", n, 32) for n in (80, 86, 89, 90, 100, 120)},
    "gfx942": GPUTarget("hip", "gfx942", 64),
}
# Bytes of shared memory that one program may have.
SHARED = {"sm_80": 166912, "sm_86": 101376, "sm_89": 101376, "sm_90": 232448, "sm_100": 232448, "sm_120": 101376}
SHARED["gfx942"] = 65536
TENSORS = ("q", "k", "v", "out", "twin", "cached", "residual", "fresh")
TABLES = {"items": "*i32", "heads": "*i64", "slots": "*i32", "columns": "*i32"}


def compiled(name, head_dim, emit=True, element="bf16"):
    """The kernel as the launcher asks for it on a target: 16-byte rows, the target's own block sizes."""
    target = TARGETS[name]
    config = config_for(target.backend, target.arch if target.backend == "cuda" else 0, head_dim)
    d0, d1 = HEAD_DIMS[head_dim]
    constants = {
        "BM": config.queries, "BN": config.keys, "D0": d0, "D1": d1, "D": head_dim, "UNIT": 8, "EMIT": emit,
        "UPCAST": False, "WIDE": False,
    }  # fmt: skip
    constants.update({n: 1 for n in attention_kernel.arg_names if n.endswith("_dim")})
    pointers = dict.fromkeys(TENSORS, f"*{element}") | TABLES
    signature = {
        n: "constexpr" if n in constants else pointers.get(n, "fp32" if n == "scale" else "i32")
        for n in attention_kernel.arg_names
    }
    aligned = {(i,): [["tt.divisibility", 16]] for i, n in enumerate(attention_kernel.arg_names) if n in pointers}
    source = ASTSource(attention_kernel, signature, constexprs=constants, attrs=aligned)
    return triton.compile(source, target=target, options={"num_warps": config.warps, "num_stages": config.stages})


def spilled(kernel) -> int:
    """Bytes of stack that a thread needs (CUDA), or vector registers kept in memory (AMD)."""
    if "amdgcn" in kernel.asm:
        return max(int(n) for n in re.findall(r"\.vgpr_spill_count:\s*(\d+)", kernel.asm["amdgcn"]))
    tool = Path(triton.__file__).parent / "backends" / "nvidia" / "bin" / "cuobjdump"
    with tempfile.TemporaryDirectory() as folder:
        binary = Path(folder) / "kernel.cubin"
        binary.write_bytes(kernel.asm["cubin"])
        said = subprocess.run([tool, "-res-usage", binary], capture_output=True, text=True)
    return int(re.search(r"STACK:(\d+)", said.stdout + said.stderr).group(1))
