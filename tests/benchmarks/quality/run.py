"""A run of the benchmark: which rows are asked for, which are missing, and making them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import demo_model as demo

from . import effort, plans, prices
from .methods import ATTENTION_BUDGETS, METHODS, OURS, PAPERS, PLANNED, levels
from .rows import Picture, Store, row_of
from .sampling import Clock, dense_run, job_of, with_plan, without_plan
from .settings import HOME, SETTINGS, Setting

SEEDS = (5, 6)
Entry = tuple[str, str, object]  # method, level, what the level stands for


class Run:
    """The settings, methods and pictures that were asked for, and their rows."""

    def __init__(self, options, clock: Clock):
        self.options = options
        self.clock = clock
        self.store = Store(options.work)
        self.code = plans.product()  # now, before files change under a run of hours
        self.part, self.parts = map(int, options.shard.split("/"))
        self.plans: dict[tuple[str, str], plans.Planned] = {}
        self.pace = effort.Pace()

    # -- plans -----------------------------------------------------------------------------------------------------

    def planned(self, setting: Setting, method: str) -> plans.Planned | None:
        """The plan of a method that needs one, once it has been made."""
        return self.plans.get((source(setting, method).name, method))

    def unplanned(self) -> Iterator[tuple[Setting, str]]:
        """The plans that are asked for and not read yet, each once."""
        seen = set(self.plans)
        for setting in self.options.settings:
            for method in self.options.methods:
                key = source(setting, method).name, method
                if method in PLANNED and key not in seen:
                    seen.add(key)
                    yield source(setting, method), method

    def read_plans(self) -> None:
        """Those that are there. Nothing is sampled by plans of other code, whose rows would be mixed with new ones."""
        for setting, method in list(self.unplanned()):
            planned = plans.read(self.options.work, method, setting)
            if planned is None:
                continue
            if planned.code != self.code and not self.options.report:
                raise SystemExit(
                    f"The plan of {method} for {setting.name} in {self.options.work} was made by other code "
                    f"({planned.code}, not {self.code}): delete it to have it and its rows made again, name "
                    "another folder with --work, or only --report."
                )
            self.plans[setting.name, method] = planned

    def plan(self, setting: Setting, method: str) -> None:
        """Make it, in shard 0."""
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

    # -- sampling --------------------------------------------------------------------------------------------------

    def sample(self) -> None:
        """Make the rows that are missing."""
        self.read_plans()
        self.announce()
        # Again for rows of plans that another shard has made meanwhile.
        while self._sample_all():
            pass

    def _sample_all(self) -> bool:
        """Whether there was anything to do."""
        busy = False
        for setting in self.options.settings:
            for method in self.options.methods:
                if method in PLANNED and self.planned(setting, method) is None:
                    self.plan(source(setting, method), method)
            for picture in self.own(setting):
                self.read_plans()
                busy |= self.judge(picture)
        return busy

    def judge(self, picture: Picture) -> bool:
        """Sample a picture densely and by every level that is missing; one line of JSON for each. Whether any was."""
        todo = self.missing(picture)
        if not todo:
            return False
        begin = time.time()
        dense = dense_run(picture, self.clock)
        for method, level, value in todo:
            planned = self.planned(picture.setting, method)
            if planned is None:
                figures, made_by = without_plan(method, value, dense, self.clock), None
            else:
                figures, made_by = with_plan(planned.plan, level, dense, self.clock), planned.source
            kept_as = replace(picture, setting=source(picture.setting, method))
            self.store.add(kept_as, row_of(kept_as, method, level, figures), made_by)
        self.pace.did(effort.rows(picture.setting, todo), time.time() - begin)
        print(
            f"{picture.setting.name}, prompt {picture.prompt}, seed {picture.seed}: {len(todo)} rows in "
            f"{time.time() - begin:.0f} s, about {self.pace.hours(self.effort_left()):.1f} h left",
            flush=True,
        )
        return True

    # -- rows ------------------------------------------------------------------------------------------------------

    def wanted(self, setting: Setting) -> list[Entry]:
        """The rows of a picture, as far as plans are there."""
        found: list[Entry] = []
        for method in self.options.methods:
            planned = self.planned(setting, method)
            if method not in PLANNED:
                found += [(method, name, value) for name, value in levels(method, setting).items()]
            elif planned is not None:
                names = [level.name for level in planned.plan.levels]
                found += [(method, name, None) for name in names if self.compared(method, name)]
        return found

    def expected(self, setting: Setting) -> list[Entry]:
        """The rows of a picture whose plans are not there yet."""
        return [
            (method, level, None)
            for method in self.options.methods
            if method in PLANNED and self.planned(setting, method) is None
            for level in effort.expected_levels(setting, method)
            if self.compared(method, level)
        ]

    def compared(self, method: str, level: str) -> bool:
        """This pack's levels of a budget of attention are there for the papers' sake only."""
        return method != OURS or level not in ATTENTION_BUDGETS or any(m in PAPERS for m in self.options.methods)

    def missing(self, picture: Picture) -> list[Entry]:
        """Of `wanted`."""
        done = {(row["method"], row["level"]) for row in self.rows(picture)}
        return [entry for entry in self.wanted(picture.setting) if entry[:2] not in done]

    def rows(self, picture: Picture) -> list[dict]:
        """Those that are there and asked for, at the prices of the picture's setting."""
        setting, found = picture.setting, []
        wanted = {entry[:2] for entry in self.wanted(setting)}
        for kept_as in dict.fromkeys((setting.unpriced, setting)):
            sources = {}
            for method in METHODS:
                planned = self.planned(setting, method)
                if source(setting, method) == kept_as and (planned is not None or method not in PLANNED):
                    sources[method] = planned.source if planned else None
            found += self.store.read(replace(picture, setting=kept_as), sources)
        return [self._priced(row, setting) for row in found if (row["method"], row["level"]) in wanted]

    def _priced(self, row: dict, setting: Setting) -> dict:
        """A row as sampled, at a setting's prices; seconds were measured at the model's own only."""
        if setting.attention_share is None:
            return row
        kept, planned = row["model_flops_kept"], self.planned(setting, row["method"])
        if planned is not None:  # other methods leave out attention and everything else alike
            measured = prices.attention_share(planned.plan)
            kept = prices.model_kept(kept, row["attention_flops_kept"], measured, setting.attention_share)
        return row | {
            "setting": setting.name,
            "model": setting.model,
            "model_flops_kept": kept,
            "seconds_ratio": None,
        }

    # -- pictures --------------------------------------------------------------------------------------------------

    def own(self, setting: Setting) -> list[Picture]:
        """Of this shard."""
        return [picture for picture in self.pictures_of(setting) if picture.prompt % self.parts == self.part]

    def pictures_of(self, setting: Setting) -> list[Picture]:
        """Of all shards."""
        return [Picture(setting, prompt, seed) for prompt in range(setting.prompts) for seed in SEEDS[: setting.seeds]]

    # -- how long it takes -----------------------------------------------------------------------------------------

    def announce(self) -> None:
        setting = replace(SETTINGS[HOME], steps=2)
        job = job_of(setting, plans.PROMPT, plans.SEED)
        demo.sample(demo.model(), job)  # loads the model and warms up
        begin = time.time()
        demo.sample(demo.model(), job)
        self.pace.did(setting.dense_cost, time.time() - begin)
        left, count = self.effort_left(), sum(len(entries) for _, entries in self.left())
        print(
            f"{count} rows to make, as much work as {left:.0f} dense runs of the setting home: "
            f"about {self.pace.hours(left):.1f} h at the speed of now",
            flush=True,
        )

    def left(self) -> Iterator[tuple[Picture, list[Entry]]]:
        """This shard's pictures with the rows that have to be sampled, those of two settings with the first."""
        seen: set[tuple] = set()
        for setting in self.options.settings:
            for picture in self.own(setting):
                entries = []
                for entry in self.missing(picture) + self.expected(setting):
                    key = (source(setting, entry[0]).name, picture.prompt, picture.seed, *entry[:2])
                    if key not in seen:
                        seen.add(key)
                        entries.append(entry)
                if entries:
                    yield picture, entries

    def effort_left(self) -> float:
        """In dense runs of the setting `home`, pictures decoded and compared included."""
        total = sum(effort.rows(picture.setting, entries) for picture, entries in self.left())
        if self.part == 0:
            total += sum(effort.calibration(setting, method) for setting, method in self.unplanned())
        return total


def source(setting: Setting, method: str) -> Setting:
    """The setting under which a method's rows are sampled and kept: prices matter to this pack's plans alone."""
    return setting if method == OURS else setting.unpriced
