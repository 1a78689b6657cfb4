"""How faithful plans are at how much work: this pack's calibration beside both papers' searches, on the demo model.

    python dev.py bench quality [--quick] [--threads N] [--shard I/N]

All methods see the same one prompt and seed; all are judged on 16 other prompts, two seeds each, against the dense
latent and picture of the same prompt and seed. Work is written down as it is done (output/quality), so that a stopped
run goes on where it was, and several shards (each a part of the prompts) can work side by side. When all rows are
there, tests/benchmarks/results/quality-cpu.json and a plot beside it are written.

Work is counted by the run itself: windows as computed, residual refreshes included. Errors at equal work are
interpolated along each method's own levels, in the logarithm of the error, prompt by prompt.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import demo_model as demo  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402

from ditfastattn.attention.calibration.measurement import SamplerSettings, measure, solve  # noqa: E402
from ditfastattn.attention.calibration.papers import search as searches  # noqa: E402
from ditfastattn.attention.hooks.model import HostModel  # noqa: E402
from ditfastattn.attention.replay.apply import apply_plan  # noqa: E402
from ditfastattn.attention.report import statistics as report  # noqa: E402
from ditfastattn.plans import dumps, loads  # noqa: E402
from ditfastattn.plans.search import LEVELS, KeepAttention  # noqa: E402

RESULTS = HERE / "results"
WORK = HERE.parents[1] / "output" / "quality"
PROMPTS, SEEDS = 16, (5, 6)
CALIBRATED = demo.Job(demo.caption(100), seed=11)  # of none of the prompts and seeds that are judged
KEEPS = (0.6, 0.45, 0.32)
ASKED = (0.62, 0.46, 0.33, 0.25)  # budgets whose levels enclose KEEPS
OURS, V1, V2 = "ours", "DiTFastAttn", "DiTFastAttnV2"
THRESHOLDS = {V1: (0.06, 0.11, 0.18), V2: (0.05, 0.1, 0.2, 0.4)}  # so that 0.3 to 0.7 of attention is kept
NAMES = {V1: searches.V1, V2: searches.V2}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="2 prompts, one seed, and no V1: a trial of the benchmark")
    parser.add_argument("--threads", type=int, default=demo.THREADS)
    parser.add_argument("--shard", default="0/1", help="I/N: every N-th prompt from the I-th on")
    parser.add_argument("--device-name", default="", help="what the results say of the machine")
    options = parser.parse_args()
    demo.model()
    torch.set_num_threads(options.threads)
    WORK.mkdir(parents=True, exist_ok=True)
    part, parts = map(int, options.shard.split("/"))
    plans = all_plans(options.quick) if part == 0 else read_plans()
    prompts, seeds = (2, SEEDS[:1]) if options.quick else (PROMPTS, SEEDS)
    for prompt in range(part, prompts, parts):
        for seed in seeds:
            judge(plans, prompt, seed)
    rows = all_rows(plans, prompts, seeds)
    if rows is None:
        print("Rows of other shards are still missing: run this again when they are done.")
        return
    result = summary(rows, plans, options)
    name = "quality-quick" if options.quick else "quality-cpu"
    target = (WORK if options.quick else RESULTS) / f"{name}.json"
    target.write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    plot(result, target.with_suffix(".png"))
    print(table(result))
    print(f"\n{target}")


# -- plans -------------------------------------------------------------------------------------------------------------


def all_plans(quick: bool) -> dict:
    """{method: {"plan": text, "ratio": calibration time in dense runs, "levels": [names]}}, made once and kept."""
    file, plans = WORK / "plans.json", read_plans()
    for method in (OURS, V2, *(() if quick else (V1,))):
        if method not in plans:
            plans[method] = our_plan() if method == OURS else papers_plan(method)
            file.write_text(json.dumps(plans), "utf-8")
            print(f"{method}: calibrated, {plans[method]['ratio']:.2f} dense generations", flush=True)
    return plans


def read_plans() -> dict:
    """The plans that shard 0 has made so far; its last pass fills in the rows of those that came later."""
    file = WORK / "plans.json"
    return json.loads(file.read_text("utf-8")) if file.exists() else {}


def settings(job) -> SamplerSettings:
    return SamplerSettings(job.sampler, job.scheduler, job.steps, job.cfg, job.denoise, job.seed)


def our_plan() -> dict:
    """One run; D1 to D6 and the budgets of ASKED from the one table."""
    measured = measure(
        HostModel.of(demo.model()), settings(CALIBRATED), lambda patched: demo.sample(patched, CALIBRATED)
    )
    goals = (*LEVELS, *((f"K{keep:.0%}".rstrip("%"), KeepAttention(keep)) for keep in ASKED))
    plan = solve(measured, levels=goals).plan
    levels_only = solve(measured).plan.measurement  # the time of the six levels that a user gets
    return {
        "plan": dumps(plan),
        "levels": [level.name for level in plan.levels],
        "ratio": levels_only.seconds / levels_only.dense_seconds,
        "thresholds": [],
    }


def papers_plan(method: str) -> dict:
    """A search per threshold; the ratio is of one search."""
    found = searches.search(
        HostModel.of(demo.model()),
        settings(CALIBRATED),
        lambda patched: demo.sample(patched, CALIBRATED),
        NAMES[method],
        thresholds=THRESHOLDS[method],
    )
    stamp = found.plan.measurement
    return {
        "plan": dumps(found.plan),
        "levels": [level.name for level in found.plan.levels],
        "ratio": stamp.seconds / stamp.dense_seconds / len(THRESHOLDS[method]),
        "thresholds": list(THRESHOLDS[method]),
    }


# -- rows --------------------------------------------------------------------------------------------------------------


def judge(plans: dict, prompt: int, seed: int) -> None:
    """Sample a prompt and seed densely and by every level of every method; one line of JSON for each."""
    file = rows_file(prompt, seed)
    done = {(row["method"], row["level"]) for row in read_rows(file)}
    todo = [(method, level) for method in plans for level in plans[method]["levels"] if (method, level) not in done]
    if not todo:
        return
    job = demo.Job(demo.caption(prompt), seed=seed)
    dense = demo.result_of(demo.sample(demo.model(), job))
    for method, level in todo:
        row = {"method": method, "level": level, "prompt": prompt, "seed": seed}
        row |= sampled(plans[method], level, job, dense) | {"calibration_ratio": plans[method]["ratio"]}
        with file.open("a", encoding="utf-8") as out:
            out.write(json.dumps(row) + "\n")
    print(f"prompt {prompt}, seed {seed}: {len(todo)} rows", flush=True)


def sampled(entry: dict, level: str, job, dense) -> dict:
    """The figures of one level on one job."""
    plan = loads(entry["plan"])
    patched = apply_plan(demo.model(), plan, level, strict=True)
    latent = demo.sample(patched, job)
    result, stats = demo.result_of(latent), report.statistics(patched, latent)
    return {
        "attention_flops_kept": stats["attention_flops_kept"],
        "model_flops_kept": stats["model_flops_kept"],
        **demo.figures(result, dense),
        "predicted_error": plan.level(level).predicted_error,
    }


def rows_file(prompt: int, seed: int) -> Path:
    return WORK / f"rows-{prompt}-{seed}.jsonl"


def read_rows(file: Path) -> list[dict]:
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()] if file.exists() else []


def all_rows(plans: dict, prompts: int, seeds) -> list[dict] | None:
    """Every row, or None while some are missing."""
    rows = [row for prompt in range(prompts) for seed in seeds for row in read_rows(rows_file(prompt, seed))]
    rows = [row for row in rows if row["level"] in plans.get(row["method"], {"levels": ()})["levels"]]
    # Two shards that worked on the same prompt wrote the same rows.
    rows = list({(row["method"], row["level"], row["prompt"], row["seed"]): row for row in rows}.values())
    wanted = sum(len(entry["levels"]) for entry in plans.values()) * prompts * len(seeds)
    return rows if len(rows) == wanted else None


# -- summary -----------------------------------------------------------------------------------------------------------


def summary(rows: list[dict], plans: dict, options) -> dict:
    """Everything measured and what follows from it."""
    from scipy.stats import spearmanr

    levels = {
        (method, level): [row for row in rows if (row["method"], row["level"]) == (method, level)]
        for method in plans
        for level in plans[method]["levels"]
    }
    ours = [row for row in rows if row["method"] == OURS]
    ratios = [row["latent_relative_error"] / row["predicted_error"] for row in ours]
    by_level = [
        statistics.mean(r["latent_relative_error"] for r in levels[OURS, level])
        / levels[OURS, level][0]["predicted_error"]
        for level in plans[OURS]["levels"]
    ]
    rank = spearmanr([row["predicted_error"] for row in ours], [row["latent_relative_error"] for row in ours]).statistic
    return {
        "command": "python dev.py bench quality",
        "device": options.device_name or f"cpu, torch {torch.__version__}",
        "model": "demo_sd3, 512 x 512, 1,024 image and 16 text tokens, euler, simple, 20 steps, CFG 4",
        "calibrated_on": {"prompt": CALIBRATED.caption, "seed": CALIBRATED.seed},
        "judged_on": {"prompts": len({row["prompt"] for row in rows}), "seeds": len({row["seed"] for row in rows})},
        "calibration_ratio": {method: plans[method]["ratio"] for method in plans},
        "thresholds": {method: plans[method]["thresholds"] for method in plans if plans[method]["thresholds"]},
        "levels": [
            {"method": method, "level": level, **{name: mean_of(group, name) for name in FIGURES}}
            for (method, level), group in levels.items()
        ],
        "prediction": {
            "measured_over_predicted_by_level": by_level,
            "within_factor_1.5": sum(1 / 1.5 <= ratio <= 1.5 for ratio in ratios) / len(ratios),
            "rank_correlation_over_all_rows": float(rank),
        },
        "at_equal_attention": [at_equal_work(rows, plans, keep) for keep in KEEPS],
        "at_equal_error": [at_equal_error(rows, plans, error) for error in (0.06, 0.1, 0.15, 0.22, 0.3)],
        "rows": rows,
    }


FIGURES = (
    "attention_flops_kept", "model_flops_kept", "latent_relative_error", "psnr_db", "ssim", "predicted_error",
)  # fmt: skip


def mean_of(group: list[dict], name: str) -> float:
    return statistics.mean(row[name] for row in group)


def curve(rows: list[dict], method: str, key: tuple, name: str, against: str = "attention_flops_kept"):
    """Sorted (work, figure) points of one method on one prompt and seed."""
    points = sorted(
        {
            (row[against], row[name])
            for row in rows
            if row["method"] == method and (row["prompt"], row["seed"]) == key and of_attention_frontier(row)
        }
    )
    return np.array([p[0] for p in points]), np.array([p[1] for p in points])


def of_attention_frontier(row: dict) -> bool:
    """Ours minimises model FLOPs at the levels D1 to D6, and the error at given attention FLOPs at the budgets."""
    return row["method"] != OURS or row["level"].startswith("K")


def interpolated(rows, method, key, name, work, log=False) -> float:
    """A figure of a method at some work, along its levels; nan outside of them."""
    x, y = curve(rows, method, key, name)
    if not len(x) or not x[0] <= work <= x[-1]:
        return math.nan
    return float(np.exp(np.interp(work, x, np.log(y)))) if log else float(np.interp(work, x, y))


def at_equal_work(rows: list[dict], plans: dict, keep: float) -> dict:
    """Error, PSNR and SSIM of every method where it keeps `keep` of the attention, and paired differences."""
    keys = sorted({(row["prompt"], row["seed"]) for row in rows})
    entry: dict = {"attention_flops_kept": keep}
    per_key = {}
    for method in plans:
        per_key[method] = {
            name: np.array([interpolated(rows, method, key, name, keep, log=name.startswith("latent")) for key in keys])
            for name in ("latent_relative_error", "psnr_db", "ssim")
        }
        entry[method] = {name: float(np.mean(values)) for name, values in per_key[method].items()}
    papers = [method for method in plans if method != OURS and np.isfinite(entry[method]["latent_relative_error"])]
    if papers:
        best = min(papers, key=lambda method: entry[method]["latent_relative_error"])
        ratio = per_key[OURS]["latent_relative_error"] / per_key[best]["latent_relative_error"]
        entry |= {
            "better_paper": best,
            "error_over_better_paper": float(np.exp(np.mean(np.log(ratio)))),
            "wins": int((ratio < 1).sum()),
            "pairs": len(keys),
            "paired_psnr_gain_db": spread(per_key[OURS]["psnr_db"] - per_key[best]["psnr_db"]),
            "paired_ssim_gain": spread(per_key[OURS]["ssim"] - per_key[best]["ssim"]),
        }
    return entry


def spread(values: np.ndarray) -> dict:
    """Mean, standard error, least and largest of paired differences."""
    error = float(values.std(ddof=1) / math.sqrt(len(values))) if len(values) > 1 else math.nan
    return {"mean": float(values.mean()), "error": error, "min": float(values.min()), "max": float(values.max())}


def at_equal_error(rows: list[dict], plans: dict, error: float) -> dict:
    """Model FLOPs that every method keeps where its mean error is `error`, along its levels."""
    entry: dict = {"latent_relative_error": error}
    for method in plans:
        points = []
        for level in plans[method]["levels"]:
            if method == OURS and level.startswith("K"):
                continue
            group = [row for row in rows if (row["method"], row["level"]) == (method, level)]
            points.append(
                (
                    math.log(mean_of(group, "latent_relative_error")),
                    mean_of(group, "model_flops_kept"),
                    mean_of(group, "attention_flops_kept"),
                )
            )
        x, model, attention = map(np.array, zip(*sorted(points)))
        inside = x[0] <= math.log(error) <= x[-1]
        entry[method] = {
            "model_flops_kept": float(np.interp(math.log(error), x, model)) if inside else None,
            "attention_flops_kept": float(np.interp(math.log(error), x, attention)) if inside else None,
        }
    return entry


def table(result: dict) -> str:
    """The results for people."""
    lines = [f"{'method':14} {'level':>5} {'attn':>6} {'model':>6} {'error':>7} {'PSNR':>6} {'SSIM':>6} {'pred':>7}"]
    for row in result["levels"]:
        lines.append(
            f"{row['method']:14} {row['level']:>5} {row['attention_flops_kept']:6.1%} {row['model_flops_kept']:6.1%} "
            f"{row['latent_relative_error']:7.4f} {row['psnr_db']:6.2f} {row['ssim']:6.3f} "
            f"{row['predicted_error']:7.4f}"
        )
    for entry in result["at_equal_attention"]:
        errors = ", ".join(f"{m} {entry[m]['latent_relative_error']:.4f}" for m in result["calibration_ratio"])
        lines.append(f"at {entry['attention_flops_kept']:.0%} of attention: {errors}")
        if "error_over_better_paper" in entry:
            lines.append(
                f"    {entry['error_over_better_paper']:.2f} of {entry['better_paper']}'s error, better in "
                f"{entry['wins']} of {entry['pairs']}, PSNR {entry['paired_psnr_gain_db']['mean']:+.2f} dB"
            )
    lines.append(f"calibration, in dense generations: {result['calibration_ratio']}")
    lines.append(f"prediction: {result['prediction']}")
    return "\n".join(lines)


def plot(result: dict, file: Path) -> None:
    """Error, PSNR and SSIM against attention kept, mean over the judged prompts with the spread between them."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    colours = {OURS: "#0b6e4f", V1: "#c8553d", V2: "#3d5a80"}
    figure, axes = plt.subplots(1, 4, figsize=(17, 4.2), layout="constrained")
    panels = (
        ("attention_flops_kept", "latent_relative_error", "relative error of the latent"),
        ("attention_flops_kept", "psnr_db", "PSNR, dB"),
        ("attention_flops_kept", "ssim", "SSIM"),
        ("model_flops_kept", "latent_relative_error", "relative error of the latent"),
    )
    for axis, (work, name, label) in zip(axes, panels):
        for method, colour in colours.items():
            groups = [row for row in result["levels"] if row["method"] == method]
            if method == OURS:  # budgets where attention counts, D1 to D6 where the whole model does
                groups = [row for row in groups if of_attention_frontier(row) == work.startswith("att")]
            groups.sort(key=lambda row: row[work])
            if not groups:
                continue
            spreads = [
                [r[name] for r in result["rows"] if (r["method"], r["level"]) == (method, g["level"])] for g in groups
            ]
            x = [g[work] for g in groups]
            axis.fill_between(
                x,
                [np.percentile(s, 10) for s in spreads],
                [np.percentile(s, 90) for s in spreads],
                color=colour,
                alpha=0.12,
                linewidth=0,
            )
            axis.plot(x, [g[name] for g in groups], "o-", color=colour, label=method, markersize=4)
        axis.set_xlabel("attention FLOPs kept" if work.startswith("att") else "model FLOPs kept")
        axis.set_ylabel(label)
        axis.grid(alpha=0.25)
        if name.startswith("latent"):
            axis.set_yscale("log")
    axes[0].legend(frameon=False)
    judged = result["judged_on"]
    figure.suptitle(
        f"Demo model, {judged['prompts']} prompts × {judged['seeds']} seeds not used for calibration; "
        "bands: 10th to 90th percentile",
        fontsize=11,
    )
    figure.savefig(file, dpi=110)


if __name__ == "__main__":
    main()
