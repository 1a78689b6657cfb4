"""What a user is told about a run: a dict for the panel, a text for people. Figures of different kinds never mix."""

from __future__ import annotations

from dataclasses import asdict

from ...kernels import BACKENDS, WAYS
from ...plans import steps_of_work
from ..hooks.installation import Installation
from ..hooks.model import HostModel, NotCovered, parameter_count
from ..hooks.patch import attached
from ..hooks.record import FORECAST, RunLog, RunRecord, latent_digest

PATH_NAMES = {backend.path: backend.label for backend in BACKENDS} | {
    "copied": "copied from a cache",
    "dense": "by the host's own attention",
}
_IN_FULL = "This run was computed in full: it followed no plan."
WAY_NAMES = {way.letter: way.name for way in WAYS}


def statistics(model_patcher, samples=None) -> dict:
    """JSON-able statistics of the run that made a latent (or the last one) on a model of `apply.apply_plan`.

    Keys: v, state ("done", "refused", "dense" or "no run"), model, sampler, plan_id, level, predicted_error,
    attention_flops_kept, model_flops_kept, ceiling (speed-up if attention cost nothing), seconds, cache_bytes, steps,
    methods, calls, fused_refused and guard (see `RunRecord`), sites, notes. Fractions in 0..1; None where nothing is
    known.
    """
    found = attached(model_patcher)
    runs = found.runs if isinstance(found, Installation) else found
    stats = {
        "v": 1,
        "state": "dense",
        "model": _model(model_patcher),
        "sampler": {},
        "plan_id": None,
        "level": "off",
        "predicted_error": None,
        "attention_flops_kept": 1.0,
        "model_flops_kept": 1.0,
        "ceiling": None,
        "seconds": None,
        "cache_bytes": 0,
        "steps": [],
        "methods": [],
        "calls": {},
        "fused_refused": [],
        "guard": None,
        "sites": [],
        "notes": [],
    }
    if not isinstance(runs, RunLog):
        return stats
    if runs.refusal is not None:
        return {**stats, "state": "refused", "notes": [runs.refusal]}
    record = runs.latest(latent_digest(samples))
    plan = runs.plan if record is None else record.plan
    if plan is not None:
        level = runs.level if record is None else plan.level(record.level)
        stats.update(
            plan_id=plan.id,
            level=level.name,
            predicted_error=level.predicted_error,
            sites=[site.name for site in plan.model.sites],
        )
    if record is None:
        return {
            **stats,
            "state": "no run",
            "notes": ["The model has not been sampled yet: connect the latent of the sampler."],
        }
    if plan is None:
        return {**stats, "seconds": record.seconds, "notes": [*record.notes, _IN_FULL]}
    model = {**stats["model"], "tokens": record.tokens, "text_tokens": record.text_tokens}
    return {**stats, "model": model, **_figures(record, plan.measurement)}


def kept_by(record: RunRecord, measurement) -> tuple[float, float]:
    """(attention, whole model): fractions of the dense run's FLOPs that a run kept. measurement: of its plan."""
    figures = _figures(record, measurement)
    return figures["attention_flops_kept"], figures["model_flops_kept"]


def in_steps(kept: float, steps: int) -> str:
    """The fraction of the model's work that a run keeps, in steps of the same sampler, to follow it in a sentence;
    empty where that is all of them.
    """
    count = steps_of_work(kept, steps)
    return f", the work of {count} of {steps} steps" if count < steps else ""


def _model(model_patcher) -> dict:
    try:
        model = HostModel.of(model_patcher)
        name, sites = model.family.name, model.sites
    except NotCovered:
        name, sites = type(model_patcher.model.diffusion_model).__name__, ()
    return {
        "family": name,
        "parameters": parameter_count(model_patcher),
        "layers": len(sites),
        "heads": sites[0].heads if sites else 0,
        "tokens": None,
        "text_tokens": None,
    }


