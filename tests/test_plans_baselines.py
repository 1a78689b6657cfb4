"""The papers' rules on the same calibration: valid, within the target, and never ahead of the search."""

from __future__ import annotations

import math

import numpy as np
import plans_oracle as oracle
import pytest
from plans_samples import table_of

from ditfastattn.plans import solve
from ditfastattn.plans.baselines import headwise, layerwise

RULES = [layerwise, headwise]


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(("projection", "share"), [(0.0, False), (1.0, True)])
@pytest.mark.parametrize("target", [0.02, 0.1, 0.3])
def test_rule_meets_the_target_and_the_search_is_at_least_as_good(rule, projection, share, target):
    table = table_of(np.random.default_rng(0), (4,) * 6, 10, windows=3, ages=4, projection=projection, share=share)
    baseline, best = rule(table, target), solve(table, target_error=target)
    assert baseline.reached and baseline.predicted_error <= target
    assert baseline.predicted_error == pytest.approx(oracle.error_of_solution(table, baseline), rel=1e-9, abs=1e-15)
    assert baseline.model_flops_kept == pytest.approx(oracle.kept_of(table, baseline)[1], rel=1e-9)
    assert best.model_flops_kept <= baseline.model_flops_kept + 1e-9


def test_layers_take_one_method_for_all_heads():
    table = table_of(np.random.default_rng(1), (4,) * 6, 10, windows=2, ages=4, share=True)
    solution = layerwise(table, 0.3)
    for first in range(0, 24, 4):
        assert len(set(solution.paths[first : first + 4])) == 1
    assert len(set(solution.paths)) > 1


def test_heads_take_windows_and_reuse_but_no_residual():
    solution = headwise(table_of(np.random.default_rng(1), (4,) * 6, 10, windows=2, ages=4), 0.3)
    letters = set("".join(solution.paths))
    assert letters <= set("fr01") and len(letters) > 2


@pytest.mark.parametrize("rule", RULES)
def test_extremes(rule):
    table = table_of(np.random.default_rng(0), (2, 2), 6, windows=2, ages=2, endless=0.5)
    assert set(rule(table, 0.0).paths) == {"ffffff"}
    assert math.isfinite(rule(table, 10.0).predicted_error)
    bare = table_of(np.random.default_rng(0), (2,), 4, windows=0, ages=1)
    assert set("".join(rule(bare, 0.5).paths)) <= set("fr")
