"""What follows from the rows: means of levels, errors at equal work, and how good the predictions are."""

from __future__ import annotations

import math
import statistics

import numpy as np

from .methods import ATTENTION_BUDGETS, BUDGETS, KEEPS, METHODS, OURS, PAPERS

FIGURES = ("attention_flops_kept", "model_flops_kept", "latent_relative_error", "psnr_db", "ssim", "predicted_error")
MOST_PICTURES = 0.9  # chosen: levels that leave more pictures dense would count their zero errors
SMALL_ERROR = 0.1  # of the latent: the speed of levels is compared among those that stay below


def level_means(rows: list[dict]) -> list[dict]:
    """One entry a setting, method and level: means of the figures, the median of the seconds, how many pictures were
    judged, and how many of them saved anything. None where a figure is not known.
    """
    groups: dict[tuple, list[dict]] = {}
    for row in rows:
        groups.setdefault((row["setting"], row["method"], row["level"]), []).append(row)
    return [
        {
            "setting": setting,
            "method": method,
            "level": level,
            "pictures": len(group),
            "pictures_saved": sum(row["model_flops_kept"] < 1 for row in group),
            "seconds_ratio": _over(group, "seconds_ratio", statistics.median),
            **{name: _over(group, name, statistics.mean) for name in FIGURES},
        }
        for (setting, method, level), group in groups.items()
    ]


def saves(entry: dict) -> bool:
    """Whether a level is more than the dense run: a cache's threshold may be too low to leave anything out."""
    return entry["pictures_saved"] >= MOST_PICTURES * entry["pictures"]


def _over(group: list[dict], name: str, average) -> float | None:
    values = [row[name] for row in group]
    return None if None in values else average(values)


# -- at equal work of the model ----------------------------------------------------------------------------------------


def frontier(points) -> list[tuple[float, float]]:
    """Those of (work, error) points that no other beats in both; rising work, falling error."""
    kept: list[tuple[float, float]] = []
    for work, error in sorted(points):
        if not kept or error < kept[-1][1]:
            kept.append((work, error))
    return kept


def error_at(points, budget: float) -> float | None:
    """The least error of a method within a budget of work.

    Interpolated along its frontier, in the logarithm of the error. Above its most expensive useful level: that level's
    error. Below its cheapest level: None.
    """
    best = frontier(points)
    if not best or budget < best[0][0] - 1e-9:
        return None
    work, error = zip(*best)
    return float(np.exp(np.interp(budget, work, np.log(np.maximum(error, 1e-12)))))


def at_budgets(means: list[dict]) -> list[dict]:
    """For each of BUDGETS: every method's error, the best alternative to this pack, and both errors' ratio.

    means: of one setting.
    """
    points: dict[str, list] = {}
    for entry in filter(saves, means):
        points.setdefault(entry["method"], []).append((entry["model_flops_kept"], entry["latent_relative_error"]))
    found = []
    for budget in BUDGETS:
        errors = {method: error_at(points[method], budget) for method in METHODS if method in points}
        ours = errors.get(OURS)
        others = {method: error for method, error in errors.items() if method != OURS and error is not None}
        best = min(others, key=others.__getitem__, default=None)
        found.append(
            {
                "model_flops_kept": budget,
                "errors": errors,
                "best_alternative": best,
                "best_alternative_error": others.get(best),
                "ours": ours,
                "ours_over_best": None if best is None or ours is None else ours / max(others[best], 1e-12),
            }
        )
    return found


def fastest_within(means: list[dict], error: float = SMALL_ERROR) -> dict[str, dict]:
    """{method: its fastest level whose mean error is at most `error`, with its speed-up}. means: of one setting."""
    found: dict[str, dict] = {}
    for entry in filter(saves, means):
        if entry["seconds_ratio"] is None or entry["latent_relative_error"] > error:
            continue
        best, speed = found.get(entry["method"]), 1 / entry["seconds_ratio"]
        if best is None or speed > best["speed_up"]:
            found[entry["method"]] = {"level": entry["level"], "speed_up": speed}
    return found


