"""How fast the fused Triton kernel is beside dense attention, on the GPU at hand.

    python dev.py bench kernel [--no-setup] [--check] [--quick] [--sweep] [--minutes N] [--dtype bfloat16|float16]
                               [--baselines cudnn,flash,kitchen_int8,sage,flex,kitchen] [--out FILE]

Every row is one layer: all heads full, windowed to a density, in the same window with pooled keys, with a residual,
updating residuals, or a mixture of ways, by each path that the GPU has (`pointer`, and on Hopper `ping_pong`, which
DITFASTATTN_FUSED=pointer in the environment switches off; windows by `int8` as well, where it serves), against every
dense attention that is found (`dense_baselines`: torch's SDPA with cuDNN and FlashAttention, comfy-kitchen's INT8
attention, SageAttention), FlexAttention with the same mask on tokens that were put in tile order beforehand, and
comfy-kitchen's block-sparse INT8 attention, told to keep the same share of keys. `fastest_dense` names the dense
attention that took least, and `over_fastest` how many times faster the row is: the figure that counts.

Times are medians over launches with a cold L2 cache, whatever a call does included: putting tokens in order, work list
look-up, output buffers; `tile_order_ms` is the first of these alone, on the paths that do it once a call. `tflops` are
useful ones: 4 * head size for each pair that the method joins. `density` is computed pairs over all pairs, text
included; `efficiency` is speed-up * density, 1.0 if every pair cost the same as in the baseline. `costs` are what a
residual, a refresh and pooled keys add to the same launch without.

Written after every row, so that nothing measured is lost; what fails gives a sentence in `not_measured` and the rest
goes on, and a kernel that hangs ends the benchmark with a sentence; nothing starts after --minutes. --check compares
every method with float64 first. --sweep times block sizes instead. Needs torch and triton, nothing else: no ComfyUI, no
network. --device cpu runs one tiny layer in Triton's interpreter (TRITON_INTERPRET=1), to see that this file works; its
times mean nothing.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

try:
    import torch
except ImportError:
    sys.exit("This Python has no torch: run the benchmark with the Python of a ComfyUI, or without --no-setup.")

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import conftest  # noqa: E402, F401  (makes `ditfastattn` importable)
from benchmarks.dense_baselines import DENSE, fastest  # noqa: E402

from ditfastattn.kernels import (  # noqa: E402
    FULL,
    REUSE,
    HeadTable,
    Int8,
    Layout,
    Residual,
    Window,
    dense_flops,
    flops,
    reference,
)
from ditfastattn.kernels.geometry import tile_counts, tile_shape  # noqa: E402
from ditfastattn.kernels.triton.agreement import ALLOWED, distance  # noqa: E402
from ditfastattn.kernels.triton.attempt import first_line  # noqa: E402
from ditfastattn.kernels.triton.configs import HEAD_DIMS, INT8, PINGPONG, SWITCH, Config  # noqa: E402
from ditfastattn.kernels.triton.devices import device_configs  # noqa: E402
from ditfastattn.kernels.triton.hopper.launch import in_tile_order  # noqa: E402
from ditfastattn.kernels.triton.int8.configs import int8_configs  # noqa: E402
from ditfastattn.kernels.triton.int8.trial import ALLOWED_ROW as ALLOWED_ROW_INT8  # noqa: E402
from ditfastattn.kernels.triton.launch import head_wise  # noqa: E402
from ditfastattn.kernels.triton.tile_order import tile_order  # noqa: E402
from ditfastattn.kernels.triton.trial import trial_of  # noqa: E402
from ditfastattn.kernels.triton.why_not import about_device  # noqa: E402
from ditfastattn.kernels.triton.worklist import Kind, shelf_of  # noqa: E402

RESULTS = Path(__file__).parent / "results"
DENSITIES = (0.5, 0.25, 0.125)
# Seconds for a call with its compilation, many times what the longest takes.
HANGS_AFTER = 120
BASELINES = (*DENSE, "flex", "kitchen")
SWEPT = [
    Config(128, 64, 8, 2), Config(128, 64, 8, 3), Config(128, 64, 8, 4), Config(128, 128, 8, 2), Config(128, 32, 8, 3),
    Config(64, 64, 4, 2), Config(64, 64, 4, 3), Config(64, 128, 4, 2), Config(128, 64, 4, 3),
    Config(128, 128, 4, 2, PINGPONG), Config(128, 128, 4, 3, PINGPONG), Config(128, 64, 4, 4, PINGPONG),
    Config(128, 64, 4, 6, PINGPONG),
]  # fmt: skip
# The interpreter's: it knows no warps, and large blocks take it less time.
INTERPRETED = (Config(128, 64, 4, 2),)


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
TINY = Shape("tiny", Layout((8, 12), prefix=5), 2, 64)


def window_of(layout, density):
    """The window whose computed pairs come within 0.03 of the closest to a density, as even as can be."""
    counts = tile_counts(layout.grid)
    shares = [[(2 * half + 1) / n for half in range((n + 1) // 2) if 2 * half + 1 < n] + [1.0] for n in counts]
    windows = [Window(extent) for extent in product(*shares)][:-1]
    away = {w: abs(w.pairs(layout) / layout.length**2 - density) for w in windows}
    near = min(away.values()) + 0.03
    return min((w for w in windows if away[w] <= near), key=lambda w: max(w.extent) / min(w.extent))


def tables(shape):
    """(what, table) of a shape: full heads, each density that its text allows without pooled keys and with them,
    residual, refresh, two mixtures."""
    yield "full", HeadTable.uniform(shape.heads, FULL)
    seen = set()
    for density in DENSITIES:
        window = window_of(shape.layout, density)
        if window not in seen:
            seen.add(window)
            yield "window", HeadTable.uniform(shape.heads, window)
            yield "pooled window", HeadTable.uniform(shape.heads, replace(window, pooled=True))
    local = window_of(shape.layout, 0.25)
    yield "window and residual", HeadTable.uniform(shape.heads, Residual(local))
    yield "refresh", HeadTable.uniform(shape.heads, FULL, refresh=local)
    # A third full, five twelfths windowed, a quarter reused; then a late step's two of 24 full, a third in a narrow
    # window, the rest reused: in the changing order that a plan leaves.
    yield "mixed plan", mixture(shape.heads, "FWRWFWRWFWRF", local)
    yield "mixed plan, late", mixture(shape.heads, "FWRRWRRWRRWR", window_of(shape.layout, 0.125))


def mixture(heads, kinds, window):
    """A table whose heads take the letters F, W and R in a scattered order."""
    named = {"F": FULL, "W": window, "R": REUSE}
    return HeadTable(tuple(named[kinds[h * 5 % len(kinds)]] for h in range(heads)), (None,) * heads)


def in_int8(table):
    """A table whose heads are all windowed, with its windows in INT8; None for any other."""
    ways = tuple(
        Int8.of(way) if isinstance(way, Window) else Residual(Int8.of(way.way)) if isinstance(way, Residual) else None
        for way in table.ways
    )
    return None if None in ways else HeadTable(ways, table.refresh)


class Clock:
    """Milliseconds of a call: the median over launches, each behind a write that clears the GPU's L2 cache.

    On a CPU one call by the wall clock.
    """

    def __init__(self, device, seconds=0.2):
        self.seconds = seconds
        self.gpu = device.type == "cuda"
        self.scratch = torch.empty(256 << 20, dtype=torch.int8, device=device) if self.gpu else None

    def __call__(self, call):
        if not self.gpu:
            start = time.perf_counter()
            call()
            return (time.perf_counter() - start) * 1e3
        call()
        torch.cuda.synchronize()
        start = time.perf_counter()
        call()
        torch.cuda.synchronize()
        once = max(time.perf_counter() - start, 1e-5)
        rounds = min(max(int(self.seconds / once), 5), 50)
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
        """The caches that the table asks for; reused heads are elsewhere in memory and are copied."""
        found = {"cached": None, "residual": None}
        if table.reuse_heads:
            found["cached"] = torch.randn_like(self.out[:, list(table.reuse_heads)])
        if table.residual_heads:
            found["residual"] = torch.randn_like(self.out[:, : len(table.residual_heads), : layout.image])
        return found


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
    halves = window.half_widths(layout.grid)

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


def kitchen_call(inputs, density):
    """comfy-kitchen's block-sparse attention (INT8 products, keys chosen as it runs) at a share of the keys."""
    import comfy_kitchen

    if not hasattr(comfy_kitchen, "sol_attn") or not comfy_kitchen.sol_attn_is_available(inputs.q.device):
        raise RuntimeError("the installed comfy-kitchen has no sparse attention for this device")
    q, k, v = (x.transpose(1, 2) for x in (inputs.q, inputs.k, inputs.v))
    return lambda: comfy_kitchen.sol_attn(q, k, v, topk_ratio=density, sink_blocks=[0, 0], sink_q=[0, 0])


