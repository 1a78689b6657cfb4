"""What the processor does for each attention call of a compressed run, the launches themselves left out.

    python dev.py bench launch [--no-setup] [--only PLAN ...] [--out FILE]

For a plan solved at the size of each model (from made-up errors that differ by layer, step and head; half of the
attention kept), every call of a run goes through `kernels.head_wise` in the run's order, up to the launch, which is
replaced by nothing; so are the caller's own attention and the gathering of its heads, which are launches too. Tensors
are on the meta device, so that a GPU's back ends are asked and nothing is computed. RUNS runs, as for so many pictures;
of each call, the least that it takes in any of them from the second step on, so that what else the machine does falls
on none.

    calls, distinct_tables     fused calls of a run and how many different head tables they have
    uploads                    copies to the device in a run: of tables, of lists of windows, of the tokens' order
    uploads_later, misses      copies, and tables that had to be laid out, after the run's first call
    first_ms, prepare_ms       laying out all tables of a run, before its first call, for the first run and a later one
    cpu_us_per_call            microseconds of one call, the mean; cpu_us_worst: the 99th of a hundred
    pairs_ratio                pairs of queries and keys that the kernel computes over those that ways join, by block
"""

import argparse
import gc
import json
import platform
import sys
import time
import timeit
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch

TESTS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS))
import conftest  # noqa: E402, F401  (makes `ditfastattn` importable)
from plans_samples import solve, table_of  # noqa: E402

from ditfastattn.attention.replay import timeline  # noqa: E402
from ditfastattn.kernels import Layout, approximations, flops, head_wise, prepare  # noqa: E402
from ditfastattn.kernels.triton import backend, launch, pointer, pool, why_not, worklist  # noqa: E402
from ditfastattn.kernels.triton.configs import candidates  # noqa: E402
from ditfastattn.kernels.triton.trial import Trial  # noqa: E402
from ditfastattn.plans import RunSchedule, letters  # noqa: E402

RESULTS = Path(__file__).parent / "results" / "launch-cpu.json"
DEVICE = torch.device("meta")
CAPABILITY = 89  # an RTX 4090
COMMAND = "python dev.py bench launch --no-setup"
SEED, RUNS = 0, 12


@dataclass(frozen=True)
class Model:
    """sites: attention layers; heads, head_dim: of each; layout: of its tokens; steps: of a run; batch: items that one
    call computes."""

    name: str
    sites: int
    heads: int
    head_dim: int
    layout: Layout
    steps: int
    batch: int = 1


MODELS = (
    Model("FLUX.1-dev 1024", 57, 24, 128, Layout((64, 64), 512), 28),
    Model("FLUX.1-dev 2048", 57, 24, 128, Layout((128, 128), 512), 28),
    Model("SD3.5 Large 1024", 38, 38, 64, Layout((64, 64), 0, 154), 28, 2),
    Model("Qwen-Image 1328", 60, 24, 128, Layout((83, 83), 128), 20, 2),
    Model("Wan 2.1 1.3B 480p", 30, 12, 128, Layout((21, 30, 52)), 30, 2),
    Model("Wan 2.1 14B 720p", 40, 40, 128, Layout((21, 45, 80)), 30, 2),
)


class Nothing(dict):
    """A kernel that is launched on any grid and does nothing, as cheaply as Python can call anything."""

    def __missing__(self, grid):
        self[grid] = nothing
        return nothing


