"""A plan is valid or it is not made; what it answers follows from its profiles."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from plans_samples import identity, measurement, plan_of, positions

from ditfastattn.plans import LevelPaths, PlanError, Site, all_full_plan, build_plan, fingerprint, plain_text
from ditfastattn.plans.methods import refresh_windows, sources


def one_level(paths, share=None, windows=((0.5, 0.5), (0.25, 0.25))):
    model = identity((len(paths),))
    rows = len(paths[0])
    return build_plan(
        model,
        measurement(),
        positions(rows),
        windows,
        [LevelPaths("D1", paths, share or ["0" * rows], 0.1, 0.5, 0.8, 0)],
    )


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("rff", "first row"),
        ("0ff", "first row"),
        ("ff", "3 letters"),
        ("ff2", "does not define"),
        ("ffC", "does not define"),
        ("ffx", "does not define"),
        ("fAB", "residuals of two windows"),
    ],
)
def test_invalid_profile_is_refused_with_its_reason(path, reason):
    with pytest.raises(PlanError, match=reason):
        one_level(["fff", path])


@pytest.mark.parametrize("path", ["fffff", "frrrr", "f0r1r", "fAArA", "fAfBr", "fA0A1", "frA0r"])
def test_valid_profile_is_accepted(path):
    assert one_level([path]).profiles == (path,)


@pytest.mark.parametrize(
    "change",
    [
        {"positions": (1.0, 1.0, 0.5, 0.2, 0.1)},
        {"positions": (1.0, 0.9, float("nan"), 0.2, 0.1)},
        {"positions": (1.1, 0.9, 0.5, 0.2, 0.1)},
        {"positions": (True, 0.9, 0.5, 0.2, 0.1)},
        {"positions": (1.0, 0.9)},
        {"windows": ((0.5,), (0.25,))},
        {"windows": ((0.0, 0.5), (0.25, 0.25))},
        {"windows": ((0.5, 0.5),)},
        {"windows": ((0.5, 0.5),) * 11},
        {"pooled": (True,)},
        {"pooled": (True, False, True)},
        {"pooled": (1, 0)},
        {"pooled": "10"},
        {"levels": ()},
        {"profiles": ()},
        {"model": None},
    ],
)
def test_invalid_field_is_refused(change):
    rng = np.random.default_rng(0)
    plan = plan_of(rng, kinds=5, windows=2)
    assert any("1" in profile or "B" in profile for profile in plan.profiles)
    with pytest.raises(PlanError):
        dataclasses.replace(plan, **change)


def test_plan_whose_windows_pool_is_another_plan_and_none_that_pools_is_the_same():
    plan = one_level(["ff0", "ffA"])
    assert dataclasses.replace(plan, pooled=(False, False)) == plan
    assert dataclasses.replace(plan, pooled=(True, False)).id != plan.id


def test_profiles_must_be_sorted_and_used():
    plan = one_level(["ff0", "ffA"])
    with pytest.raises(PlanError, match="sorted"):
        dataclasses.replace(plan, profiles=plan.profiles[::-1])
    with pytest.raises(PlanError, match="every profile"):
        dataclasses.replace(plan, profiles=(*plan.profiles, "frr"))


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


def test_table_share_and_method_agree_with_the_profiles():
    plan = plan_of(np.random.default_rng(3), sites=(2, 3, 1), rows=7)
    for level in plan.levels:
        table, share = plan.table(level.name), plan.share(level)
        assert table.shape == (7, 6) and table.dtype == np.uint8
        assert share.shape == (7, 3)
        for site, (first, heads) in enumerate(zip(plan.model.offsets, (2, 3, 1), strict=False)):
            for row in range(7):
                assert share[row, site] == (level.share[site][row] == "1")
                for head in range(heads):
                    assert chr(table[row, first + head]) == plan.method(level.name, site, head, row)


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
    assert "flux" in other and "sd3" in other and "Calibrate" in other
    assert plan.why_not(identity((2, 4))) is not None
    finetuned = dataclasses.replace(plan.model, fingerprint="0" * 16)
    assert plan.model.fingerprint in plan.why_not(finetuned) and "0" * 16 in plan.why_not(finetuned)
    renamed = dataclasses.replace(plan.model, sites=(Site("other", 2), plan.model.sites[1]))
    assert plan.why_not(renamed) is not None


def test_all_full_plan_is_full():
    plan = all_full_plan(identity((2, 3)), measurement(), positions(4))
    assert (plan.table("D1") == ord("f")).all()
    assert not plan.share("D1").any()


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


def test_plain_text_makes_any_name_fit_for_a_note():
    text = plain_text("lo\nra\ud800.safetensors" + "x" * 500)
    assert measurement(device=text).device == text and text.startswith("lo?ra?.safetensors")


def letters(*rows):
    return np.array([[ord(letter) for letter in row] for row in rows], dtype=np.uint8)


def test_refreshes_are_exactly_the_full_rows_whose_residual_is_read():
    methods = letters("fff", "frB", "Brf", "fAr", "0rf")
    assert refresh_windows(methods).tolist() == [[-1, 0, 1], [1, -1, -1], [-1] * 3, [-1] * 3, [-1] * 3]


def test_sources_are_the_last_rows_that_computed_and_that_computed_in_full():
    methods = letters("ff", "0r", "rr", "Ar")
    output, full = sources(methods)
    assert output.tolist() == [[-1, -1], [0, 0], [1, 0], [1, 0]]
    assert full.tolist() == [[-1, -1], [0, 0], [0, 0], [0, 0]]