def useful_flops(shape, table):
    """A refresh is one full pass: the window inside it is not counted again."""
    plain = HeadTable(table.ways, (None,) * shape.heads)
    return flops(shape.layout, plain, shape.head_dim)


def window_in(table):
    """The first head's window, wherever it stands in its table."""
    return next(iter((*table.approximation_groups(), *table.refresh_groups())), None)


def density_of(shape, table):
    return useful_flops(shape, table) / dense_flops(shape.layout, shape.heads, shape.head_dim)


def ordering_call(shape, inputs, table, config):
    """The part of a call that puts tokens in tile order, or None where the path reads them in the loads."""
    if config.path != PINGPONG:
        return None
    work = shelf_of(Kind(shape.layout, config.queries, config.keys, inputs.q.device, True)).work(table)
    return (lambda: in_tile_order([inputs.q, inputs.k, inputs.v], work)) if len(work.tiled) else None


class Bench:
    """Collects rows, and reasons for what could not be measured; writes both after each."""

    def __init__(self, device, dtype, out, minutes, baselines):
        self.device, self.dtype, self.out = device, dtype, out
        self.baselines = baselines
        self.clock = Clock(device)
        self.end = time.monotonic() + 60 * minutes
        self.report = {**about_machine(device), "rows": [], "costs": [], "checks": [], "not_measured": []}

    def write(self):
        self.out.parent.mkdir(parents=True, exist_ok=True)
        self.out.write_text(json.dumps(self.report, indent=1) + "\n")

    def fail(self, what, reason):
        sentence = f"{what}: {reason}"
        if sentence not in self.report["not_measured"]:
            self.report["not_measured"].append(sentence)
            print(f"not measured: {sentence}", flush=True)
        self.write()

    def attempt(self, what, make, watched=True):
        """What `make()` returns; None, and a sentence, when time is up or it fails in whatever way. watched: whether
        it must end before HANGS_AFTER, as whatever is one call must."""
        if time.monotonic() > self.end:
            return self.fail(what.split(",")[0], "time was up")
        watch = threading.Timer(HANGS_AFTER, self.give_up, [what])
        watch.daemon = True
        if watched:
            watch.start()
        try:
            return make()
        except Exception as error:
            self.fail(what, f"{type(error).__name__}: {first_line(error)[:200]}")
            if self.device.type == "cuda" and "memory" in str(error):
                torch.cuda.empty_cache()
            return None
        finally:
            watch.cancel()

    def give_up(self, what):
        """A kernel that hangs can be neither caught nor left: say so, keep what was measured, and end the process."""
        advice = f"set {SWITCH} to the paths to try, this one not among them, and run again"
        self.fail(what, f"hung for {HANGS_AFTER} seconds; {advice}")
        os._exit(3)

    def paths(self, head_dim):
        """The first configuration of each path that the device has."""
        found = {}
        for config in INTERPRETED if self.device.type == "cpu" else device_configs(self.device, head_dim):
            found.setdefault(config.path, config)
        return list(found.values())

    def served(self, head_dim, what, table):
        """(configuration, table) of each path that computes a table, windows of INT8 on that one; of those the
        interpreter, which takes long for them, gets one."""
        eight = in_int8(table) if self.device.type != "cpu" or what == "window and residual" else None
        found = [(config, table) for config in self.paths(head_dim)]
        if eight is not None:
            pooled = any(way.pooled for way in eight.approximation_groups())
            found += [(config, eight) for config in int8_configs(self.device, head_dim, pooled, False)[:1]]
        return found

    def check(self):
        """Every method, head size and path against float64; the tolerance is that of the trials on a user's GPU."""
        tiny = self.device.type == "cpu"
        layout = Layout((9, 6) if tiny else (19, 22), prefix=5, suffix=2)
        for head_dim in (64,) if tiny else HEAD_DIMS:
            for config in (*self.paths(head_dim), *int8_configs(self.device, head_dim, True, False)[-1:]):
                for refresh, pooled in product((False, True), repeat=2):
                    window = (Int8 if config.path == INT8 else Window)((0.4, 0.5), pooled)
                    ways = (window, FULL, REUSE, Residual(window), FULL)
                    table = HeadTable(ways, (None, window if refresh else None, None, None, None))
                    shape = Shape("check", layout, 5, head_dim)
                    what = f"check, head size {head_dim}, {config}{', refresh' * refresh}{', pooled' * pooled}"
                    found = self.attempt(what, lambda s=shape, t=table, c=config: self.differences(s, t, c))
                    if found is not None:
                        found = {
                            "head_dim": head_dim,
                            "path": config.path,
                            "refresh": refresh,
                            "pooled": pooled,
                            **found,
                        }
                        self.report["checks"].append(found)
                        print(what, *(f"{name} {value}" for name, value in found.items()), flush=True)
                        self.write()
        return all(found["right"] for found in self.report["checks"])

    def differences(self, shape, table, config):
        inputs = Inputs.of(shape, self.dtype, self.device)
        caches = inputs.caches(shape.layout, table)
        call = (inputs.q, inputs.k, inputs.v, shape.layout, table)
        fresh = head_wise(*call, inputs.out, config=config, **caches)
        kept = inputs.out.clone()
        head_wise(*call, inputs.out, config=config, **caches)
        double = {name: None if x is None else x.double() for name, x in caches.items()}
        with torch.device(self.device):
            wanted, wanted_fresh = reference.head_wise(*(x.double() for x in call[:3]), *call[3:], **double)
        worst = distance(kept, wanted, wanted)
        if fresh is not None:
            image = slice(shape.layout.prefix, shape.layout.prefix + shape.layout.image)
            updated = wanted[:, list(table.refresh_heads), image]
            worst = torch.maximum(worst, distance(fresh, wanted_fresh, updated))
        # NaN is not <= anything.
        return {
            "difference": float(worst),
            "right": float(worst) <= (ALLOWED_ROW_INT8 if config.path == INT8 else ALLOWED),
            "bits_repeat": bool(torch.equal(kept, inputs.out)),
        }

    def shape(self, shape):
        """Rows of a shape: each table by each path, beside the dense baselines, which are timed once."""
        inputs = self.attempt(f"{shape.name}, inputs", lambda: Inputs.of(shape, self.dtype, self.device))
        if inputs is None:
            return
        dense = {}
        for name in [name for name in DENSE if name in self.baselines]:
            make = DENSE[name]
            dense[f"dense {name}"] = self.attempt(
                f"{shape.name}, dense {name}", lambda make=make: self.clock(make(inputs.q, inputs.k, inputs.v))
            )
        best = fastest(dense)
        times = {}
        for what, one in tables(shape):
            for config, table in self.served(shape.head_dim, what, one):
                found = self.attempt(
                    f"{shape.name}, {what}, {config}", lambda t=table, c=config: self.fused(shape, inputs, t, c)
                )
                if found is None:
                    continue
                ms, extra = found
                if best is not None:
                    extra |= {"fastest_dense": best[0], "over_fastest": round(best[1] / ms, 3)}
                times[what, config.path, window_in(one)] = ms
                for name, baseline in (dense or {"none": None}).items():
                    self.add(shape, table, config.path, ms, name, baseline, {"what": what, **extra})
        self.costs(shape, times)

    def fused(self, shape, inputs, table, config):
        """(milliseconds, what else is known of it) of one launch."""
        caches = inputs.caches(shape.layout, table)

        def call():
            return head_wise(inputs.q, inputs.k, inputs.v, shape.layout, table, inputs.out, config=config, **caches)

        start = time.perf_counter()
        call()
        if self.device.type == "cuda":
            torch.cuda.synchronize()
        first = time.perf_counter() - start
        ms = self.clock(call)
        kept = inputs.out.clone()
        call()
        repeats = bool(torch.equal(kept, inputs.out))
        extra = {"config": str(config), "bits_repeat": repeats, "first_call_seconds": round(first, 2)}
        ordering = ordering_call(shape, inputs, table, config)
        if ordering is not None:
            extra["tile_order_ms"] = round(self.clock(ordering), 4)
        return ms, extra

    def costs(self, shape, times):
        """What a residual, a refresh and pooled keys add to the launch without."""
        for (what, path, window), ms in times.items():
            without = {
                "window and residual": ("window", path, window),
                "refresh": ("full", path, None),
                "pooled window": ("window", path, window and replace(window, pooled=False)),
            }.get(what)
            if without in times:
                ratio = round(ms / times[without], 4)
                self.report["costs"].append({"shape": shape.name, "path": path, "what": what, "ratio": ratio})
                print(f"{shape.name:20} {path:17} {what} takes {ratio} times the launch without", flush=True)
        self.write()

    def sparse(self, shape):
        """Rows of the baselines that are sparse themselves, at a quarter: they compile for long, so they come last."""
        inputs = self.attempt(f"{shape.name}, inputs", lambda: Inputs.of(shape, self.dtype, self.device))
        if inputs is None:
            return
        table = HeadTable.uniform(shape.heads, window_of(shape.layout, 0.25))
        makers = {
            "flex": lambda: flex_call(shape, inputs, table.ways[0]),
            "kitchen": lambda: kitchen_call(inputs, density_of(shape, table)),
        }
        for name in [name for name in makers if name in self.baselines]:
            baseline = self.attempt(f"{shape.name}, {name}", lambda make=makers[name]: self.clock(make()))
            if baseline is None:
                continue
            for row in [row for row in self.report["rows"] if row["shape"] == shape.name and row["what"] == "window"]:
                config = row["config"]
                same = row["density"] == round(density_of(shape, table), 4)
                if same and not any(r["baseline"] == name and r.get("config") == config for r in self.of(shape)):
                    extra = {key: row[key] for key in ("what", "config", "bits_repeat")}
                    self.add(shape, table, row["path"], row["ms"], name, baseline, extra)

    def of(self, shape):
        return [row for row in self.report["rows"] if row["shape"] == shape.name]

    def sweep(self, shape):
        """Block sizes for full heads and for a window of a quarter."""
        inputs = Inputs.of(shape, self.dtype, self.device)
        window = HeadTable.uniform(shape.heads, window_of(shape.layout, 0.25))
        paths = {config.path for config in self.paths(shape.head_dim)}
        for table in (HeadTable.uniform(shape.heads, FULL), window):
            for config in (config for config in SWEPT if config.path in paths):
                found = self.attempt(
                    f"{shape.name}, {config}", lambda t=table, c=config: self.fused(shape, inputs, t, c)
                )
                if found is not None:
                    extra = {"what": table.ways[0].name, **found[1]}
                    self.add(shape, table, config.path, found[0], "none", None, extra)

    def add(self, shape, table, path, ms, name, baseline_ms, extra):
        work, density = useful_flops(shape, table), density_of(shape, table)
        row = {
            "shape": shape.name,
            "tokens": shape.layout.length,
            "text_tokens": shape.layout.globals,
            "heads": shape.heads,
            "head_dim": shape.head_dim,
            "dtype": str(self.dtype).removeprefix("torch."),
            "density": round(density, 4),
            "path": path,
            "ms": round(ms, 4),
            "tflops": round(work / ms / 1e9, 1),
            "baseline": name,
            "baseline_ms": None if baseline_ms is None else round(baseline_ms, 4),
            "speedup": None if baseline_ms is None else round(baseline_ms / ms, 3),
            "efficiency": None if baseline_ms is None else round(baseline_ms / ms * density, 3),
            **extra,
        }
        self.report["rows"].append(row)
        print(
            f"{shape.name:20} {extra['what']:20} {path:17} density {density:.3f} {ms:9.3f} ms "
            f"{row['tflops']:7.1f} TFLOP/s  {name:10} {row['baseline_ms']} ms, {row['speedup']} times, "
            f"efficiency {row['efficiency']}" + ("" if name != "none" else f"  {extra['config']}"),
            flush=True,
        )
        self.write()


