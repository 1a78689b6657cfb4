"""Compiles the kernel for devices that are not there, and reads what the compiler says of the result."""

import re
import subprocess
import tempfile
from pathlib import Path

import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from triton.experimental.gluon._runtime import GluonASTSource

from ditfastattn.kernels.triton.configs import HEAD_DIMS, PINGPONG, candidates, lanes
from ditfastattn.kernels.triton.devices import proven_triton
from ditfastattn.kernels.triton.hopper.kernel import ROWS, pingpong_kernel
from ditfastattn.kernels.triton.hopper.launch import block_layout
from ditfastattn.kernels.triton.hopper.preparation import attend_pooled_kernel, order_kernel
from ditfastattn.kernels.triton.int8.configs import KEY_LANES, int8_candidates
from ditfastattn.kernels.triton.int8.kernel import int8_kernel
from ditfastattn.kernels.triton.int8.launch import ROWS as INT8_ROWS
from ditfastattn.kernels.triton.int8.preparation import quantise_kernel, statistics_kernel
from ditfastattn.kernels.triton.pointer import attention_kernel
from ditfastattn.kernels.triton.pool import TILES, bias_kernel, pool_kernel
from ditfastattn.kernels.triton.units import lanes_of
from ditfastattn.kernels.triton.worklist import POOLED_KEYS

TARGETS = {
    **{f"sm_{n}": GPUTarget("cuda", n, 32) for n in (80, 86, 89, 90, 100, 120)},
    "gfx942": GPUTarget("hip", "gfx942", 64),
    "gfx1100": GPUTarget("hip", "gfx1100", 32),
}
# Bytes of shared memory that one program may have.
SHARED = {"sm_80": 166912, "sm_86": 101376, "sm_89": 101376, "sm_90": 232448, "sm_100": 232448, "sm_120": 101376}
SHARED |= {"gfx942": 65536, "gfx1100": 65536}
TENSORS = ("q", "k", "v", "out", "cached", "residual", "fresh", "q_tiled", "k_tiled", "v_tiled")
TENSORS += ("means", "pooled", "pooled_out")
TABLES = {"parts": "*i32", "heads": "*i64", "slots": "*i32", "columns": "*i32", "chosen": "*i64", "starts": "*i32"}
TABLES |= {"pooled_bias": "*fp32", "log_tokens": "*fp32", "bias": "*fp32", "pooled_sum": "*fp32"}
TABLES |= dict.fromkeys(("sums", "peaks", "q_scale", "k_scale", "v_scale", "pooled_scale"), "*fp32")
QUANTISED = {"q8": "*i8", "k8": "*i8", "v16": "*fp16"}


def configurations(name, head_dim):
    """What the pack may run on a target."""
    target = TARGETS[name]
    cuda = target.backend == "cuda"
    later = cuda and not proven_triton()
    found = candidates("cuda" if cuda else target.arch, target.arch if cuda else 0, head_dim, later)
    return tuple(config for config in found if config.path != PINGPONG or not later)


def compiled(name, head_dim, config, emit=False, pooled=False, element="bf16"):
    """A kernel as the launcher asks for it on a target: 16-byte rows, `config`'s block sizes."""
    d0, d1 = lanes(head_dim, config.queries)
    constants = {
        "BM": config.queries, "BN": config.keys, "D0": d0, "D1": d1, "D": head_dim, "UNIT": 8, "UPCAST": False,
        "WIDE": config.wide, "EMIT": emit, "POOLED": pooled, "STAGES": config.pooled_stages,
    }  # fmt: skip
    if config.path == PINGPONG:
        constants["STAGES"] = config.stages
        return _compile(pingpong_kernel, constants, TARGETS[name], element, num_warps=config.warps)
    stages = {"num_warps": config.warps, "num_stages": config.stages}
    return _compile(attention_kernel, constants, TARGETS[name], element, **stages)