def nothing(*args, **options) -> None:
    """A launch."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", metavar="PLAN", help="models by the beginning of their names")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    wanted = tuple(options.only or ("",))
    rows = []
    for model in MODELS:
        if model.name.startswith(wanted):
            rows.append(measured(model))
            print(json.dumps(rows[-1]), flush=True)
            write(options.out, rows)
    return 0


def write(path: Path, rows: list[dict]) -> None:
    """What has been measured so far."""
    about = {"command": COMMAND, "processor": processor(), "python": platform.python_version()}
    about |= {"build": " ".join(platform.python_build()), "loop_ns": loop_ns(), "torch": torch.__version__}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**about, "capability": CAPABILITY, "rows": rows}, indent=1) + "\n")


def measured(model: Model) -> dict:
    """One row of the results."""
    launches_nothing(model)
    ways = approximations(len(model.layout.grid))
    calls = calls_of(model, ways)
    copies: list[int] = []
    stored = worklist._stored
    worklist._stored = lambda array, device: copies.append(array.nbytes) or stored(array, device)
    laid_out, made = worklist.Shelf._laid_out, []
    worklist.Shelf._laid_out = lambda shelf, table, *more: made.append(table) or laid_out(shelf, table, *more)
    try:
        runs = [follow(model, calls, copies, made) for _ in range(RUNS)]
    finally:
        worklist._stored, worklist.Shelf._laid_out = stored, laid_out
    first, last = runs[0], runs[-1]
    least = np.min([run["nanoseconds"] for run in runs], axis=0) / 1000
    ratio = pairs_ratio(model, calls)
    return {
        "plan": model.name,
        "calls": len(calls),
        "distinct_tables": len({table for _, table in calls}),
        "uploads": first["uploads"],
        "uploads_later": sum(run["uploads_later"] for run in runs),
        "misses": sum(run["misses"] for run in runs),
        "bytes": first["bytes"],
        "first_ms": round(first["prepare_ms"], 1),
        "prepare_ms": round(last["prepare_ms"], 1),
        "cpu_us_per_call": round(float(least.mean()), 1),
        "cpu_us_worst": round(float(np.quantile(least, 0.99)), 1),
        "pairs_ratio": round(ratio, 3),
    }


def launches_nothing(model: Model) -> None:
    """The back ends as on a GPU whose trials are over, with nothing behind the launches."""
    config = candidates("cuda", CAPABILITY, model.head_dim)[-1]
    found = Trial(None, config)
    pointer.attention_kernel = pool.pool_kernel = pool.bias_kernel = Nothing()
    launch.put = launch.scatter = lambda *args: None
    launch.gather = lambda x, heads: x
    why_not.about_device = lambda device: None
    backend.trial_of = why_not.trial_of = lambda *args: found
    backend.device_configs = lambda *args: (config,)
    backend.leaves_full = lambda *args: True


def calls_of(model: Model, ways) -> list[tuple[int, object]]:
    """(step, table) of each call of a run in which a kernel of ours has something to do."""
    table = table_of(np.random.default_rng(SEED), (model.heads,) * model.sites, model.steps, len(ways), ages=3)
    methods = solve(table, keep_attention=0.5).point.methods
    steps = len(methods)
    nothing = np.zeros(steps)
    schedule = RunSchedule(
        methods=methods,
        rows=np.arange(steps),
        refresh=letters.refresh_ways(methods),
        share=np.zeros((steps, model.sites), bool),
        evaluated=np.ones(steps, bool),
        slopes=nothing,
        corrections=nothing,
        notes=(),
    )
    offsets = tuple(range(0, model.heads * model.sites + 1, model.heads))
    laid_out = timeline.build(schedule, ways, offsets, (False,) * model.sites)
    every = [(step, laid_out.at(step, site).table) for step in range(steps) for site in range(model.sites)]
    return [(step, table) for step, table in every if not table.all_full and not table.all_reuse]


def follow(model: Model, calls, copies: list[int], made: list) -> dict:
    """One run: what laying out took, and the calls after the first step."""
    batch, heads, length, head_dim = model.batch, model.heads, model.layout.length, model.head_dim

    size = (batch, length, heads, head_dim)
    q, k, v, out = (torch.empty(size, dtype=torch.bfloat16, device=DEVICE).transpose(1, 2) for _ in range(4))
    dense = partial(attention_of_the_host)
    dense.served_by = "nothing"
    tables = list(dict.fromkeys(table for _, table in calls))
    uploaded = len(copies)
    before = time.process_time()
    with torch.inference_mode():
        prepare(q, model.layout, tables, dense)
        preparing = time.process_time() - before
        uploads, begun = len(copies) - uploaded, len(made)
        seconds = []
        gc.collect()
        for step, table in calls:
            cached, residual = (
                torch.empty((batch, count, tokens, head_dim), dtype=q.dtype, device=DEVICE) if count else None
                for count, tokens in ((len(table.reuse_heads), length), (len(table.residual_heads), model.layout.image))
            )
            # A new object at each call, as the host's forward makes it.
            layout = Layout(model.layout.grid, model.layout.prefix, model.layout.suffix)
            start = time.perf_counter_ns()
            outcome = head_wise(q, k, v, layout, table, cached=cached, residual=residual, dense=dense, out=out)
            taken = time.perf_counter_ns() - start
            assert outcome.path == "fused", outcome.refusals
            if step > 0:
                seconds.append(taken)
    return {
        "prepare_ms": 1000 * preparing,
        "uploads": uploads,
        "uploads_later": len(copies) - uploaded - uploads,
        "misses": len(made) - begun,
        "bytes": sum(copies[uploaded:]),
        "nanoseconds": seconds,
    }


def attention_of_the_host(q, k, v):
    """Stands for the host's own attention: something of the output's shape."""
    return q


def pairs_ratio(model: Model, calls) -> float:
    """Pairs computed by our kernel over pairs that the ways join, over all calls; heads left to the host left out."""
    config = candidates("cuda", CAPABILITY, model.head_dim)[-1]
    shelf = worklist.shelf_of(worklist.Kind(model.layout, config.queries, config.keys, DEVICE))
    computed = counted = 0
    for _, table in calls:
        work = shelf.work(table, bool(table.full_heads))
        full = len(work.left) * model.layout.length**2
        computed += work.pairs - full
        counted += flops(model.layout, table, 1) // 4 - full
    return computed / counted


def loop_ns() -> float:
    """Nanoseconds that a multiplication and a sum take here in a loop: 41 with the Python of a distribution, 75 with
    one built without profiles, as pyenv builds it, on the machine of the committed figures."""
    return round(min(timeit.repeat("for i in range(1000): i * 2 + 1", number=2, repeat=500)) * 5e5, 1)


def processor() -> str:
    """The processor's name."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()


if __name__ == "__main__":
    sys.exit(main())
