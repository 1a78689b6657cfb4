"""What is wrong with a run: held against the host's own bits, the oracle, and a count of its own."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import torch

from ditfastattn.attention import families as records
from ditfastattn.attention.applied.apply import Applied
from ditfastattn.attention.applied.choice import Asked
from ditfastattn.attention.hooks.finder import Around
from ditfastattn.attention.hooks.model import HostModel
from ditfastattn.attention.hooks.patch import attached
from host import tiny
from host.applying import apply_plan
from host.hand_plans import WINDOWS, hand_plan
from host.layouts import AXES, LAYOUTS, REFERENCES, TEXT_LAST, calls_of, grids_of, window_axes
from host.oracle import Oracle

from .cases import OFF, Plan, Setting

ROUNDING = 1e-5  # relative; of float32 through a few blocks and steps. Effects of plans are 1e-4 and more


@dataclass(frozen=True)
class Verdict:
    """Of one case; each a sentence, or empty where all is well. error: from the oracle, relative to it."""

    name: str
    wrong: str = ""
    other_bits: str = ""
    leaked: str = ""
    error: float = 0.0


@contextmanager
def known(setting: Setting):
    """The families' records, or none, while the context lasts."""
    before = records.FAMILIES
    try:
        records.FAMILIES = () if setting.hidden else before
        yield
    finally:
        records.FAMILIES = before


class Bench:
    """One family in one setting: the model, and what the host makes of it, by steps."""

    def __init__(self, family: str, setting: Setting):
        self.family, self.setting = family, setting
        self.model = tiny.shared_model(family)
        self._plain: dict[int, torch.Tensor] = {}
        with known(setting):
            if not HostModel.of(self.model).sites:
                self.sample(Applied(self.model, Asked(level="D1")).install(), 2)
            sites = HostModel.of(self.model).sites
        self.sites = tuple(site.name for site in sites)
        self._whole = frozenset(number for number, site in enumerate(sites) if site.skippable)

    def sample(self, model, steps: int) -> torch.Tensor:
        return tiny.sample(model, self.family, steps=steps, **self.setting.arguments)

    def plain(self, steps: int) -> torch.Tensor:
        if steps not in self._plain:
            self._plain[steps] = self.sample(self.model, steps)
        return self._plain[steps]

    def judge(self, plan: Plan) -> Verdict:
        """Sample with a plan and without the pack, and compare."""
        name = f"{self.family}, {self.setting.name}: {plan.name}"
        try:
            with known(self.setting):
                return self._off(name) if plan.name == OFF else self._judge(name, plan)
        except Exception as error:
            return Verdict(name, wrong=f"{type(error).__name__}: {error}")

    def leaked(self, plan: Plan) -> str:
        """Sample twice more: whatever the second run leaves allocated."""
        with known(self.setting):
            patched = self._patched(plan)
            self.sample(patched, len(plan.share))
            before = tiny.live_tensors()
            self.sample(patched, len(plan.share))
            after = tiny.live_tensors()
        return "" if after == before else f"tensors, bytes: {before} before, {after} after"

    def _patched(self, plan: Plan):
        windows = WINDOWS if plan.placed else ()
        extra = {"evaluated": plan.evaluated, "slopes": plan.slopes, "corrections": plan.corrections}
        made = hand_plan(self.model, self.family, list(plan.profiles), plan.share, windows, pooled=plan.pooled, **extra)
        return apply_plan(self.model, made, "D1", strict=True)

    def _off(self, name: str) -> Verdict:
        off = self.sample(Applied(self.model, Asked(level=OFF)).install(), 3)
        return Verdict(name, other_bits="" if torch.equal(off, self.plain(3)) else "level off differs from the host")

    def _judge(self, name: str, plan: Plan) -> Verdict:
        steps = len(plan.share)
        patched = self._patched(plan)
        made, record = self.sample(patched, steps), attached(patched).runs.latest()
        leaked = "" if _is_free(attached(patched), self.model) else "the run's own objects are still there"
        if plan.full:
            same = torch.equal(made, self.plain(steps))
            return Verdict(name, _counted(record, None, plan), "" if same else "an all-full plan differs", leaked)
        oracle, expected = self._meant(plan, steps)
        error = float((made.double() - expected.double()).norm() / expected.double().norm())
        effect = float((made.double() - self.plain(steps).double()).norm() / self.plain(steps).double().norm())
        # Where a plan does little, rounding must be told from what it does.
        allowed = min(ROUNDING, max(0.2 * effect, 1e-6))
        wrong = [_counted(record, oracle, plan), *record.notes]
        if not bool(made.isfinite().all()):
            wrong.append("not finite")
        elif not error < allowed:
            wrong.append(f"error {error:.1e}, allowed {allowed:.1e}, effect {effect:.1e}")
        if "random" in plan.name and not torch.equal(self.sample(patched, steps), made):
            wrong.append("the same run twice has other bits")
        return Verdict(name, "; ".join(filter(None, wrong)), "", leaked, error)

    def _meant(self, plan: Plan, steps: int) -> tuple[Oracle, torch.Tensor]:
        grid = LAYOUTS[self.family][0]
        oracle = Oracle(
            grid,
            calls_of(self.family),
            list(plan.profiles),
            plan.share,
            tuple((1.0,) * (window_axes(self.family) - 2) + window for window in WINDOWS),
            self.family in TEXT_LAST,
            plan.pooled,
            REFERENCES.get(self.family),
            [own for own, _ in grids_of(self.family)] if self.family in AXES else None,
            self.sites if self.setting.hidden else (),
            plan.evaluated,
            plan.slopes,
            plan.corrections,
            self._whole,
        )
        with ExitStack() as stack:
            meant = stack.enter_context(oracle.inside(self.model))
            return oracle, self.sample(meant, steps)


def _counted(record, oracle: Oracle | None, plan: Plan) -> str:
    """What is wrong with the FLOPs that a run counted."""
    dense, kept = record.attention_flops()
    if oracle is None:
        return "" if dense == kept > 0 else f"counted {kept} of {dense} with an all-full plan"
    if dense != oracle.dense:
        return f"counted {dense} of full attention where there are {oracle.dense}"
    if plan.exact and kept != oracle.full:
        return f"counted {kept} where {oracle.full} are computed"
    return "" if kept < dense or plan.name.startswith("random") and kept <= dense else f"not cheaper: {kept} of {dense}"


def _is_free(installation, model) -> bool:
    """Whether nothing of a run is held, and no hook is left in the model."""
    inside = any(isinstance(vars(one).get("forward"), Around) for one in model.model.diffusion_model.modules())
    return (installation.run, installation.processor, installation.forward) == (None, None, None) and not inside