def in_int8(name, head_dim, config, emit=False, pooled=False, element="bf16"):
    """The INT8 kernel as its launcher asks for it."""
    k0, k1 = KEY_LANES[head_dim]
    d0, d1 = lanes(head_dim, config.queries)
    constants = {
        "BM": config.queries, "BN": config.keys, "K0": k0, "K1": k1, "D0": d0, "D1": d1, "D": head_dim, "UNIT": 8,
        "WIDE": False, "EMIT": emit, "POOLED": pooled, "STAGES": config.pooled_stages, "SHORT": True,
    }  # fmt: skip
    more = {**QUANTISED, "pooled_k": "*i8", "pooled_v": "*fp16"}
    stages = {"num_warps": config.warps, "num_stages": config.stages}
    return _compile(int8_kernel, constants, TARGETS[name], element, more, **stages)


def int8_variants(capability, head_dim):
    """Every binary that may serve there, as (configuration, whether residuals are updated, whether windows pool)."""
    found = []
    for pooled in (False, True):
        configs = int8_candidates(capability, head_dim, pooled, not proven_triton())
        found += [(config, False, pooled) for config in configs]
        found += [(config, True, pooled) for config in configs[-1:]]
    return found


def quantising(name, head_dim, pooled=False, element="bf16"):
    """The kernel that rounds queries and keys, or pooled keys."""
    k0, k1 = KEY_LANES[head_dim]
    constants = {"ROWS": INT8_ROWS, "K0": k0, "K1": k1, "V": sum(HEAD_DIMS[head_dim]), "D": head_dim, "UNIT": 8}
    constants |= {"LANES": lanes_of(head_dim), "POOLED": pooled}
    return _compile(quantise_kernel, constants, TARGETS[name], element, QUANTISED, num_warps=4)


def measuring(name, head_dim, element="bf16"):
    """The kernel that sums keys up and looks for the largest value."""
    constants = {"ROWS": INT8_ROWS, "LANES": lanes_of(head_dim), "D": head_dim, "UNIT": 8}
    return _compile(statistics_kernel, constants, TARGETS[name], element, num_warps=4)


def ordering(name, head_dim, element="bf16"):
    """The kernel that copies tokens into tile order."""
    constants = {"ROWS": 64, "LANES": 128, "D": head_dim, "UNIT": 8}
    return _compile(order_kernel, constants, TARGETS[name], element, num_warps=4)


def pooling(name, head_dim, element="bf16"):
    """The kernel that pools tiles of 64 tokens."""
    constants = {"TOKENS": 64, "LANES": lanes_of(head_dim), "D": head_dim, "UNIT": 8}
    # Of this kernel's arguments `heads` is a number, of others' a table.
    return _compile(pool_kernel, constants, TARGETS[name], element, {"heads": "i32"}, num_warps=4)


def weighing(name, head_dim):
    """The kernel that gives pooled keys their bias."""
    constants = {"TILES": TILES, "LANES": lanes_of(head_dim), "D": head_dim}
    return _compile(bias_kernel, constants, TARGETS[name], "bf16", num_warps=4)


def attending_pooled(name, head_dim, config, element="bf16"):
    """The kernel of pooled keys alone that goes before the Hopper kernel with `config`."""
    d0, d1 = lanes(head_dim, config.queries)
    constants = {"BM": config.queries, "BN": POOLED_KEYS, "STAGES": 2, "D0": d0, "D1": d1, "D": head_dim, "UNIT": 8}
    return _compile(attend_pooled_kernel, constants | {"UPCAST": False}, TARGETS[name], element, num_warps=8)


def _compile(kernel, constants, target, element, more=None, **options):
    names = kernel.arg_names
    constants = {n: value for n, value in constants.items() if n in names}
    pointers = dict.fromkeys(TENSORS, f"*{element}") | TABLES | (more or {})
    source = ASTSource
    if kernel is pingpong_kernel:
        source = GluonASTSource
        pointers |= {n: _descriptor(n, constants, element) for n in names if re.match("[qkv][01]", n)}
    signature = {
        n: "constexpr" if n in constants else pointers.get(n, "fp32" if n in ("scale", "factor") else "i32")
        for n in names
    }
    aligned = {(i,): [["tt.divisibility", 16]] for i, n in enumerate(names) if signature[n].startswith("*")}
    return triton.compile(source(kernel, signature, constexprs=constants, attrs=aligned), target, options)