def ours_over_fastest(fastest: dict[str, dict]) -> dict | None:
    """This pack's speed-up as a multiple of the fastest alternative's; None without either. fastest: see
    `fastest_within`.
    """
    others = {method: entry["speed_up"] for method, entry in fastest.items() if method != OURS}
    if OURS not in fastest or not others:
        return None
    best = max(others, key=others.__getitem__)
    return {"fastest_alternative": best, "ours_over_fastest": fastest[OURS]["speed_up"] / others[best]}


# -- at equal work of attention, beside the papers ---------------------------------------------------------------------


def at_equal_attention(rows: list[dict], keep: float) -> dict:
    """Error, PSNR and SSIM of this pack and the papers where `keep` of attention is kept, and paired differences.

    rows: of one setting, with levels of ATTENTION_BUDGETS.
    """
    keys = sorted({(row["prompt"], row["seed"]) for row in rows})
    present = {row["method"] for row in rows}
    entry: dict = {"attention_flops_kept": keep}
    per_key = {}
    for method in (OURS, *PAPERS):
        if method not in present:
            continue
        per_key[method] = {
            name: np.array([_at_attention(rows, method, key, name, keep) for key in keys])
            for name in ("latent_relative_error", "psnr_db", "ssim")
        }
        entry[method] = {name: float(np.mean(values)) for name, values in per_key[method].items()}
    usable = [m for m in PAPERS if m in entry and math.isfinite(entry[m]["latent_relative_error"])]
    if usable and OURS in entry:
        best = min(usable, key=lambda method: entry[method]["latent_relative_error"])
        ratio = per_key[OURS]["latent_relative_error"] / per_key[best]["latent_relative_error"]
        entry |= {
            "better_paper": best,
            "error_over_better_paper": float(np.exp(np.mean(np.log(ratio)))),
            "wins": int((ratio < 1).sum()),
            "pairs": len(keys),
            "paired_psnr_gain_db": _spread(per_key[OURS]["psnr_db"] - per_key[best]["psnr_db"]),
            "paired_ssim_gain": _spread(per_key[OURS]["ssim"] - per_key[best]["ssim"]),
        }
    return entry


def _at_attention(rows, method: str, key: tuple, name: str, keep: float) -> float:
    """A figure of a method on one picture, along its levels, errors in their logarithm; nan outside of them.

    This pack's levels D1 to D6 minimise model FLOPs, so that the levels of ATTENTION_BUDGETS are taken.
    """
    points = sorted(
        {
            (row["attention_flops_kept"], row[name])
            for row in rows
            if row["method"] == method
            and (row["prompt"], row["seed"]) == key
            and (method != OURS or row["level"] in ATTENTION_BUDGETS)
        }
    )
    if not points or not points[0][0] <= keep <= points[-1][0]:
        return math.nan
    x, y = map(np.array, zip(*points))
    return float(np.exp(np.interp(keep, x, np.log(y))) if name.startswith("latent") else np.interp(keep, x, y))


def _spread(values: np.ndarray) -> dict:
    """Mean, standard error, least and largest of paired differences."""
    error = float(values.std(ddof=1) / math.sqrt(len(values))) if len(values) > 1 else math.nan
    return {"mean": float(values.mean()), "error": error, "min": float(values.min()), "max": float(values.max())}


# -- predictions -------------------------------------------------------------------------------------------------------


def prediction(rows: list[dict]) -> dict | None:
    """How near this pack's levels are to the errors that they predict. rows: of one setting."""
    from scipy.stats import spearmanr

    ours = [row for row in rows if row["method"] == OURS and row["predicted_error"]]
    if not ours:
        return None
    predicted = [row["predicted_error"] for row in ours]
    measured = [row["latent_relative_error"] for row in ours]
    ratios = [m / p for m, p in zip(measured, predicted)]
    by_level: dict[str, list[float]] = {}
    for row, ratio in zip(ours, ratios):
        by_level.setdefault(row["level"], []).append(ratio)
    return {
        "measured_over_predicted_by_level": {level: statistics.mean(group) for level, group in by_level.items()},
        "within_factor_1.5": sum(1 / 1.5 <= ratio <= 1.5 for ratio in ratios) / len(ratios),
        "rank_correlation_over_all_rows": float(spearmanr(predicted, measured).statistic) if len(ours) > 2 else None,
    }