def driver():
    """The driver's version where nvidia-smi tells it."""
    try:
        command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
        return subprocess.run(command, capture_output=True, text=True, timeout=20).stdout.split()[0]
    except (OSError, IndexError, subprocess.SubprocessError):
        return None


def about_machine(device):
    import triton

    gpu = device.type == "cuda"
    return {
        "device": torch.cuda.get_device_name() if gpu else "cpu, interpreted",
        "capability": ".".join(map(str, torch.cuda.get_device_capability())) if gpu else None,
        "driver": driver() if gpu else None,
        "torch": torch.__version__,
        "triton": triton.__version__,
        "cudnn": torch.backends.cudnn.version() if gpu else None,
    }


def parsed(arguments):
    options = argparse.ArgumentParser(prog="dev.py bench kernel", description=__doc__.split("\n\n")[0])
    options.add_argument("--check", action="store_true", help="compare every method with float64 first")
    options.add_argument("--quick", action="store_true", help="three shapes instead of all, in 3 minutes at most")
    options.add_argument("--sweep", action="store_true", help="time block sizes of the quick shapes")
    options.add_argument("--minutes", type=float, help="start nothing after this long (8, with --quick 2.5)")
    options.add_argument("--dtype", choices=("bfloat16", "float16"), default="bfloat16")
    options.add_argument("--baselines", default=",".join(BASELINES), help="some of " + ",".join(BASELINES))
    options.add_argument("--device", choices=("cuda", "cpu"), default="cuda", help="cpu: the interpreter, one layer")
    options.add_argument("--out", type=Path, help="where the JSON goes (tests/benchmarks/results/kernel-<device>.json)")
    options = options.parse_args(arguments)
    if options.minutes is None:
        options.minutes = 2.5 if options.quick else 8
    return options


