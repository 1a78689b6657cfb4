"""How fast the fused Triton kernel is beside dense attention, on the GPU at hand.

    python dev.py bench kernel [--no-setup] [--quick] [--sweep] [--minutes N] [--dtype bfloat16|float16] [--out FILE]

Every row is one layer: all heads windowed to a density, a real mixture of methods, or a refresh, against torch's SDPA
with cuDNN (the baseline that counts), with FlashAttention, and FlexAttention with the same mask on tokens that were
put in tile order beforehand. Times are medians over launches with a cold L2 cache. `tflops` are useful ones: 4 * head
size for each pair that the method joins. `density` is computed pairs over all pairs, text included; `efficiency` is
speed-up * density, 1.0 if every pair cost the same as in the baseline. `--sweep` times block sizes instead.
Needs torch and triton, nothing else: no ComfyUI, no network. comfy-kitchen's sparse kernel is not measured.
"""

import argparse
import json
import re
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

try:
    import torch
except ImportError:
    sys.exit("This Python has no torch: run the benchmark with the Python of a ComfyUI, or without --no-setup.")

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import conftest  # noqa: E402, F401  (makes `ditfastattn` importable)
from torch.nn.attention import SDPBackend, sdpa_kernel  # noqa: E402
from torch.nn.functional import scaled_dot_product_attention  # noqa: E402

from ditfastattn.kernels import HeadTable, Layout, Method, Window, dense_flops, flops  # noqa: E402
from ditfastattn.kernels.geometry import half_widths, tile_counts, tile_shape, window_pairs  # noqa: E402
from ditfastattn.kernels.tiled import window_attention  # noqa: E402
from ditfastattn.kernels.triton import head_wise, why_not  # noqa: E402
from ditfastattn.kernels.triton.configs import Config  # noqa: E402
from ditfastattn.kernels.triton.worklist import tile_order  # noqa: E402

RESULTS = Path(__file__).parent / "results"
DENSITIES = (0.5, 0.25, 0.125)
BASELINES = {"sdpa cudnn": SDPBackend.CUDNN_ATTENTION, "sdpa flash": SDPBackend.FLASH_ATTENTION}
CONFIGS = [
    Config(128, 64, 8, 2), Config(128, 64, 8, 3), Config(128, 64, 8, 4), Config(128, 128, 8, 2), Config(128, 32, 8, 3),
    Config(64, 64, 4, 2), Config(64, 64, 4, 3), Config(64, 128, 4, 2), Config(128, 64, 4, 3),
]  # fmt: skip


@dataclass(frozen=True)
class Shape:
    """One layer of a model: batch 1."""

    name: str
    layout: Layout
    heads: int
    head_dim: int


SHAPES = (
    Shape("FLUX 1024", Layout((64, 64), prefix=512), 24, 128),
    Shape("FLUX 1536", Layout((96, 96), prefix=512), 24, 128),
    Shape("FLUX 2048", Layout((128, 128), prefix=512), 24, 128),
    Shape("FLUX 4096", Layout((256, 256), prefix=512), 24, 128),
    Shape("SD3.5 large 1024", Layout((64, 64), prefix=154), 38, 64),
    Shape("SD3.5 large 2048", Layout((128, 128), prefix=154), 38, 64),
    Shape("PixArt-Sigma 2K", Layout((128, 128)), 16, 72),
    Shape("head size 80, 2048", Layout((128, 128)), 16, 80),
    Shape("Wan 14B 480p", Layout((21, 30, 52)), 40, 128),
    Shape("Wan 14B 720p", Layout((21, 45, 80)), 40, 128),
)
QUICK = ("FLUX 1024", "FLUX 2048", "PixArt-Sigma 2K")


def window_of(layout, density):
    """The window of equally many tiles' share along every axis whose computed pairs come closest to a density."""
    counts = tile_counts(layout.grid)
    shares = sorted({min(1.0, (2 * half + 1) / n) for n in counts for half in range(n)})
    windows = [Window((share,) * len(counts)) for share in shares if share < 1.0]
    return min(windows, key=lambda w: abs(window_pairs(layout, w) / layout.length**2 - density))