def _descriptor(name, constants, element):
    """The type of a descriptor as `hopper.launch._descriptors` makes it: q0 to v1, in tile order or not."""
    width = constants["D1"] if name[1] == "1" and constants["D1"] else constants["D0"]
    rows = ROWS.value if name[0] == "q" else constants["BN"]
    return f"tensordesc<{element}[1, 1, {rows}, {width}],{block_layout(width)!r}>"


def assert_products_overlap(kernel):
    """In the machine's own code, in the loop of each group: it asks for scores and values, waits for the scores alone,
    takes exponents, and only then waits for the values; in between, nothing is kept in memory, and no register is
    written from which the matrix unit may still read weights.

    The assembler gives up the first without an error where it runs out of registers, and the last is up to the source:
    the PTX ISA leaves undefined what such a write does before `wgmma.wait_group`.
    """
    steps, read = [], set()
    for line in _disassembled(kernel, "-sass").splitlines():
        if not (found := re.search(r"\*/\s+(?:@!?U?P\d )?\s*([A-Z0-9_.]+)\s*([^;]*);", line)):
            continue
        name, operands = found.groups()
        if name.startswith("HGMMA"):
            steps.append("product")
            if weights := re.match(r"R\d+, R(\d+), gdesc", operands):
                read |= {f"R{int(weights[1]) + i}" for i in range(4)}
        elif name.startswith("WARPGROUP.DEPBAR"):
            outstanding = int(operands.split(",")[1], 16)
            steps.append("wait for all" if outstanding == 0 else "wait for scores")
            read = read if outstanding else set()
        elif name in ("MUFU.EX2", "LDL", "STL") or name.startswith(("LDL.", "STL.")):
            steps.append({"MUFU.EX2": "exponent"}.get(name, "memory"))
        elif operands.split(",")[0].removesuffix(".64") in read:
            raise AssertionError(f"{name} {operands} writes a register that a product still reads")
    kinds = [steps[0]] + [b for a, b in zip(steps, steps[1:]) if a != b]
    loops = [i for i, step in enumerate(kinds) if step == "wait for scores"]
    assert len(loops) == 2, "one loop for each of the two groups"
    for i in loops:
        assert kinds[i - 1 : i + 3] == ["product", "wait for scores", "exponent", "wait for all"]


def spilled(kernel) -> int:
    """Bytes of stack that a thread needs (CUDA), or vector registers kept in memory (AMD)."""
    if "amdgcn" in kernel.asm:
        return max(int(n) for n in re.findall(r"\.vgpr_spill_count:\s*(\d+)", kernel.asm["amdgcn"]))
    return int(re.search(r"STACK:(\d+)", _disassembled(kernel, "-res-usage")).group(1))


def registers(kernel) -> int:
    """Of a thread (CUDA)."""
    return int(re.search(r"REG:(\d+)", _disassembled(kernel, "-res-usage")).group(1))


def inner_loop(kernel) -> list[str]:
    """The instructions of the shortest loop that multiplies matrices, by name (CUDA): that over clean key blocks."""
    names, addresses, loops = [], {}, []
    for line in _disassembled(kernel, "-sass").splitlines():
        if not (found := re.search(r"/\*([0-9a-f]{4,})\*/\s+(?:@!?U?P\w+ )?\s*([A-Z0-9_.]+)\s*([^;]*);", line)):
            continue
        addresses[int(found[1], 16)] = len(names)
        target = re.search(r"0x([0-9a-f]+)", found[3]) if found[2].startswith("BRA") else None
        if target and int(target[1], 16) in addresses:
            loops.append((addresses[int(target[1], 16)], len(names) + 1))
        names.append(found[2])
    bodies = [names[first:last] for first, last in loops]
    bodies = [body for body in bodies if any("MMA" in name for name in body)]
    return min(bodies, key=len, default=[])


def _disassembled(kernel, option):
    tool = Path(triton.__file__).parent / "backends" / "nvidia" / "bin" / "cuobjdump"
    with tempfile.TemporaryDirectory() as folder:
        binary = Path(folder) / "kernel.cubin"
        binary.write_bytes(kernel.asm["cubin"])
        said = subprocess.run([tool, option, binary], capture_output=True, text=True)
    return said.stdout + said.stderr