# -- all of it ---------------------------------------------------------------------------------------------------------


def of_setting(rows: list[dict]) -> dict:
    """All that follows from the rows of one setting."""
    means = level_means(rows)
    fastest = fastest_within(means)
    with_papers = any(row["level"] in ATTENTION_BUDGETS for row in rows)
    return {
        "pictures": len({(row["prompt"], row["seed"]) for row in rows}),
        "levels": means,
        "at_budgets": at_budgets(means),
        "fastest_within": {"latent_relative_error": SMALL_ERROR, **fastest, "compared": ours_over_fastest(fastest)},
        "prediction": prediction(rows),
        "at_equal_attention": [at_equal_attention(rows, keep) for keep in KEEPS] if with_papers else [],
    }


def table(found: dict) -> str:
    """`of_setting` for people."""
    lines = [
        f"{'method':17} {'level':>13} {'model':>6} {'attn':>6} {'time':>6} {'error':>7} {'PSNR':>6} {'SSIM':>6} pred"
    ]
    for row in sorted(found["levels"], key=lambda row: (METHODS.index(row["method"]), -row["model_flops_kept"])):
        expected = "" if row["predicted_error"] is None else f"{row['predicted_error']:.4f}"
        seconds = _number(row["seconds_ratio"], 2)
        lines.append(
            f"{row['method']:17} {row['level']:>13} {row['model_flops_kept']:6.1%} {row['attention_flops_kept']:6.1%} "
            f"{seconds:>6} {row['latent_relative_error']:7.4f} {row['psnr_db']:6.2f} {row['ssim']:6.3f} "
            f"{expected}"
        )
    lines += ["", "| model FLOPs kept | best alternative | its error | ours | ours / best |", "|---|---|---|---|---|"]
    for entry in found["at_budgets"]:
        lines.append(
            f"| {entry['model_flops_kept']:.2f} | {entry['best_alternative'] or '–'} | "
            f"{_number(entry['best_alternative_error'])} | {_number(entry['ours'])} | "
            f"{_number(entry['ours_over_best'], 2)} |"
        )
    fastest = {method: found["fastest_within"][method] for method in METHODS if method in found["fastest_within"]}
    listed = ", ".join(f"{method} {best['speed_up']:.2f}x ({best['level']})" for method, best in fastest.items())
    timed = any(entry["seconds_ratio"] is not None for entry in found["levels"])
    lines += ["", f"fastest with an error of at most {SMALL_ERROR:g}: {(listed or 'none') if timed else 'not timed'}"]
    if compared := found["fastest_within"]["compared"]:
        lines.append(f"    ours {compared['ours_over_fastest']:.2f} times as fast as {compared['fastest_alternative']}")
    for entry in found["at_equal_attention"]:
        errors = ", ".join(
            f"{method} {entry[method]['latent_relative_error']:.4f}" for method in METHODS if method in entry
        )
        lines.append(f"at {entry['attention_flops_kept']:.0%} of attention: {errors}")
        if "error_over_better_paper" in entry:
            lines.append(
                f"    {entry['error_over_better_paper']:.2f} of {entry['better_paper']}'s error, better in "
                f"{entry['wins']} of {entry['pairs']}, PSNR {entry['paired_psnr_gain_db']['mean']:+.2f} dB"
            )
    if found["prediction"]:
        lines.append(f"prediction: {found['prediction']['within_factor_1.5']:.0%} of pictures within 1.5 times")
    return "\n".join(lines)


def _number(value: float | None, digits: int = 4) -> str:
    return "–" if value is None else f"{value:.{digits}f}"