def tables(shape):
    """(label, table) of a shape: full heads, each density that its text allows, a mixture, and a refresh."""
    yield "full", HeadTable.uniform(shape.heads, Method.FULL)
    seen = set()
    for density in DENSITIES:
        window = window_of(shape.layout, density)
        if window not in seen:
            seen.add(window)
            yield "window", HeadTable.uniform(shape.heads, Method.WINDOW, window)
    local = window_of(shape.layout, 0.25)
    yield "window and residual", HeadTable.uniform(shape.heads, Method.WINDOW_RESIDUAL, local)
    yield "refresh", HeadTable.uniform(shape.heads, Method.FULL, local, refresh=True)
    # A third full, five twelfths windowed, a quarter reused, in the changing order that a plan leaves.
    kinds = "FWRWFWRWFWRF"
    named = {"F": Method.FULL, "W": Method.WINDOW, "R": Method.REUSE}
    methods = tuple(named[kinds[h * 5 % len(kinds)]] for h in range(shape.heads))
    yield "mixed plan", HeadTable(methods, (local,) * shape.heads, (False,) * shape.heads)


class Clock:
    """Milliseconds of a call on the GPU: the median over launches, each behind a write that clears the L2 cache."""

    def __init__(self, seconds=0.25):
        self.seconds = seconds
        self.scratch = torch.empty(256 << 20, dtype=torch.int8, device="cuda")

    def __call__(self, call):
        call()
        torch.cuda.synchronize()
        start = time.perf_counter()
        call()
        torch.cuda.synchronize()
        once = max(time.perf_counter() - start, 1e-5)
        rounds = min(max(int(self.seconds / once), 5), 100)
        events = [[torch.cuda.Event(enable_timing=True) for _ in range(2)] for _ in range(rounds)]
        for before, after in events:
            self.scratch.zero_()
            before.record()
            call()
            after.record()
        torch.cuda.synchronize()
        return statistics.median(before.elapsed_time(after) for before, after in events)


@dataclass
class Inputs:
    """Tensors of a layer in the (batch, tokens, heads, size) order that hosts hand over, seen as (B, H, L, D)."""

    q: torch.Tensor
    k: torch.Tensor
    v: torch.Tensor
    out: torch.Tensor

    @classmethod
    def of(cls, shape, dtype, device):
        size = (1, shape.layout.length, shape.heads, shape.head_dim)
        return cls(*(torch.randn(size, dtype=dtype, device=device).transpose(1, 2) for _ in range(4)))

    def caches(self, layout, table):
        """The caches that the table asks for; reused heads lie elsewhere and are copied."""
        found = {"cached": None, "residual": None}
        if table.reuse_heads:
            found["cached"] = self.out[:, list(table.reuse_heads)].clone()
        if table.residual_heads:
            found["residual"] = torch.randn_like(self.out[:, : len(table.residual_heads), : layout.image])
        return found

    def dense(self, backend):
        """A call of torch's SDPA with one backend."""

        def call():
            with sdpa_kernel(backend):
                return scaled_dot_product_attention(self.q, self.k, self.v)

        return call


