"""Compiles the kernel for devices that are not there, and reads what the compiler says of the result."""

import re
import subprocess
import tempfile
from pathlib import Path

import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from ditfastattn.kernels.triton.configs import HEAD_DIMS, SPECIALIZED, candidates
from ditfastattn.kernels.triton.kernel import attention_kernel
from ditfastattn.kernels.triton.launch import FAR_KEYS
from ditfastattn.kernels.triton.pooled import pool_kernel
from ditfastattn.kernels.triton.specialized import far_kernel, order_kernel, specialized_kernel

TARGETS = {
    **{f"sm_{n}": GPUTarget("cuda", n, 32) for n in (80, 86, 89, 90, 100, 120)},
    "gfx942": GPUTarget("hip", "gfx942", 64),
}
# Bytes of shared memory that one program may have.
SHARED = {"sm_80": 166912, "sm_86": 101376, "sm_89": 101376, "sm_90": 232448, "sm_100": 232448, "sm_120": 101376}
SHARED["gfx942"] = 65536
TENSORS = ("q", "k", "v", "out", "twin", "cached", "residual", "fresh", "snapshot", "q_tiled", "k_tiled", "v_tiled")
TENSORS += ("pooled_k", "pooled_v", "far")
TABLES = {"items": "*i32", "heads": "*i64", "slots": "*i32", "columns": "*i32", "chosen": "*i32", "starts": "*i32"}
TABLES |= {"pooled_bias": "*fp32", "variance": "*fp32", "squares": "*fp32", "snapshot_sum": "*fp32", "far_sum": "*fp32"}


def configurations(name, head_dim):
    """What the pack may run on a target."""
    target = TARGETS[name]
    return candidates(target.backend, target.arch if target.backend == "cuda" else 0, head_dim)


def compiled(name, head_dim, config, emit=False, pooled=False, element="bf16"):
    """A kernel as the launcher asks for it on a target: 16-byte rows, `config`'s block sizes."""
    special = config.path == SPECIALIZED
    d0, d1 = HEAD_DIMS[head_dim]
    constants = {
        "BM": config.queries, "BN": config.keys, "D0": d0, "D1": d1, "D": head_dim, "UNIT": 8, "UPCAST": False,
        "WIDE": False, "EMIT": emit, "POOLED": pooled, "STAGES": config.pooled_stages(emit),
    }  # fmt: skip
    kernel = specialized_kernel if special else attention_kernel
    return _compile(kernel, constants, TARGETS[name], element, num_warps=config.warps, num_stages=config.stages)


def ordering(name, head_dim, element="bf16"):
    """The kernel that copies tokens into tile order."""
    constants = {"ROWS": 64, "LANES": 128, "D": head_dim, "UNIT": 8}
    return _compile(order_kernel, constants, TARGETS[name], element, num_warps=4)


def pooling(name, head_dim, element="bf16"):
    """The kernel that pools tiles of 64 tokens."""
    lanes = 1 << (head_dim - 1).bit_length()
    constants = {"TOKENS": 64, "LANES": lanes, "D": head_dim, "UNIT": 8}
    return _compile(pool_kernel, constants, TARGETS[name], element, num_warps=4)


def far(name, head_dim, config, element="bf16"):
    """The kernel of pooled keys alone that goes before a warp-specialised `config`."""
    d0, d1 = HEAD_DIMS[head_dim]
    constants = {"BM": config.queries, "BN": FAR_KEYS, "STAGES": 2, "D0": d0, "D1": d1, "D": head_dim, "UNIT": 8}
    return _compile(far_kernel, constants | {"UPCAST": False}, TARGETS[name], element, num_warps=8)


def _compile(kernel, constants, target, element, **options):
    names = kernel.arg_names
    constants = {n: value for n, value in constants.items() if n in names}
    constants = constants | {n: 1 for n in names if n.endswith("_dim")}
    pointers = dict.fromkeys(TENSORS, f"*{element}") | TABLES
    signature = {
        n: "constexpr" if n in constants else pointers.get(n, "fp32" if n == "scale" else "i32") for n in names
    }
    aligned = {(i,): [["tt.divisibility", 16]] for i, n in enumerate(names) if n in pointers}
    return triton.compile(ASTSource(kernel, signature, constexprs=constants, attrs=aligned), target, options)


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
