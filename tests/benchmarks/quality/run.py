"""A run of the benchmark: which rows are asked for, which are missing, and making them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import demo_model as demo

from . import effort, plans
from .methods import ATTENTION_BUDGETS, METHODS, OURS, PAPERS, PLANNED, levels
from .rows import Picture, Store, row_of
from .sampling import Clock, dense_run, job_of, with_plan, without_plan
from .settings import HOME, SETTINGS, Setting

SEEDS = (5, 6)


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
            for picture in self.own(setting):
                self.read_plans()
                self.judge(picture)

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

    def pictures(self) -> Iterator[Picture]:
        """Of this shard."""
        for setting in self.options.settings:
            yield from self.own(setting)

    def own(self, setting: Setting) -> list[Picture]:
        """Of this shard."""
        return [picture for picture in self.pictures_of(setting) if picture.prompt % self.parts == self.part]

    def pictures_of(self, setting: Setting) -> list[Picture]:
        """Of all shards."""
        return [Picture(setting, prompt, seed) for prompt in range(setting.prompts) for seed in SEEDS[: setting.seeds]]

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