def _figures(record: RunRecord, measurement) -> dict:
    dense, kept = record.attention_flops()
    measured_tokens = measurement.text_tokens
    grid_tokens = 1
    for side in measurement.grid:
        grid_tokens *= side
    measured_tokens += grid_tokens
    # Everything outside attention grows with the tokens; the plan says how much it was where it was measured.
    other = measurement.other_flops * record.batch_items * (record.tokens + record.text_tokens) / measured_tokens
    skipped = record.projection_flops_skipped()
    # Where an evaluation was forecast nothing of the model ran.
    forecast = other * record.forecast_items / record.batch_items if record.batch_items else 0.0
    left_out = skipped + forecast
    return {
        "state": record.state,
        "sampler": {
            "sampler": record.sampler,
            "steps": len(record.steps),
            "cfg": record.cfg,
            "seed": record.seed,
        },
        "attention_flops_kept": kept / dense if dense else 1.0,
        "model_flops_kept": (kept + other - left_out) / (dense + other) if dense + other else 1.0,
        "attention_flops": [dense, kept],
        "model_flops": [dense + other, kept + other - left_out],
        "ceiling": (dense + other) / other if other else None,
        "seconds": record.seconds,
        "cache_bytes": record.cache_bytes,
        "steps": [
            {
                "position": step.position,
                "dense": step.dense,
                "kept": step.kept,
                "projections_skipped": step.projections_skipped,
                "forecast": step.forecast,
                "seconds": step.seconds,
            }
            for step in record.steps
        ],
        "methods": record.methods,
        "calls": record.calls,
        "fused_refused": record.refusals,
        "guard": asdict(record.guard) if record.guard else None,
        "notes": record.notes,
    }


def text_report(stats: dict) -> str:
    """The statistics as a short text, one figure a line."""
    model = stats["model"]
    lines = [
        f"{model['family']}: {model['layers']} attention layers, {model['heads']} heads each, "
        f"{model['parameters'] / 1e6:.1f} M weights"
    ]
    if stats["state"] == "dense":
        lines.append("No compression plan is applied: full attention everywhere.")
    elif stats["state"] in ("refused", "no run"):
        lines.append("Full attention was used." if stats["state"] == "refused" else "No figures yet.")
    else:
        lines += _run_lines(stats)
    return "\n".join(lines + [f"Note: {note}" for note in stats["notes"]])


def _run_lines(stats: dict) -> list[str]:
    sampler = stats["sampler"]
    lines = [
        f"Plan {stats['plan_id']}, level {stats['level']}; "
        f"{sampler['sampler']}, {sampler['steps']} steps, CFG {sampler['cfg']:g}",
        f"{stats['model']['tokens']} image tokens, {stats['model']['text_tokens']} text tokens",
        f"Attention FLOPs kept: {stats['attention_flops_kept']:.1%}",
        f"Whole-model FLOPs kept: {stats['model_flops_kept']:.1%}"
        f"{in_steps(stats['model_flops_kept'], sampler['steps'])}",
        f"Predicted relative error of the latent: {stats['predicted_error']:.3f}",
        f"Cache: {stats['cache_bytes'] / 2**20:.1f} MiB",
        f"Sampling: {stats['seconds']:.2f} s",
    ]
    forecast = sum(step["forecast"] > 0 for step in stats["steps"])
    if forecast:
        lines.insert(4, f"Steps forecast: {forecast} of {sampler['steps']}")
    if stats["ceiling"]:
        lines.insert(4, f"Ceiling at this size, were attention free: {stats['ceiling']:.2f}x")
    used = "".join(stats["methods"]).lower().replace(FORECAST, "")
    if used:
        shares = ", ".join(
            f"{name} {used.count(letter) / len(used):.0%}" for letter, name in WAY_NAMES.items() if letter in used
        )
        lines.append(f"Layers by their commonest method: {shares}")
    if stats["calls"]:
        counts = (f"{stats['calls'][path]} {name}" for path, name in PATH_NAMES.items() if path in stats["calls"])
        lines.append(f"Attention calls: {', '.join(counts)}")
    lines += [f"Not fused: {sentence}" for sentence in stats["fused_refused"]]
    return lines + _guard_lines(stats)


def _guard_lines(stats: dict) -> list[str]:
    guard = stats["guard"]
    if guard is None:
        return []
    checks, count = guard["checks"], len(guard["promoted"])
    line = f"Guard: {checks} check{'s' * (checks != 1)} of a layer, {count} head{'s' * (count != 1)} made full"
    if count:
        step, site, head = guard["promoted"][0]
        line += f", the first after step {step + 1}: head {head} of {stats['sites'][site]}"
    return [line]
