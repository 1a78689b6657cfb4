"""A plan is valid or it is not made; what it answers follows from its paths."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from plans_samples import identity, measurement, plan_of, positions

from ditfastattn.plans import Level, Plan, PlanError, Site, WaySpec, fingerprint
from ditfastattn.plans.letters import refresh_ways, sources

HALF, QUARTER = WaySpec.window((0.5, 0.5)), WaySpec.window((0.25, 0.25))


def one_level(paths, share=None, ways=(HALF, QUARTER)):
    rows = len(paths[0])
    level = Level("D1", tuple(paths), share or ("0" * rows,), 0.1, 0.5, 0.8, 0)
    return Plan(identity((len(paths),)), measurement(), positions(rows), ways, (level,))


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("rff", "begin with full"),
        ("0ff", "begin with full"),
        ("ff", "3 letters"),
        ("ff2", "does not define"),
        ("ffC", "does not define"),
        ("ffx", "does not define"),
        ("fAB", "residuals of two ways"),
    ],
)
def test_invalid_path_is_refused_with_its_reason(path, reason):
    with pytest.raises(PlanError, match=reason):
        one_level(["fff", path])


@pytest.mark.parametrize("path", ["fffff", "frrrr", "f0r1r", "fAArA", "fAfBr", "fA0A1", "frA0r"])
def test_valid_path_is_accepted(path):
    assert one_level([path]).levels[0].paths == (path,)


def test_windows_may_have_fewer_axes_than_the_grid_as_those_within_the_frames_of_a_video():
    plan = plan_of(np.random.default_rng(0), kinds=5, windows=2)
    video = dataclasses.replace(plan.measurement, grid=(16, *plan.measurement.grid))
    assert dataclasses.replace(plan, measurement=video).ways == plan.ways


@pytest.mark.parametrize(
    "change",
    [
        {"positions": (1.0, 1.0, 0.5, 0.2, 0.1)},
        {"positions": (1.0, 0.9, float("nan"), 0.2, 0.1)},
        {"positions": (1.1, 0.9, 0.5, 0.2, 0.1)},
        {"positions": (True, 0.9, 0.5, 0.2, 0.1)},
        {"positions": (1.0, 0.9)},
        {"ways": (HALF, WaySpec.window((0.25,)))},
        {"ways": (WaySpec.window((0.5, 0.5, 0.5)), WaySpec.window((0.25, 0.25, 0.25)))},
        {"ways": (HALF,)},
        {"ways": (HALF,) * 11},
        {"ways": (HALF, "window")},
        {"ways": ((0.5, 0.5), (0.25, 0.25))},
        {"levels": ()},
        {"model": None},
    ],
)
def test_invalid_field_is_refused(change):
    rng = np.random.default_rng(0)
    plan = plan_of(rng, kinds=5, windows=2)
    assert any("1" in path or "B" in path for level in plan.levels for path in level.paths)
    with pytest.raises(PlanError):
        dataclasses.replace(plan, **change)


@pytest.mark.parametrize(
    ("kind", "parameters"),
    [
        ("window", {"size": (0.0, 0.5)}),
        ("window", {"size": (0.5, 1.5)}),
        ("window", {"size": ()}),
        ("window", {"size": (0.5,) * 4}),
        ("window", {"size": (0.5, "a")}),
        ("window", {"pooled": "yes"}),
        ("window", {"pooled": None}),
        ("int8", {"scale": float("inf")}),
        ("int8", {"scale": 1e7}),
        ("a kind", {}),
        ("", {}),
        (7, {}),
        ("int8", {f"p{i}": 1 for i in range(9)}),
        ("int8", {"a b": 1}),
    ],
)
def test_a_way_of_a_wrong_shape_is_refused(kind, parameters):
    with pytest.raises(PlanError):
        WaySpec.of(kind, **parameters)


@pytest.mark.parametrize("pairs", [(("a", 1), ("a", 2)), (("kind", 1),), (("a",),), ("ab", 3), {"a": 1}])
def test_parameters_of_a_way_must_be_pairs_of_different_names(pairs):
    with pytest.raises(PlanError):
        WaySpec("int8", pairs)


def test_a_way_has_one_form_whatever_the_order_and_type_of_its_parameters():
    one = WaySpec.of("window", size=[0.5, np.float64(1 / 3)], pooled=True)
    assert one == WaySpec("window", (("pooled", True), ("size", (0.5, 0.333333)))) == WaySpec.window((0.5, 1 / 3), True)
    assert one.parameters == (("pooled", True), ("size", (0.5, 0.333333))) and one.axes == (2,)


def test_plan_whose_windows_pool_is_another_plan():
    plan = one_level(["ff0", "ffA"])
    assert dataclasses.replace(plan, ways=(WaySpec.window((0.5, 0.5), pooled=True), QUARTER)).id != plan.id


def test_levels_refuse_what_no_level_can_be():
    level = one_level(["ff0", "ffA"]).levels[0]
    for change in (
        {"paths": ()},
        {"paths": (1, 2)},
        {"paths": ("",)},
        {"paths": ("f" * 257,)},
        {"paths": "ff0"},
        {"share": ("012",)},
        {"share": (1,)},
        {"share": ()},
        {"expected_errors": (0.1, 0.2)},
        {"expected_errors": (-0.1,)},
        {"predicted_error": float("nan")},
        {"cache_bytes": -1},
        {"name": "a level"},
    ):
        with pytest.raises(PlanError):
            dataclasses.replace(level, **change)


def test_levels_must_have_the_plans_layers_heads_and_noise_levels():
    plan = one_level(["ff0", "ffA"])
    (level,) = plan.levels
    for change in ({"paths": level.paths[:1]}, {"share": ("000", "000")}, {"share": ("00",)}):
        with pytest.raises(PlanError):
            dataclasses.replace(plan, levels=(dataclasses.replace(level, **change),))
    with pytest.raises(PlanError, match="twice"):
        dataclasses.replace(plan, levels=(level, level))


def test_measurement_refuses_what_is_not_a_number():
    for change in (
        {"cfg": float("inf")},
        {"cfg": "7"},
        {"steps": 28.0},
        {"steps": True},
        {"seeds": (-1,)},
        {"grid": ()},
        {"device": "a\nb"},
    ):
        with pytest.raises(PlanError):
            measurement(**change)


def test_numpy_numbers_become_plain_ones():
    made = measurement(grid=tuple(np.array([64, 64])), cfg=np.float32(3.5), steps=np.int64(28))
    assert (type(made.grid[0]), type(made.cfg), type(made.steps)) == (int, float, int)


def test_table_and_share_agree_with_the_paths():
    plan = plan_of(np.random.default_rng(3), sites=(2, 3, 1), rows=7)
    for level in plan.levels:
        table, share = plan.table(level.name), plan.share(level)
        assert table.shape == (7, 6) and table.dtype == np.uint8
        assert share.shape == (7, 3)
        for site, (first, heads) in enumerate(zip(plan.model.offsets, (2, 3, 1), strict=False)):
            for row in range(7):
                assert share[row, site] == (level.share[site][row] == "1")
                for head in range(heads):
                    assert chr(table[row, first + head]) == level.paths[first + head][row]


def test_unknown_level_is_refused_with_the_names_there_are():
    with pytest.raises(PlanError, match="D1, D2"):
        plan_of(np.random.default_rng(0)).level("D9")


def test_why_not_accepts_its_own_model_whatever_the_note():
    plan = plan_of(np.random.default_rng(0))
    assert plan.why_not(plan.model) is None
    assert plan.why_not(dataclasses.replace(plan.model, note="some LoRA")) is None


def test_why_not_names_both_models_and_the_remedy():
    plan = plan_of(np.random.default_rng(0))
    other = plan.why_not(identity((2, 3), family="sd3"))
    assert "flux" in other and "sd3" in other and "have a new plan made" in other
    assert plan.why_not(identity((2, 4))) is not None
    finetuned = dataclasses.replace(plan.model, fingerprint="0" * 16)
    assert plan.model.fingerprint in plan.why_not(finetuned) and "0" * 16 in plan.why_not(finetuned)
    renamed = dataclasses.replace(plan.model, sites=(Site("other", 2), plan.model.sites[1]))
    assert plan.why_not(renamed) is not None


def test_id_follows_the_content():
    plan = plan_of(np.random.default_rng(0))
    changed = dataclasses.replace(plan, measurement=dataclasses.replace(plan.measurement, cfg=2.0))
    same = dataclasses.replace(plan, measurement=dataclasses.replace(plan.measurement))
    assert plan.id == same.id != changed.id
    assert len(plan.id) == 12


def test_fingerprint_ignores_order_and_spelling_of_numbers():
    one = fingerprint({"family": "flux", "sites": [["a", 24]], "scale": 2})
    assert one == fingerprint({"scale": 2.0, "sites": (("a", 24),), "family": "flux"})
    assert one != fingerprint({"family": "flux", "sites": [["a", 23]], "scale": 2})
    with pytest.raises(TypeError):
        fingerprint({"a": object()})
    with pytest.raises(ValueError):
        fingerprint({"a": float("nan")})


def test_fingerprint_is_the_same_on_every_platform():
    assert fingerprint({"family": "flux", "heads": [24, 24], "head_dim": 128}) == "8e2e3d2db4c31348"


def letters(*rows):
    return np.array([[ord(letter) for letter in row] for row in rows], dtype=np.uint8)


def test_refreshes_are_exactly_the_full_rows_whose_residual_is_read():
    methods = letters("fff", "frB", "Brf", "fAr", "0rf")
    assert refresh_ways(methods).tolist() == [[-1, 0, 1], [1, -1, -1], [-1] * 3, [-1] * 3, [-1] * 3]


def test_sources_are_the_last_rows_that_computed_and_that_computed_in_full():
    methods = letters("ff", "0r", "rr", "Ar")
    output, full = sources(methods)
    assert output.tolist() == [[-1, -1], [0, 0], [1, 0], [1, 0]]
    assert full.tolist() == [[-1, -1], [0, 0], [0, 0], [0, 0]]