def flex_call(shape, inputs, window):
    """FlexAttention, compiled, with the same mask, on tokens that are in tile order before the clock starts."""
    from torch.nn.attention.flex_attention import create_block_mask, flex_attention

    layout, device = shape.layout, inputs.q.device
    slots = torch.from_numpy(tile_order(layout).slots).long().to(device)
    place = (slots - layout.prefix).clamp(0, layout.image - 1)
    is_global = (slots < layout.prefix) | (slots >= layout.prefix + layout.image)
    tiles = []
    for n, side in reversed(list(zip(layout.grid, tile_shape(layout.grid)))):
        tiles.insert(0, place % n // side)
        place = place // n
    halves = half_widths(layout.grid, window)

    def joins(batch, head, query, key):
        near = is_global[query] | is_global[key]
        box = (tiles[0][query] - tiles[0][key]).abs() <= halves[0]
        for tile, half in zip(tiles[1:], halves[1:]):
            box = box & ((tile[query] - tile[key]).abs() <= half)
        return near | box

    mask = torch.compile(create_block_mask)(joins, None, None, layout.length, layout.length, device=device)
    q, k, v = (x[:, :, slots].contiguous() for x in (inputs.q, inputs.k, inputs.v))
    attend = torch.compile(flex_attention, dynamic=False)
    return lambda: attend(q, k, v, block_mask=mask)


def useful_flops(shape, table):
    """A refresh is one full pass: the window inside it is not counted again."""
    plain = HeadTable(table.methods, table.windows, (False,) * shape.heads)
    return flops(shape.layout, plain, shape.head_dim)


def difference(shape, inputs, table):
    """Largest difference from torch's SDPA or the tiled path in the first head that is full or plainly windowed."""
    layout = shape.layout
    image = slice(layout.prefix, layout.prefix + layout.image)
    head = next((h for h, m in enumerate(table.methods) if m in (Method.FULL, Method.WINDOW)), None)
    if head is None:
        return None
    q, k, v = (x[:, head : head + 1] for x in (inputs.q, inputs.k, inputs.v))
    wanted = scaled_dot_product_attention(q, k, v)
    if table.methods[head] is Method.WINDOW:
        window_attention(q, k, v, layout, table.windows[head], wanted[:, :, image])
    return round(float((inputs.out[:, head : head + 1].float() - wanted.float()).abs().max()), 6)


class Bench:
    """Collects rows, and reasons where a baseline cannot run."""

    def __init__(self, clock, dtype, device):
        self.clock, self.dtype, self.device = clock, dtype, device
        self.rows, self.failed = [], []

    def shape(self, shape):
        inputs = Inputs.of(shape, self.dtype, self.device)
        baselines = {name: self.attempt(f"{shape.name}, {name}", inputs.dense(b)) for name, b in BASELINES.items()}
        for label, table in tables(shape):
            caches = inputs.caches(shape.layout, table)

            def call(table=table, caches=caches):
                return head_wise(inputs.q, inputs.k, inputs.v, shape.layout, table, inputs.out, **caches)

            start = time.perf_counter()
            ms = self.attempt(f"{shape.name}, {label}", call)
            if ms is None:
                continue
            first = time.perf_counter() - start
            call()
            kept = inputs.out.clone()
            call()
            extra = {
                "difference": difference(shape, inputs, table),
                "bits_repeat": bool(torch.equal(kept, inputs.out)),
                "seconds_with_compilation": round(first, 2),
            }
            compared = dict(baselines)
            if label == "window":
                compared["flex"] = self.flex(shape, inputs, table)
            for name, baseline in compared.items():
                self.add(shape, label, table, ms, name, baseline, extra)

    def flex(self, shape, inputs, table):
        try:
            return self.clock(flex_call(shape, inputs, table.windows[0]))
        except Exception as error:
            self.failed.append(f"{shape.name}, flex: {first_line(error)}")
            return None

    def attempt(self, what, call):
        try:
            return self.clock(call)
        except Exception as error:
            self.failed.append(f"{what}: {first_line(error)}")
            return None

    def add(self, shape, label, table, ms, name, baseline_ms, extra):
        work = useful_flops(shape, table)
        density = work / dense_flops(shape.layout, shape.heads, shape.head_dim)
        self.rows.append(
            {
                "shape": shape.name,
                "tokens": shape.layout.length,
                "text_tokens": shape.layout.globals,
                "heads": shape.heads,
                "head_dim": shape.head_dim,
                "dtype": str(self.dtype).removeprefix("torch."),
                "density": round(density, 4),
                "path": f"triton, {label}",
                "ms": round(ms, 4),
                "tflops": round(work / ms / 1e9, 1),
                "baseline": name,
                "baseline_ms": None if baseline_ms is None else round(baseline_ms, 4),
                "speedup": None if baseline_ms is None else round(baseline_ms / ms, 3),
                "efficiency": None if baseline_ms is None else round(baseline_ms / ms * density, 3),
                **extra,
            }
        )
        row = self.rows[-1]
        print(
            f"{shape.name:20} {label:20} density {density:.3f} {ms:9.3f} ms {row['tflops']:7.1f} TFLOP/s   "
            f"{name:10} {row['baseline_ms']} ms, {row['speedup']} times, efficiency {row['efficiency']}",
            flush=True,
        )

    def sweep(self, shape):
        """Block sizes for full heads and for a window of a quarter."""
        inputs = Inputs.of(shape, self.dtype, self.device)
        window = HeadTable.uniform(shape.heads, Method.WINDOW, window_of(shape.layout, 0.25))
        for table in (HeadTable.uniform(shape.heads, Method.FULL), window):
            for config in CONFIGS:

                def call(table=table, config=config):
                    return head_wise(inputs.q, inputs.k, inputs.v, shape.layout, table, inputs.out, config=config)

                ms = self.attempt(f"{shape.name}, {config}", call)
                if ms is not None:
                    blocks = f"{config.queries}x{config.keys}, {config.warps} warps, {config.stages} stages"
                    self.add(shape, f"{table.methods[0].name.lower()} {blocks}", table, ms, "none", None, {})


def first_line(error):
    return f"{type(error).__name__}: {(str(error).strip().splitlines() or ['no message'])[0][:200]}"


def driver():
    """The driver's version where nvidia-smi tells it."""
    try:
        command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
        return subprocess.run(command, capture_output=True, text=True, timeout=20).stdout.split()[0]
    except (OSError, IndexError, subprocess.SubprocessError):
        return None


def about_machine():
    import triton

    return {
        "device": torch.cuda.get_device_name(),
        "capability": ".".join(map(str, torch.cuda.get_device_capability())),
        "driver": driver(),
        "torch": torch.__version__,
        "triton": triton.__version__,
        "cudnn": torch.backends.cudnn.version(),
    }


def main(arguments=None):
    options = argparse.ArgumentParser(prog="dev.py bench kernel", description=__doc__.split("\n\n")[0])
    options.add_argument("--quick", action="store_true", help="three shapes instead of all")
    options.add_argument("--sweep", action="store_true", help="time block sizes of the quick shapes")
    options.add_argument("--minutes", type=float, default=60, help="start no further shape after this long (60)")
    options.add_argument("--dtype", choices=("bfloat16", "float16"), default="bfloat16")
    options.add_argument("--out", type=Path, help="where the JSON goes (tests/benchmarks/results/kernel-<device>.json)")
    options = options.parse_args(arguments)
    if not torch.cuda.is_available():
        print("There is no CUDA or ROCm GPU here, so there is nothing to measure.")
        return 0
    dtype = getattr(torch, options.dtype)
    torch.manual_seed(0)
    probe = torch.zeros(1, 1, 9, 64, dtype=dtype, device="cuda")
    refusal = why_not(probe, probe, probe, Layout((3, 3)), HeadTable.uniform(1, Method.FULL))
    if refusal is not None:
        print(f"The kernel does not serve this GPU: {refusal}")
        return 1
    bench, start = Bench(Clock(), dtype, "cuda"), time.monotonic()
    out = options.out
    if out is None:
        slug = re.sub(r"[^a-z0-9]+", "-", torch.cuda.get_device_name().lower()).strip("-")
        out = RESULTS / f"kernel-{slug}{'-sweep' if options.sweep else ''}.json"
    for shape in SHAPES:
        if (options.quick or options.sweep) and shape.name not in QUICK:
            continue
        if time.monotonic() - start > 60 * options.minutes:
            bench.failed.append(f"{shape.name}: not measured, time was up")
            continue
        (bench.sweep if options.sweep else bench.shape)(shape)
        # After each shape, so that what was measured is kept whatever happens to the next.
        report = {**about_machine(), "rows": bench.rows, "not_measured": bench.failed}
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(json.dumps(report, indent=1) + "\n")
        torch.cuda.empty_cache()
    print(*bench.failed, f"Written to {out}", sep="\n")
    return 0


if __name__ == "__main__":
    with torch.inference_mode():
        sys.exit(main())
