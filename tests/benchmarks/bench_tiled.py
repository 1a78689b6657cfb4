"""How much faster the tiled path is than torch's dense SDPA on the same heads, on a CPU.

    python tests/benchmarks/bench_tiled.py [--threads N] [--rounds N] [--out FILE]

Dense and compressed calls take turns, and the figure is the median of their ratios round by round, so that whatever
else the machine does falls on both. With one thread the clock is that thread's processor time, otherwise wall time.
`bound` is dense FLOPs over computed FLOPs, the speed-up if every FLOP cost the same.
"""

import argparse
import json
import os
import platform
import statistics
import sys
import time
from pathlib import Path

import torch
from torch.nn.functional import scaled_dot_product_attention

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import conftest  # noqa: E402, F401  (makes `ditfastattn` importable)

from ditfastattn.kernels import (  # noqa: E402
    FULL,
    HeadTable,
    Layout,
    Window,
    dense_flops,
    flops,
    head_wise,
)
from ditfastattn.kernels.geometry import tile_counts, tile_shape  # noqa: E402

BATCH, HEADS, HEAD_DIM = 2, 4, 64
LAYOUTS = [Layout((32, 32), 16), Layout((48, 84), 16), Layout((64, 64), 16), Layout((5, 30, 52))]
WIDTHS = (1, 3, 5)
RESULTS = Path(__file__).parent / "results" / "tiled-cpu.json"


def cases():
    """(label, layout, table): every layout at three widths, then 32 x 32 tokens with only some heads windowed."""
    for layout in LAYOUTS:
        for width in WIDTHS:
            yield f"{width} tiles wide", layout, HeadTable.uniform(HEADS, tiles_wide(layout, width))
    small = LAYOUTS[0]
    window = tiles_wide(small, 3)
    for windowed in (1, 2, 3):
        table = HeadTable((window,) * windowed + (FULL,) * (HEADS - windowed), (None,) * HEADS)
        yield f"3 tiles wide, {windowed} of {HEADS} heads", small, table
    yield "3 tiles wide, refresh", small, HeadTable.uniform(HEADS, FULL, refresh=window)


def tiles_wide(layout, width):
    return Window(tuple(min(1.0, width / tiles) for tiles in tile_counts(layout.grid)))


def measure(layout, table, rounds, clock):
    """One row of figures for float32 tensors in the (batch, tokens, heads, size) order that hosts hand over."""
    q, k, v = (torch.randn(BATCH, layout.length, HEADS, HEAD_DIM).transpose(1, 2) for _ in range(3))
    out = torch.empty_like(q)
    calls = (lambda: scaled_dot_product_attention(q, k, v), lambda: head_wise(q, k, v, layout, table, out=out))
    times = []
    for _ in range(rounds + 1):
        times.append([])
        for call in calls:
            start = clock()
            call()
            times[-1].append((clock() - start) * 1e3)
    dense, tiled = zip(*times[1:])
    return {
        "dense_ms": round(statistics.median(dense), 2),
        "tiled_ms": round(statistics.median(tiled), 2),
        "speedup": round(statistics.median(d / t for d, t in zip(dense, tiled)), 2),
        "bound": round(dense_flops(layout, HEADS, HEAD_DIM) / flops(layout, table, HEAD_DIM), 2),
    }


def machine():
    """The processor in words that name no host."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line.split(":", 1)[1].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        model = names[0] if names else model
    return f"{model}, {platform.machine()}, {os.cpu_count()} logical processors"


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--threads", type=int, default=1)
    options.add_argument("--rounds", type=int, default=9)
    options.add_argument("--out", type=Path, default=RESULTS)
    options = options.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    clock = time.thread_time if options.threads == 1 else time.perf_counter

    rows = []
    for label, layout, table in cases():
        shape = {"grid": layout.grid, "prefix": layout.prefix, "tile": tile_shape(layout.grid)}
        rows.append({"case": label, **shape, **measure(layout, table, options.rounds, clock)})
        print(*(f"{key}={value}" for key, value in rows[-1].items()), flush=True)
    report = {
        "command": f"python tests/benchmarks/bench_tiled.py --threads {options.threads} --rounds {options.rounds}",
        "machine": machine(),
        "torch": torch.__version__,
        "threads": options.threads,
        "clock": "processor time of the thread" if options.threads == 1 else "wall time",
        "shape": {"batch": BATCH, "heads": HEADS, "head_dim": HEAD_DIM, "dtype": "float32"},
        "baseline": "torch scaled_dot_product_attention on the same tensors in the same rounds",
        "rows": rows,
    }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    with torch.inference_mode():
        main()
