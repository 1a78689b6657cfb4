"""The guard: what it sees, what it promotes, and that it changes nothing else."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from host import tiny

tiny.require_host()

import comfy.model_management  # noqa: E402

from ditfastattn.attention.calibration.measurement import SamplerSettings, measure, solve  # noqa: E402
from ditfastattn.attention.hooks.model import HostModel  # noqa: E402
from ditfastattn.attention.hooks.patch import attached  # noqa: E402
from ditfastattn.attention.replay import guard as module  # noqa: E402
from ditfastattn.attention.replay.guard import Guard  # noqa: E402
from ditfastattn.attention.report.statistics import statistics  # noqa: E402
from ditfastattn.attention.report.text import text_report  # noqa: E402
from ditfastattn.kernels import exact  # noqa: E402
from ditfastattn.nodes.apply_plan import ApplyCompressionPlan  # noqa: E402
from ditfastattn.plans import WaySpec  # noqa: E402
from ditfastattn.plans.search.levels import expected_errors  # noqa: E402
from host.applying import apply_plan  # noqa: E402
from host.hand_plans import hand_plan  # noqa: E402

pytestmark = pytest.mark.host
GENEROUS, NOTHING = 1e6, 0.0
# name: (profiles, share)
PLANS = {
    "window": ("f222", None),
    "residual": (["fC2C", "ffCC"], None),
    "reuse of heads": (["frfr", "f2rr"], None),
    "whole-site reuse": ("f2rr", None),
    "share": ("ff2f", "0110"),
    "everything": (["ffrr", "f0rf", "fAfr", "frfr"], "0110"),
}
all_plans = pytest.mark.parametrize("profiles,share", PLANS.values(), ids=PLANS.keys())
both_splits = pytest.mark.parametrize("split", [False, True], ids=["batched", "split"])


def relative(a, b):
    return float((a - b).norm() / b.norm())


def patched_model(family, profiles, share=None, expected=None, guard=True):
    model = tiny.shared_model(family)
    plan = hand_plan(model, family, profiles, share, expected=expected)
    return apply_plan(model, plan, "D1", strict=True, guard=guard)


def record_of(patched):
    return attached(patched).runs.latest()


@pytest.mark.parametrize("family", ["sd3", "flux", "wan21_t2v"])
@both_splits
def test_generous_promises_change_no_bit_and_promote_nobody(family, split):
    profiles, share = PLANS["everything"]
    plain = patched_model(family, profiles, share, guard=False)
    watched = patched_model(family, profiles, share, GENEROUS)
    assert torch.equal(tiny.sample(watched, family, split=split), tiny.sample(plain, family, split=split))
    assert record_of(plain).guard is None
    assert record_of(watched).guard.checks > 0 and record_of(watched).guard.promoted == []
    assert record_of(watched).methods == record_of(plain).methods
    assert record_of(watched).cache_bytes == record_of(plain).cache_bytes
    assert not record_of(watched).notes


@all_plans
@both_splits
def test_promises_of_no_error_bring_the_latent_nearer_to_the_dense_one(profiles, share, split):
    dense = tiny.sample(tiny.shared_model("sd3"), "sd3", split=split)
    unwatched = patched_model("sd3", profiles, share, NOTHING, guard=False)
    watched = patched_model("sd3", profiles, share, NOTHING)
    before = relative(tiny.sample(unwatched, "sd3", split=split), dense)
    assert relative(tiny.sample(watched, "sd3", split=split), dense) < before
    assert record_of(watched).guard.promoted and not record_of(watched).notes
    assert record_of(watched).attention_flops()[1] > record_of(unwatched).attention_flops()[1]


def test_all_heads_promoted_at_once_leave_a_run_that_is_full_from_there_on():
    """The first windowed step is looked at, so of all steps only that one differs from a plan that windows it alone."""
    watched = patched_model("sd3", "f222", expected=NOTHING)
    once = patched_model("sd3", "f2ff", guard=False)
    assert relative(tiny.sample(watched, "sd3"), tiny.sample(once, "sd3")) < 2e-5
    record = record_of(watched)
    assert record.methods[1] == "w" * len(record.methods[1]) and set(record.methods[2] + record.methods[3]) == {"f"}


@both_splits
def test_a_promoted_head_does_not_share(split):
    """Sharing is the only error here, and with every head on its own nothing of it is left."""
    watched = patched_model("sd3", "ffff", "0111", NOTHING)
    once = patched_model("sd3", "ffff", "0100", guard=False)
    output = tiny.sample(watched, "sd3", split=split)
    assert relative(output, tiny.sample(once, "sd3", split=split)) < 2e-5
    assert len(record_of(watched).guard.promoted) == heads_of(watched)


def heads_of(patched):
    return sum(site.heads for site in attached(patched).sites)


def test_worst_heads_are_promoted_until_the_rest_fits(monkeypatch):
    seen = watch_figures(monkeypatch)
    tiny.sample(patched_model("sd3", ["f2ff", "f0ff"], expected=GENEROUS), "sd3")
    ((errors, energies),) = [figures[0] for figures in seen if 0 in figures]
    order = sorted(range(len(errors)), key=lambda head: -errors[head])
    # An expected error that fits only without the worst head: rounding to three digits leaves room on both sides.
    rest = sum(errors[head] for head in order[1:])
    expected = ((rest + 0.5 * errors[order[0]]) / sum(energies)) ** 0.5 / module.FACTOR
    watched = patched_model("sd3", ["f2ff", "f0ff"], expected=expected)
    tiny.sample(watched, "sd3")
    promoted = record_of(watched).guard.promoted
    assert [entry for entry in promoted if entry[1] == 0] == [[1, 0, order[0]]]


def watch_figures(monkeypatch):
    seen, figures = [], Guard.figures

    def watched(self):
        seen.append(figures(self))
        return seen[-1]

    monkeypatch.setattr(Guard, "figures", watched)
    return seen


@pytest.mark.parametrize("family", ["sd35m", "flux", "pixart_sigma", "wan21_t2v", "stdit3"])
@pytest.mark.parametrize("cfg,split", [(4.0, False), (4.0, True), (1.0, False)])
def test_figures_equal_a_computation_from_full_outputs(monkeypatch, family, cfg, split):
    calls, seen = [], watch_figures(monkeypatch)
    look = Guard.look

    def watched_look(self, forward, call, attention, output, entry):
        flops = look(self, forward, call, attention, output, entry)
        if flops and call.number == 0:
            layout = forward.layout(call.site, attention.q.shape[2], attention.options)
            # Of a video all three frames, a third of the queries in each.
            sequences = 3 if family == "stdit3" else 1
            rows = self._queries_of(layout, attention.q.device, module.QUERIES // sequences)
            assert layout.prefix <= int(rows.min()) and int(rows.max()) < layout.prefix + layout.image
            layer = forward.diffusion_model.get_submodule(call.site.output_linear)
            calls.append((forward, attention, attention.as_heads(output).clone(), rows, sequences, layer.weight))
        return flops

    monkeypatch.setattr(Guard, "look", watched_look)
    tiny.sample(patched_model(family, ["f2ff", "frff"], expected=GENEROUS), family, cfg=cfg, split=split, batch=2)
    error = wanted = 0.0
    for forward, attention, held, rows, sequences, _ in calls:
        for branch in forward.branches:
            start, factor = branch.items.start * sequences, cfg if branch.index == 0 else 1 - cfg
            first = slice(start, start + sequences)
            q, k, v = (tensor[first].double() for tensor in (attention.q, attention.k, attention.v))
            full = exact.attention(q, k, v, scale=attention.scale)
            both = held[first].double() - full, full
            off, right = (one[:, :, rows].transpose(0, 1).flatten(1, 2) for one in both)
            error, wanted = error + factor * off, wanted + factor * right
    heads, width = wanted.shape[0], wanted.shape[2]
    weight = calls[0][-1]
    slices = weight.double()[:, : heads * width].unflatten(1, (heads, width)).transpose(0, 1)  # (H, out, D)
    expected = [(part @ slices.transpose(1, 2)).square().sum((1, 2)) for part in (error, wanted)]
    for mine, plain in zip(next(figures[0] for figures in seen if 0 in figures), expected):
        torch.testing.assert_close(torch.tensor(mine).double(), plain, rtol=1e-3, atol=1e-9)


def test_the_first_picture_is_looked_at_when_compressed_and_every_few_steps(monkeypatch):
    seen = watch_figures(monkeypatch)
    tiny.sample(patched_model("sd3", "f" + "2" * 9, expected=GENEROUS), "sd3", steps=10, batch=2)
    looked = [step for step, figures in enumerate(seen) if figures]
    assert looked == [1, 1 + module.EVERY, 1 + 2 * module.EVERY]


def test_samplers_with_several_evaluations_a_step_are_checked_once_a_step(monkeypatch):
    seen = watch_figures(monkeypatch)
    patched = patched_model("sd3", "f222", expected=GENEROUS)
    tiny.sample(patched, "sd3", sampler="heun")
    assert sum(bool(figures) for figures in seen) == 1 < len(seen)


def test_flops_of_the_check_are_counted():
    plain, watched = (patched_model("sd3", "f222", expected=GENEROUS, guard=guard) for guard in (False, True))
    for patched in (plain, watched):
        tiny.sample(patched, "sd3", batch=2)
    record = record_of(watched)
    length = record.tokens + record.text_tokens
    sites = attached(watched).sites
    # Both branches of the first picture, at the one step that is due.
    expected = sum(4 * site.head_dim * site.heads * min(module.QUERIES, record.tokens) * length * 2 for site in sites)
    more = [mine.kept - theirs.kept for mine, theirs in zip(record.steps, record_of(plain).steps)]
    assert more == [0, expected, 0, 0]
    assert [step.dense for step in record.steps] == [step.dense for step in record_of(plain).steps]


def test_a_site_with_a_promoted_head_is_not_skipped_and_its_other_heads_are_still_reused(monkeypatch):
    """Whole-site reuse ends there; the others are computed once more, kept one by one, and read from then on."""
    verdict = Guard.verdict

    def one_head(self, step):
        return {**verdict(self, step), **({0: (1,)} if step == 1 else {})}

    monkeypatch.setattr(Guard, "verdict", one_head)
    watched = patched_model("sd3", "f2rrr", expected=GENEROUS)
    plain = patched_model("sd3", "f2rrr", guard=False)
    for patched in (watched, plain):
        tiny.sample(patched, "sd3", steps=5)
    record, site = record_of(watched), attached(watched).sites[0]
    length = record.tokens + record.text_tokens
    head = 4 * site.head_dim * length**2 * 2
    kept = [mine.kept - theirs.kept for mine, theirs in zip(record.steps, record_of(plain).steps)]
    assert kept[2:] == [site.heads * head, head, head]
    assert record.cache_bytes <= record_of(plain).cache_bytes
    skipped, before = ([step.projections_skipped for step in r.steps] for r in (record, record_of(plain)))
    assert skipped[:2] == before[:2] and all(0 < mine < theirs for mine, theirs in zip(skipped[2:], before[2:]))


def test_what_it_did_is_in_the_statistics():
    patched = patched_model("sd3", "f222", expected=NOTHING)
    stats = statistics(patched, tiny.sample(patched, "sd3"))
    guard = stats["guard"]
    assert guard["checks"] == len(stats["sites"])
    assert sorted(guard["promoted"]) == [
        [1, number, head] for number, site in enumerate(attached(patched).sites) for head in range(site.heads)
    ]
    line = next(line for line in text_report(stats).splitlines() if line.startswith("Guard"))
    assert f"{len(guard['promoted'])} heads made full" in line and "joint_blocks.0" in line
    assert "Guard" not in text_report({**stats, "guard": None})


def test_a_plan_without_promises_leaves_the_guard_off_with_a_note():
    plain = patched_model("sd3", "f222", guard=False)
    watched = patched_model("sd3", "f222")
    assert torch.equal(tiny.sample(watched, "sd3"), tiny.sample(plain, "sd3"))
    (note,) = record_of(watched).notes
    assert "Calibrate" in note and record_of(watched).guard is None
    assert not record_of(plain).notes


def test_a_guard_that_fails_is_off_and_the_run_goes_on(monkeypatch):
    def fail(*args):
        raise RuntimeError("out of order")

    monkeypatch.setattr(module, "output_metric", fail)
    model = tiny.shared_model("sd3")
    plan = hand_plan(model, "sd3", "f222", expected=NOTHING)
    watched = apply_plan(model, plan, "D1", guard=True)
    plain = apply_plan(model, plan, "D1")
    assert torch.equal(tiny.sample(watched, "sd3"), tiny.sample(plain, "sd3"))
    (note,) = record_of(watched).notes
    assert "out of order" in note and "guard" in note
    with pytest.raises(RuntimeError, match="out of order"):
        tiny.sample(apply_plan(model, plan, "D1", guard=True, strict=True), "sd3")


def test_cancelled_run_leaves_nothing_of_the_guard_behind():
    patched = patched_model("sd3", *PLANS["everything"], NOTHING)
    before = tiny.sample(patched, "sd3")
    first = record_of(patched)
    guards = []

    def cancel(step, *args):
        guards.append(attached(patched).processor.guard)
        if step == 2:
            raise comfy.model_management.InterruptProcessingException()

    with pytest.raises(comfy.model_management.InterruptProcessingException):
        tiny.sample(patched, "sd3", seed=99, callback=cancel)
    assert attached(patched).processor is None
    assert guards[0] is not None and not any(holds_tensors(value) for value in vars(guards[0]).values())
    assert torch.equal(tiny.sample(patched, "sd3"), before)
    assert record_of(patched).guard == first.guard


def holds_tensors(value):
    return isinstance(value, dict) and any(not isinstance(entry, (int, float)) for entry in value.values())


def test_node_turns_the_guard_on():
    model = tiny.shared_model("sd3")
    plan = hand_plan(model, "sd3", "f222", expected=NOTHING)
    for guard in (False, True):
        patched = ApplyCompressionPlan.execute(model, level="D1", plan_in=plan, guard=guard).args[0]
        tiny.sample(patched, "sd3")
        assert (record_of(patched).guard is not None) == guard


def test_another_resolution_than_the_plans_is_watched_too():
    watched = patched_model("sd3", "f222", expected=NOTHING)
    output = tiny.sample(watched, "sd3", shape=(16, 24, 20))
    assert torch.isfinite(output).all() and record_of(watched).guard.promoted


@pytest.mark.parametrize("level", ["D6"])
def test_calibrated_promises_promote_few_heads_on_what_was_calibrated(level):
    model = tiny.shared_model("sd3")
    settings = SamplerSettings("euler", "simple", 6, 4.0, 1.0, 7)
    with torch.inference_mode():
        measured = measure(HostModel.of(model), settings, lambda patched: tiny.sample(patched, "sd3", steps=6))
    # Without forecasts: with so few steps they would take up the whole error, and the guard had nothing to look at.
    plan = solve(replace(measured, table=replace(measured.table, forecasts=None))).plan
    watched = apply_plan(model, plan, level, strict=True, guard=True)
    tiny.sample(watched, "sd3", steps=6)
    guard, heads = record_of(watched).guard, plan.model.heads
    assert guard.checks > 0 and len(guard.promoted) <= heads / 4


def test_promises_are_the_errors_that_the_guard_sees(monkeypatch):
    """One window at every step but the first, looked at each time: seen and expected alike, for every layer."""
    seen = []

    def verdict(self, step):
        seen.extend((number, sum(errors), sum(energies)) for number, (errors, energies) in self.figures().items())
        return {}

    monkeypatch.setattr(Guard, "verdict", verdict)
    monkeypatch.setattr(module, "QUERIES", 10**6)
    model = tiny.shared_model("sd3")
    settings = SamplerSettings("euler", "simple", 4, 4.0, 1.0, 7)
    with torch.inference_mode():
        table = measure(HostModel.of(model), settings, lambda patched: tiny.sample(patched, "sd3")).table
    plan = hand_plan(model, "sd3", "f2ff", expected=GENEROUS)
    plan = replace(plan, ways=tuple(WaySpec.window(dict(way.parameters)["size"], pooled=True) for way in plan.ways))
    methods = plan.table("D1")
    window = table.ways.index(plan.ways[2])
    methods = np.where(methods == ord("2"), ord("0") + window, methods)
    expected = expected_errors(table, methods, plan.share("D1"))
    tiny.sample(apply_plan(model, plan, "D1", strict=True, guard=True), "sd3")
    found = {number: (error / energy) ** 0.5 for number, error, energy in seen}
    assert [found[number] for number in sorted(found)] == pytest.approx(expected, rel=0.2)
