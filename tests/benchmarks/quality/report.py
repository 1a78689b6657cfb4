"""The results of a run: JSON, a table for people, and two plots."""

from __future__ import annotations

import json
from pathlib import Path

import demo_model as demo
import torch

from . import plans, plot, summary
from .methods import METHODS, THRESHOLDS
from .run import Run
from .settings import SETTINGS

FULL = "quality-cpu.json"


def report(run: Run, committed: Path) -> None:
    """Of the rows that are there. committed: the folder that a full run's results go to."""
    run.read_plans()
    rows, by_setting, missing = [], {}, 0
    for setting in run.options.settings:
        pictures = run.pictures_of(setting)
        own = [row for picture in pictures for row in run.rows(picture)]
        # Levels are compared on the same pictures, as soon as there is one with all of them.
        whole = [row for picture in pictures if not run.missing(picture) for row in run.rows(picture)]
        missing += sum(len(run.missing(picture)) + len(run.expected(setting)) for picture in pictures)
        if not own:
            continue
        rows += whole or own
        planned = {method: one for method in run.options.methods if (one := run.planned(setting, method)) is not None}
        found = by_setting[setting.name] = {
            "sentence": setting.sentence(),
            "calibration_ratio": {method: one.calibration_ratio for method, one in planned.items()},
            "made_by": {method: one.source for method, one in planned.items()},  # plan, and code of the product
            **summary.of_setting(whole or own),
        }
        part = "" if whole else ", none of them by every method"
        print(
            f"\n## {setting.name}: {found['sentence']}; pictures: {found['pictures']}{part}\n\n{summary.table(found)}"
        )
    if not rows:
        print("There are no rows yet.")
        return
    result = {
        "command": "python dev.py bench quality",
        "device": run.options.device_name or f"cpu, torch {torch.__version__}",
        "seconds": run.clock.kind,
        "rows_missing": missing,
        "calibrated_on": {"prompt": demo.caption(plans.PROMPT), "seed": plans.SEED},
        "thresholds": {method: THRESHOLDS[method] for method in run.options.methods if method in THRESHOLDS},
        "settings": by_setting,
        "rows": rows,
    }
    target = _target(run.options, committed, missing)
    target.write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    first = next(iter(by_setting))
    plot.frontier(by_setting[first], [row for row in rows if row["setting"] == first], target.with_suffix(".png"))
    plot.settings(by_setting, rows, target.with_name(f"{target.stem}-settings.png"))
    print(f"\n{target}{f': {missing} rows are missing' if missing else ''}")
    codes = sorted({planned.code for planned in run.plans.values()})
    if len(codes) > 1:
        print(f"These are results of more than one version of the code: {', '.join(codes)}.")


def _target(options, committed: Path, missing: int) -> Path:
    """Committed results are replaced by complete ones only."""
    if options.json:
        return options.json
    everything = set(options.methods) == set(METHODS) and options.settings == list(SETTINGS.values())
    return committed / FULL if everything and not missing else options.work / "quality.json"