def place_of(options):
    """Where the JSON goes."""
    if options.out is not None:
        return options.out
    slug = re.sub(r"[^a-z0-9]+", "-", torch.cuda.get_device_name().lower()).strip("-")
    return RESULTS / f"kernel-{slug}{'-sweep' if options.sweep else ''}.json"


def main(arguments=None):
    options = parsed(arguments)
    device = torch.device(options.device)
    if device.type == "cuda":
        if not torch.cuda.is_available():
            print("There is no CUDA or ROCm GPU here, so there is nothing to measure.")
            return 0
        device = torch.device("cuda", torch.cuda.current_device())
        refusal = about_device(device)
        if refusal is not None:
            print(f"The kernel does not serve this GPU: {refusal}")
            return 1
    elif options.out is None:
        print("--device cpu needs --out: what it measures is no result.")
        return 1
    torch.manual_seed(0)
    dtype = getattr(torch, options.dtype)
    bench = Bench(device, dtype, place_of(options), options.minutes, options.baselines.split(","))
    right = bench.check() if options.check else True
    shapes = [s for s in SHAPES if not (options.quick or options.sweep) or s.name in QUICK]
    if device.type == "cpu":
        shapes = [TINY]
    else:
        # What a user's first call finds out by itself.
        trial = bench.attempt("the user's trial", lambda: str(trial_of(device, dtype, 128)))
        bench.report["trial"] = trial
        print(trial, flush=True)
    for step in (bench.sweep,) if options.sweep else (bench.shape, bench.sparse):
        for shape in shapes:
            bench.attempt(f"{shape.name}, all", lambda step=step, shape=shape: step(shape), watched=False)
            if device.type == "cuda":
                torch.cuda.empty_cache()
    bench.write()
    print(f"Written to {bench.out}" + ("" if right else "; some checks FAILED"))
    return 0 if right else 1


if __name__ == "__main__":
    with torch.inference_mode():
        sys.exit(main())
