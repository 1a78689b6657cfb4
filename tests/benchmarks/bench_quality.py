"""The honest benchmark: what plans are worth beside everything else that the same work buys, on the demo model.

    python dev.py bench quality [--settings home,8steps] [--methods ours,easycache] [--prompts N] [--seeds N] [--quick]
                                [--shard I/N] [--report] [--json FILE]

Methods: ours, fewer steps, easycache, lazycache, forecast schedule (of whole evaluations), DiTFastAttn, DiTFastAttnV2.
Those that need a calibration see one prompt and seed; all are judged on others, against the dense latent and picture of
the same prompt, seed and setting. Work is counted as it is done: batch items that really went through the model, or
what Attention Stats says of a plan.

Rows are written as they come, to output/quality, and a stopped run goes on where it was. Several shards (each a part of
the prompts) can work side by side; shard 0 makes the plans. When nothing is selected,
tests/benchmarks/results/quality-cpu.json and two plots beside it are written, otherwise output/quality/quality.json.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import replace
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import demo_model as demo  # noqa: E402
import torch  # noqa: E402
from quality import effort, plans, plot, summary  # noqa: E402
from quality.methods import ATTENTION_BUDGETS, METHODS, OURS, PAPERS, PLANNED, THRESHOLDS, levels  # noqa: E402
from quality.rows import Picture, Store, row_of  # noqa: E402
from quality.sampling import Clock, dense_run, job_of, with_plan, without_plan  # noqa: E402
from quality.settings import HOME, SETTINGS, Setting  # noqa: E402

RESULTS = HERE / "results"
WORK = HERE.parents[1] / "output" / "quality"
SEEDS = (5, 6)


def main() -> None:
    options = arguments()
    clock = Clock(options.threads)
    run = Run(options, clock)
    if not options.report:
        demo.model()
        torch.set_num_threads(options.threads)
        run.sample()
    run.report()


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--settings", type=chosen_from(SETTINGS), default=list(SETTINGS), help=", ".join(SETTINGS))
    parser.add_argument("--methods", type=chosen_from(METHODS), default=list(METHODS), help=", ".join(METHODS))
    parser.add_argument("--prompts", type=int, default=None, help="at most so many a setting")
    parser.add_argument("--seeds", type=int, default=None, help="at most so many a prompt")
    parser.add_argument("--quick", action="store_true", help="2 prompts, one seed, and no DiTFastAttn: a trial")
    parser.add_argument("--threads", type=int, default=1, help="with 1, other work on the machine hardly matters")
    parser.add_argument("--shard", default="0/1", help="I/N: every N-th prompt from the I-th on")
    parser.add_argument("--report", action="store_true", help="sample nothing: results of the rows that are there")
    parser.add_argument("--work", type=Path, default=WORK, help="the folder of rows and plans")
    parser.add_argument("--json", type=Path, default=None, help="where results go")
    parser.add_argument("--device-name", default="", help="what the results say of the machine")
    options = parser.parse_args()
    options.everything = not (options.prompts or options.seeds or options.quick) and (
        (set(options.settings), set(options.methods)) == (set(SETTINGS), set(METHODS))
    )
    if options.quick:
        options.prompts, options.seeds = 2, 1
        options.methods = [method for method in options.methods if method != "DiTFastAttn"]
    options.settings = [limited(SETTINGS[name], options) for name in options.settings]
    return options


def chosen_from(names):
    """Reads "a,b" as names, in the order of `names`."""

    def read(text: str) -> list[str]:
        asked = [name.strip() for name in text.split(",")]
        unknown = [name for name in asked if name not in names]
        if unknown:
            raise argparse.ArgumentTypeError(f"there is no {unknown[0]!r}; there are {', '.join(names)}.")
        return [name for name in names if name in asked]

    return read


def limited(setting: Setting, options) -> Setting:
    return replace(
        setting,
        prompts=min(setting.prompts, options.prompts or setting.prompts),
        seeds=min(setting.seeds, options.seeds or setting.seeds, len(SEEDS)),
    )


class Run:
    """The settings, methods and pictures that were asked for, and their rows."""

    def __init__(self, options, clock: Clock):
        self.options = options
        self.clock = clock
        self.store = Store(options.work)
        self.part, self.parts = map(int, options.shard.split("/"))
        self.plans: dict[tuple[str, str], plans.Planned] = {}
        self.pace = effort.Pace()

    # -- sampling --------------------------------------------------------------------------------------------------

    def sample(self) -> None:
        """Make the rows that are missing."""
        self.read_plans()
        self.announce()
        for setting in self.options.settings:
            for method in self.options.methods:
                if method in PLANNED and (setting.name, method) not in self.plans:
                    self.plan(setting, method)
            for prompt in range(self.part, setting.prompts, self.parts):
                self.read_plans()
                for seed in SEEDS[: setting.seeds]:
                    self.judge(Picture(setting, prompt, seed))

    def read_plans(self) -> None:
        for setting in self.options.settings:
            for method in self.options.methods:
                if method in PLANNED and (setting.name, method) not in self.plans:
                    planned = plans.read(self.options.work, method, setting)
                    if planned is not None:
                        self.plans[setting.name, method] = planned

    def plan(self, setting: Setting, method: str) -> None:
        if self.part != 0:
            print(f"{setting.name}, {method}: no plan yet; its rows are left out until shard 0 has made it", flush=True)
            return
        begin = time.time()
        planned = self.plans[setting.name, method] = plans.make(self.options.work, method, setting)
        self.pace.did(effort.calibration(setting, method), time.time() - begin)
        print(
            f"{setting.name}, {method}: calibrated, {planned.calibration_ratio:.2f} dense runs"
            f"{' a threshold' if method in PAPERS else ''}",
            flush=True,
        )

    def judge(self, picture: Picture) -> None:
        """Sample a picture densely and by every level of every method; one line of JSON for each."""
        todo = self.missing(picture)
        if not todo:
            return
        begin = time.time()
        dense = dense_run(picture, self.clock)
        for method, level, value in todo:
            planned = self.plans.get((picture.setting.name, method))
            if planned is None:
                figures, plan_id = without_plan(method, value, dense, self.clock), None
            else:
                figures, plan_id = with_plan(planned.plan, level, dense, self.clock), planned.plan.id
            self.store.add(picture, row_of(picture, method, level, figures), plan_id)
        self.pace.did(effort.rows(picture.setting, todo), time.time() - begin)
        print(
            f"{picture.setting.name}, prompt {picture.prompt}, seed {picture.seed}: {len(todo)} rows in "
            f"{time.time() - begin:.0f} s, about {self.pace.hours(self.effort_left()):.1f} h left",
            flush=True,
        )

    def missing(self, picture: Picture) -> list[tuple[str, str, object]]:
        done = {(row["method"], row["level"]) for row in self.rows(picture)}
        return [entry for entry in self.wanted(picture.setting) if entry[:2] not in done]

    def wanted(self, setting: Setting) -> list[tuple[str, str, object]]:
        """(method, level, what the level stands for) of each row of a picture, as far as plans are there."""
        found: list[tuple[str, str, object]] = []
        for method in self.options.methods:
            if method not in PLANNED:
                found += [(method, name, value) for name, value in levels(method, setting).items()]
            elif (setting.name, method) in self.plans:
                plan = self.plans[setting.name, method].plan
                found += [(method, level.name, None) for level in plan.levels if self.compared(method, level.name)]
        return found

    def compared(self, method: str, level: str) -> bool:
        """This pack's levels of a budget of attention are there for the papers' sake only."""
        return method != OURS or level not in ATTENTION_BUDGETS or any(m in PAPERS for m in self.options.methods)

    def rows(self, picture: Picture) -> list[dict]:
        """Those that are there and asked for."""
        name = picture.setting.name
        ids = {method: self.plans[name, method].plan.id for method in PLANNED if (name, method) in self.plans}
        ids |= {method: None for method in METHODS if method not in PLANNED}
        wanted = {entry[:2] for entry in self.wanted(picture.setting)}
        return [row for row in self.store.read(picture, ids) if (row["method"], row["level"]) in wanted]

    # -- how long it takes -----------------------------------------------------------------------------------------

    def announce(self) -> None:
        setting = replace(SETTINGS[HOME], steps=2)
        job = job_of(setting, plans.PROMPT, plans.SEED)
        demo.sample(demo.model(), job)  # loads the model and warms up
        begin = time.time()
        demo.sample(demo.model(), job)
        self.pace.did(setting.dense_cost, time.time() - begin)
        left, count = self.effort_left(), self.rows_left()
        print(
            f"{count} rows to make, as much work as {left:.0f} dense runs of the setting home: "
            f"about {self.pace.hours(left):.1f} h at the speed of now",
            flush=True,
        )

    def pictures(self):
        for setting in self.options.settings:
            for prompt in range(self.part, setting.prompts, self.parts):
                for seed in SEEDS[: setting.seeds]:
                    yield Picture(setting, prompt, seed)

    def rows_left(self) -> int:
        return sum(len(self.missing(picture)) + self.unplanned(picture.setting)[0] for picture in self.pictures())

    def effort_left(self) -> float:
        """In dense runs of the setting `home`, pictures decoded and compared included."""
        total = 0.0
        for picture in self.pictures():
            missing = self.missing(picture)
            total += self.unplanned(picture.setting)[1] + (effort.rows(picture.setting, missing) if missing else 0)
        for setting in self.options.settings:
            for method in self.options.methods:
                if self.part == 0 and method in PLANNED and (setting.name, method) not in self.plans:
                    total += effort.calibration(setting, method)
        return total

    def unplanned(self, setting: Setting) -> tuple[int, float]:
        """Rows a picture, and their effort, of plans that are not made yet."""
        expected = [
            (method, level, None)
            for method in self.options.methods
            if method in PLANNED and (setting.name, method) not in self.plans
            for level in effort.expected_levels(method)
            if self.compared(method, level)
        ]
        return len(expected), effort.rows(setting, expected) if expected else 0.0

    # -- results ---------------------------------------------------------------------------------------------------

    def report(self) -> None:
        self.read_plans()
        rows, by_setting, missing = [], {}, 0
        for setting in self.options.settings:
            pictures = [Picture(setting, p, s) for p in range(setting.prompts) for s in SEEDS[: setting.seeds]]
            own = [row for picture in pictures for row in self.rows(picture)]
            missing += sum(len(self.missing(picture)) + self.unplanned(setting)[0] for picture in pictures)
            if not own:
                continue
            rows += own
            calibration = {
                method: self.plans[setting.name, method].calibration_ratio
                for method in self.options.methods
                if (setting.name, method) in self.plans
            }
            by_setting[setting.name] = {
                "sentence": setting.sentence(),
                "calibration_ratio": calibration,
                **summary.of_setting(own),
            }
            print(f"\n## {setting.name}: {setting.sentence()}; {by_setting[setting.name]['pictures']} pictures\n")
            print(summary.table(by_setting[setting.name]))
        if not rows:
            print("There are no rows yet.")
            return
        result = {
            "command": "python dev.py bench quality",
            "device": self.options.device_name or f"cpu, torch {torch.__version__}",
            "seconds": self.clock.kind,
            "rows_missing": missing,
            "calibrated_on": {"prompt": demo.caption(plans.PROMPT), "seed": plans.SEED},
            "thresholds": {method: THRESHOLDS[method] for method in self.options.methods if method in PAPERS},
            "settings": by_setting,
            "rows": rows,
        }
        target = self.target(missing)
        target.write_text(json.dumps(result, indent=1) + "\n", "utf-8")
        self.draw(target, by_setting, rows)
        print(f"\n{target}{f': {missing} rows are missing' if missing else ''}")

    def target(self, missing: int) -> Path:
        """Committed results are replaced by complete ones only."""
        if self.options.json:
            return self.options.json
        return RESULTS / "quality-cpu.json" if self.options.everything and not missing else WORK / "quality.json"

    def draw(self, target: Path, by_setting: dict, rows: list[dict]) -> None:
        first = next(iter(by_setting))
        plot.frontier(
            by_setting[first],
            [row for row in rows if row["setting"] == first],
            by_setting[first]["sentence"],
            target.with_suffix(".png"),
        )
        plot.settings(by_setting, rows, target.with_name(f"{target.stem}-settings.png"))


if __name__ == "__main__":
    main()
