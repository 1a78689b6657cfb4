"""What errors of successive steps add up to, against vectors: a table that holds exact squared distances between random
trajectories must give back the squared norms of their sums.

Exact only where everything that enters is in the table: every lag measured, one kind of error per head. Between kinds
(a reuse and the window loss that it repeats) nothing is counted, so mixed paths are only held to be finite.
"""

from __future__ import annotations

import warnings
from dataclasses import replace

import hypothesis.strategies as st
import numpy as np
import plans_oracle as oracle
import pytest
from hypothesis import given, settings
from plans_samples import as_methods as methods_of
from plans_samples import measurement, random_paths, table_of, with_costs

from ditfastattn.plans import ModelIdentity, fingerprint
from ditfastattn.plans.search import LEVELS, KeepAttention, solve_plan
from ditfastattn.plans.search.error_model import (
    FORGETTING,
    MOST_DRIFT_COSINE,
    Predictor,
    amplified,
    drift_cosines,
    way_cosines,
)
from ditfastattn.plans.search.evaluate import errors
from ditfastattn.plans.search.price_search import Search

ERRORS = ("way_error", "residual_error", "reuse_error", "share_error")
SEEDS = st.integers(0, 2**32 - 1)
ROWS = st.integers(2, 9)
QUICK = settings(max_examples=40, deadline=None)


@pytest.fixture(autouse=True)
def no_warning():
    """inf and nan are part of the arithmetic; numpy's warnings about them would reach the user's log."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def trajectories(rng, rows, sites=(2, 1), windows=2, drift=1.0, persistence=1.0):
    """(O (S, N, D), R (S, N, W, D)): outputs that wander, with a drift, and window losses with a part that stays."""
    heads, dim = sum(sites), 5
    steps = rng.normal(size=(rows, heads, dim)) + drift * rng.normal(size=(heads, dim))
    losses = rng.normal(size=(rows, heads, windows, dim)) + persistence * rng.normal(size=(heads, windows, dim))
    return np.cumsum(steps, axis=0) * 0.02, losses * 0.02


def exact_table(rng, outputs, losses, sites=(2, 1), ages=None, weight=None):
    """The table that a calibration of these trajectories would give; all ages unless said otherwise."""
    rows, _, windows, _ = losses.shape
    ages = rows - 1 if ages is None else ages
    weight = np.exp(rng.normal(size=(rows, len(sites)))) if weight is None else weight
    table = table_of(rng, sites, rows, windows, ages, endless=0)
    per_head = weight[:, table.site_of_head]

    def apart(vectors):
        result = np.full((*vectors.shape[:-1], ages), np.inf)
        for age in range(1, min(ages, rows - 1) + 1):
            distance = ((vectors[:-age] - vectors[age:]) ** 2).sum(-1)
            result[age:, ..., age - 1] = distance * per_head[age:].reshape(-1, table.heads, *[1] * (distance.ndim - 2))
        return result

    return replace(
        table,
        way_error=(losses**2).sum(-1) * per_head[..., None],
        residual_error=apart(losses),
        reuse_error=apart(outputs),
        weight=weight,
    )


def drawn(seed, rows, **changes):
    rng = np.random.default_rng(seed)
    outputs, losses = trajectories(rng, rows, **changes)
    return rng, outputs, losses, exact_table(rng, outputs, losses)


def head_errors(table, methods):
    return Predictor(table).head_errors(methods)


def sharing_errors(table, share):
    return Predictor(table).sharing_errors(share)


def predicted_error(table, methods, share):
    return Predictor(table).predicted_error(methods, share)


def paths_from(rng, letters, rows, heads=3):
    return ["f" + "".join(rng.choice(list(letters), size=rows - 1)) for _ in range(heads)]


def summed_errors(table, outputs, losses, paths):
    """Squared norm of the sum of each head's weighted error vectors, as they would come out: (N,)."""
    result = []
    for head, path in enumerate(paths):
        total, output, full = 0.0, None, 0
        amplitude = np.sqrt(table.weight[:, table.site_of_head[head]])
        for row, letter in enumerate(path):
            now, lost = outputs[row, head], losses[row, head]
            if letter == "f":
                output, full = now, row
            elif letter.isdigit():
                output = now - lost[int(letter)]
            elif letter != "r":
                k = ord(letter) - ord("A")
                output = now - lost[k] + losses[full, head, k]
            total = total + amplitude[row] * (output - now)
        result.append((total**2).sum())
    return np.array(result)


# -- the error of given methods ------------------------------------------------------------------------------------


@QUICK
@given(SEEDS, ROWS, st.sampled_from(["f0", "f1", "fr", "fA", "fB"]))
def test_paths_of_one_kind_err_by_the_norm_of_their_summed_errors(seed, rows, letters):
    rng, outputs, losses, table = drawn(seed, rows)
    paths = paths_from(rng, letters, rows)
    exact = summed_errors(table, outputs, losses, paths)
    np.testing.assert_allclose(head_errors(table, methods_of(paths)), exact, rtol=1e-6, atol=1e-12)


def test_each_head_is_taken_by_itself():
    rng, outputs, losses, table = drawn(0, 7)
    paths = ["f000000", "frrfrrr", "fAAfAAA"]
    found = head_errors(table, methods_of(paths))
    np.testing.assert_allclose(found, summed_errors(table, outputs, losses, paths))
    for head in range(3):
        alone = ["f" * 7] * 3
        alone[head] = paths[head]
        others = np.delete(head_errors(table, methods_of(alone)), head)
        assert head_errors(table, methods_of(alone))[head] == pytest.approx(found[head]) and not others.any()


def test_a_method_at_one_row_errs_as_the_table_says():
    rng, outputs, losses, table = drawn(0, 6)
    for letter in "01ABr":
        paths = [f"fff{letter}ff"] * 3
        found = head_errors(table, methods_of(paths))
        np.testing.assert_allclose(found, errors(table, methods_of(paths)).sum(axis=0))
        np.testing.assert_allclose(found, [oracle.error_of(table, head, paths[head]) for head in range(3)])


@QUICK
@given(SEEDS, ROWS)
def test_reuses_are_crossed_with_each_other_whatever_they_repeat(seed, rows):
    """Exact with windows that lose nothing: what they lose is not crossed with how far the output has drifted."""
    rng, outputs, losses, _ = drawn(seed, rows)
    table = exact_table(rng, outputs, 0.0 * losses)
    paths = random_paths(rng, 3, rows, 2)
    exact = summed_errors(table, outputs, 0.0 * losses, paths)
    np.testing.assert_allclose(head_errors(table, methods_of(paths)), exact, rtol=1e-6, atol=1e-12)


@QUICK
@given(SEEDS, ROWS)
def test_a_reused_window_adds_to_other_windows_in_amplitude(seed, rows):
    """Exact where outputs stand still, losses do too, and all rows weigh alike."""
    rng = np.random.default_rng(seed)
    outputs, losses = (array[:1].repeat(rows, axis=0) for array in trajectories(rng, rows))
    table = exact_table(rng, outputs, losses, weight=np.full((rows, 2), 1.7))
    paths = paths_from(rng, "f0r", rows)
    np.testing.assert_allclose(
        head_errors(table, methods_of(paths)), summed_errors(table, outputs, losses, paths), rtol=1e-6, atol=1e-12
    )


def test_two_sizes_of_window_add_with_the_cosine_of_the_later_one():
    rng, outputs, losses, _ = drawn(0, 6)
    losses[:, :, 0] = 1.5 * losses[:, :, 1]  # losses of the narrower window point the same way
    table = exact_table(rng, outputs, losses)
    paths = ["f01101", "f10010", "f11f00"]
    np.testing.assert_allclose(head_errors(table, methods_of(paths)), summed_errors(table, outputs, losses, paths))


def test_two_sizes_whose_losses_change_otherwise_take_the_later_ones_cosine():
    rng, outputs, losses, table = drawn(0, 4)
    cosine = way_cosines(table, np.sqrt(table.weight)[:, table.site_of_head], 1)[1, 3]
    first, second = table.way_error[1, :, 0], table.way_error[3, :, 1]
    for paths in (["f0f1"] * 3, ["f1f0"] * 3):
        if paths[0] == "f1f0":
            first, second = table.way_error[1, :, 1], table.way_error[3, :, 0]
        expected = first + second + 2 * cosine * np.sqrt(first * second)
        np.testing.assert_allclose(head_errors(table, methods_of(paths)), expected)


def test_errors_that_repeat_add_in_amplitude_and_errors_that_alternate_cancel():
    rng, outputs, losses, _ = drawn(0, 5)
    same = losses[:1].repeat(5, axis=0)
    ones = np.ones((5, 2))
    paths = methods_of(["f0000"] * 3)
    table = exact_table(rng, outputs, same, weight=ones)
    np.testing.assert_allclose(head_errors(table, paths), 16 * table.way_error[0, :, 0])
    table = exact_table(rng, outputs, same * np.array([1, 1, -1, 1, -1])[:, None, None, None], weight=ones)
    np.testing.assert_allclose(head_errors(table, paths), 0, atol=1e-12)


def test_windows_farther_apart_than_was_measured_forget_each_other_slowly():
    rng, outputs, losses, _ = drawn(0, 8)
    same = losses[:1].repeat(8, axis=0)
    table = exact_table(rng, outputs, same, ages=2)
    cosine = way_cosines(table, np.sqrt(table.weight)[:, table.site_of_head], 0)
    lag = np.abs(np.subtract.outer(np.arange(8), np.arange(8)))
    np.testing.assert_allclose(cosine, np.broadcast_to((FORGETTING ** np.maximum(lag - 2, 0))[..., None], cosine.shape))


SPACED = "ffrfrfrfr"  # two reuses are two rows apart, and their rows' distances up to three


@pytest.mark.parametrize("ages", [1, 2])
def test_reuses_too_far_apart_to_tell_are_taken_for_independent(ages):
    rng, outputs, losses, _ = drawn(0, 9)
    table, methods = exact_table(rng, outputs, losses, ages=ages), methods_of([SPACED] * 3)
    np.testing.assert_allclose(head_errors(table, methods), errors(table, methods).sum(axis=0))


@pytest.mark.parametrize("ages", [3, 5, 7])
def test_reuses_farther_apart_than_was_measured_go_on_to_point_the_same_way(ages):
    """A steady drift: the more ages are measured, the nearer to the whole, which is not overstated."""
    rng, outputs, losses, _ = drawn(0, 9)
    steady = np.arange(9)[:, None, None] * outputs[:1]
    table, methods = exact_table(rng, steady, losses, ages=ages), methods_of([SPACED] * 3)
    exact = summed_errors(table, steady, losses, [SPACED] * 3)
    found, own = head_errors(table, methods), errors(table, methods).sum(axis=0)
    assert (found > own + 0.5 * (exact - own)).all() and (found <= exact * (1 + 1e-9)).all()


def test_two_far_reuses_have_the_drifts_cosine_to_the_power_of_their_spacing():
    rng, outputs, losses, _ = drawn(0, 9)
    steady = np.arange(9)[:, None, None] * outputs[:1]
    table = exact_table(rng, steady, losses, ages=3)
    one, other = table.reuse_error[1, :, 0], table.reuse_error[7, :, 0]
    expected = one + other + 2 * np.sqrt(one * other) * MOST_DRIFT_COSINE**3  # six rows apart, two to a step of drift
    np.testing.assert_allclose(head_errors(table, methods_of(["frfffffrf"] * 3)), expected)


# -- sharing -------------------------------------------------------------------------------------------------------


def shared_vectors(rng, rows, sites, cosine):
    """Vectors whose cosines between any two rows are the products of those of neighbours: (S, sites, D)."""
    result = np.zeros((rows, sites, rows))
    result[0, :, 0] = 1.0
    for row in range(1, rows):
        result[row] = cosine[row][:, None] * result[row - 1]
        result[row, :, row] = np.sqrt(1 - cosine[row] ** 2)
    return result * rng.uniform(0.5, 2, (rows, sites, 1))


@QUICK
@given(SEEDS, ROWS)
def test_sharing_errs_by_the_norm_of_its_summed_errors(seed, rows):
    rng = np.random.default_rng(seed)
    cosine = rng.uniform(0, 1, (rows, 2))
    vectors = shared_vectors(rng, rows, 2, cosine)
    table = replace(table_of(rng, rows=rows), share_error=(vectors**2).sum(-1), share_cosine=cosine)
    share = rng.uniform(size=(rows, 2)) < 0.5
    exact = ((vectors * share[..., None]).sum(axis=0) ** 2).sum(-1)
    np.testing.assert_allclose(sharing_errors(table, share), exact, rtol=1e-6, atol=1e-12)


def test_sharing_where_it_was_not_measured_is_endless_and_elsewhere_free():
    table = table_of(np.random.default_rng(0), rows=4)  # its share errors are inf
    table = replace(table, share_cosine=np.array([[0.0, 0.9]] * 4))
    share = np.zeros((4, 2), bool)
    assert sharing_errors(table, share).tolist() == [0, 0]
    share[1:3, 0] = True
    assert sharing_errors(table, share).tolist() == [np.inf, 0]
    assert predicted_error(table, methods_of(["ffff"] * 3), share) == np.inf


# -- cosines -------------------------------------------------------------------------------------------------------


def gappy(seed, rows, ages):
    """A random table, with cells missing and distances that no vectors have."""
    rng = np.random.default_rng(seed)
    table = table_of(rng, (1, 2), rows, 2, ages, share=seed % 2 == 0, endless=rng.uniform(0, 0.9))
    share = np.where(rng.uniform(size=table.share_error.shape) < 0.2, np.inf, table.share_error)
    weight = np.exp(rng.normal(0, 3, table.weight.shape)) * (rng.uniform(size=table.weight.shape) > 0.1)
    return replace(table, share_error=share, weight=weight, share_cosine=rng.uniform(0, 1, table.weight.shape))


@QUICK
@given(SEEDS, st.integers(1, 8), st.integers(0, 5))
def test_way_cosines_are_cosines_whatever_was_measured(seed, rows, ages):
    table = gappy(seed, rows, ages)
    for k in range(2):
        cosine = way_cosines(table, np.sqrt(table.weight)[:, table.site_of_head], k)
        assert cosine.shape == (rows, rows, 3) and (np.abs(cosine) <= 1).all()
        assert (cosine[np.arange(rows), np.arange(rows)] == 1).all()
        np.testing.assert_array_equal(cosine, cosine.transpose(1, 0, 2))


@QUICK
@given(SEEDS, ROWS)
def test_way_cosines_are_those_of_the_losses(seed, rows):
    rng, outputs, losses, table = drawn(seed, rows)
    unit = losses[:, :, 1] / np.linalg.norm(losses[:, :, 1], axis=-1, keepdims=True)
    found = way_cosines(table, np.sqrt(table.weight)[:, table.site_of_head], 1)
    np.testing.assert_allclose(found, np.einsum("snd,tnd->stn", unit, unit), atol=1e-6)


def test_a_steady_drift_is_found_and_a_random_walk_has_none():
    rng = np.random.default_rng(0)
    outputs, losses = trajectories(rng, 9)
    steady = np.arange(9)[:, None, None] * outputs[:1]
    table = exact_table(rng, steady, losses)
    amplitude = np.sqrt(table.weight)[:, table.site_of_head]
    np.testing.assert_allclose(drift_cosines(table.reuse_error, amplitude), MOST_DRIFT_COSINE)
    walk = np.zeros((9, 3, 9))
    for row in range(1, 9):
        walk[row] = walk[row - 1]
        walk[row, :, row] = 1.0
    table = exact_table(rng, walk, losses)
    np.testing.assert_allclose(drift_cosines(table.reuse_error, amplitude), 0, atol=1e-9)


def test_the_drifts_cosine_is_that_of_steps_two_rows_apart_weighted_as_errors_are():
    rng, outputs, losses, _ = drawn(0, 9, drift=0.3)
    outputs[5:] += outputs[4]  # neither steady nor without drift
    table = exact_table(rng, outputs, losses)
    amplitude = np.sqrt(table.weight)[:, table.site_of_head]
    steps = np.diff(outputs, axis=0) * amplitude[1:, :, None]  # steps[s - 1] leads to row s
    late, early = steps[3:], steps[1:-2]  # those that lead to rows 4 to 8, and to 2 to 6: row 0 tells nothing
    inner = (late * early).sum((0, 2))
    norms = (np.linalg.norm(late, axis=-1) * np.linalg.norm(early, axis=-1)).sum(0)
    found = drift_cosines(table.reuse_error, amplitude)
    np.testing.assert_allclose(found, np.clip(inner / norms, 0, MOST_DRIFT_COSINE), atol=1e-9)
    assert ((found > 0.01) & (found < MOST_DRIFT_COSINE)).any()


@QUICK
@given(SEEDS, st.integers(1, 9), st.integers(0, 5))
def test_drift_cosines_stay_within_their_bounds_whatever_was_measured(seed, rows, ages):
    table = gappy(seed, rows, ages)
    amplitude = np.sqrt(table.weight)[:, table.site_of_head]
    for error, scale in ((table.reuse_error, amplitude), (table.residual_error, amplitude[..., None])):
        cosine = drift_cosines(error, scale)
        assert cosine.shape == error.shape[1:-1] and (cosine >= 0).all() and (cosine <= MOST_DRIFT_COSINE).all()


# -- the table that is searched ------------------------------------------------------------------------------------


@QUICK
@given(SEEDS, st.integers(1, 8), st.integers(0, 5))
def test_amplifying_never_lowers_an_error_nor_makes_one_out_of_none(seed, rows, ages):
    table = gappy(seed, rows, ages)
    raised = amplified(table)
    for name in ERRORS:
        before, after = getattr(table, name), getattr(raised, name)
        np.testing.assert_array_equal(np.isinf(after), np.isinf(before))
        assert (after >= before).all()
    assert raised.costs is table.costs


def test_errors_of_different_rows_that_are_orthogonal_are_left_as_they_are():
    rng = np.random.default_rng(0)
    rows = 6
    basis = np.eye(rows)[:, None, None, :] * rng.uniform(0.5, 2, (rows, 3, 2, 1))
    table = exact_table(rng, basis[:, :, 0], basis)
    table = replace(table, share_error=rng.uniform(size=(rows, 2)), share_cosine=np.zeros((rows, 2)))
    raised = amplified(table)
    np.testing.assert_allclose(raised.way_error, table.way_error)
    np.testing.assert_allclose(raised.share_error, table.share_error)
    # Reuses of one source always have it in common, but those of age 1 are the first of theirs, and nothing drifts.
    np.testing.assert_allclose(raised.reuse_error[..., 0], table.reuse_error[..., 0])
    np.testing.assert_allclose(raised.residual_error[..., 0], table.residual_error[..., 0])


def test_losses_that_alternate_are_not_taken_to_cancel():
    rng, outputs, losses, _ = drawn(0, 6)
    sign = np.array([1, -1] * 3)[:, None, None, None]
    table = exact_table(rng, outputs, losses[:1] * sign)
    raised = amplified(table)
    assert (raised.way_error >= table.way_error).all()
    rows, first = table.weight[:, table.site_of_head], table.way_error[0, :, 0] / table.weight[0, table.site_of_head]
    signed = np.sqrt(rows) * sign[:, :, 0, 0]
    around = np.maximum(signed * signed.sum(axis=0) - rows, 0)
    np.testing.assert_allclose(raised.way_error[:, :, 0], first * (rows + 0.5 * around))


def test_reuses_of_a_steady_drift_are_charged_for_those_from_other_sources():
    rng, outputs, losses, _ = drawn(0, 9)
    table = exact_table(rng, np.arange(9)[:, None, None] * outputs[:1], losses)
    others = 2 * MOST_DRIFT_COSINE / (1 - MOST_DRIFT_COSINE)  # the geometric series, to both sides
    for persistence in (0.0, 0.5):
        raised = amplified(table, persistence)
        np.testing.assert_allclose(raised.reuse_error[..., 0], (1 + persistence * others) * table.reuse_error[..., 0])


@QUICK
@given(SEEDS, ROWS)
def test_windows_at_every_row_cost_all_their_cross_terms_once_all_persist(seed, rows):
    """At a persistence of 1 the cells' sum is the whole norm, of windows and of sharing, where no pair cancels."""
    rng = np.random.default_rng(seed)
    outputs, losses = trajectories(rng, rows)
    table = exact_table(rng, outputs, np.abs(losses))
    table = replace(table, share_error=rng.uniform(size=(rows, 2)), share_cosine=rng.uniform(size=(rows, 2)))
    raised = amplified(table, persistence=1.0)
    amplitude = np.sqrt(table.weight)[:, table.site_of_head]
    summed = ((np.abs(losses) * amplitude[..., None, None]).sum(axis=0) ** 2).sum(-1)
    np.testing.assert_allclose(raised.way_error.sum(axis=0), summed, rtol=1e-6)
    everywhere = np.ones((rows, 2), bool)
    np.testing.assert_allclose(raised.share_error.sum(axis=0), sharing_errors(table, everywhere))


@QUICK
@given(SEEDS, ROWS, st.sampled_from("rA"))
def test_a_run_of_one_source_costs_its_whole_norm_in_the_searched_table(seed, rows, letter):
    """Cells of one source's ages sum to the norm of the errors so far, where no pair cancels and nothing drifts."""
    rng, outputs, losses, _ = drawn(seed, rows)
    # Away from the source, and farther with every row: no two of the errors point away from each other.
    outputs = np.cumsum(np.abs(outputs), axis=0)
    losses = np.cumsum(np.abs(losses), axis=0)
    table = exact_table(rng, outputs, losses)
    raised = amplified(table, persistence=0.0)
    paths = ["f" + letter * (rows - 1)] * 3
    found = errors(raised, methods_of(paths)).sum(axis=0)
    np.testing.assert_allclose(found, summed_errors(table, outputs, losses, paths), rtol=1e-6)


# -- predictions ---------------------------------------------------------------------------------------------------


@QUICK
@given(SEEDS, st.integers(1, 8), st.integers(0, 5))
def test_no_methods_have_an_error_that_is_not_a_number(seed, rows, ages):
    table, rng = gappy(seed, rows, ages), np.random.default_rng(seed)
    methods = methods_of(random_paths(rng, 3, rows, 2))
    found = head_errors(table, methods)
    assert (found >= 0).all()
    np.testing.assert_array_equal(np.isinf(found), np.isinf(errors(table, methods).sum(axis=0)))
    assert predicted_error(table, methods, rng.uniform(size=(rows, 2)) < 0.5) >= 0


@QUICK
@given(SEEDS, st.integers(1, 8), st.integers(0, 4), st.sampled_from([0.01, 0.1, 1.0, 1e6]))
def test_what_the_solver_finds_has_a_finite_error(seed, rows, ages, target):
    table = gappy(seed, rows, ages)
    for searched in (table, amplified(table)):
        point = Search(searched).solve(target_error=target).point
        assert np.isfinite(predicted_error(table, point.methods, point.share))


def test_errors_of_many_solutions_are_those_of_each_alone():
    table, rng = gappy(0, 8, 3), np.random.default_rng(0)
    predictor = Predictor(table)
    for _ in range(20):  # out of few profiles, so that most heads' methods have been there before
        methods = methods_of(random_paths(np.random.default_rng(rng.integers(4)), 3, 8, 2))
        np.testing.assert_allclose(predictor.head_errors(methods), head_errors(table, methods))


def test_full_everywhere_has_no_error():
    table = gappy(0, 5, 3)
    assert predicted_error(table, methods_of(["fffff"] * 3), np.zeros((5, 2), bool)) == 0


def model_of(table):
    return ModelIdentity("flux", fingerprint("flux"), table.sites, 128, 3072)


def predicted_of(table, plan, level):
    return predicted_error(table, plan.table(level), plan.share(level))


@settings(max_examples=12, deadline=None)
@given(SEEDS, st.integers(2, 8), st.booleans())
def test_levels_keep_their_promise_with_what_their_rows_add_up_to(seed, rows, share):
    rng = np.random.default_rng(seed)
    sites = (2, 1)
    outputs, losses = trajectories(rng, rows, persistence=3.0)
    table = exact_table(rng, outputs, losses, weight=np.full((rows, 2), rng.lognormal(0, 2)))
    if share:
        table = replace(table, share_error=rng.lognormal(-8, 1, (rows, len(sites))))
        table = with_costs(table, share_saving=np.full(2, 0.5))
    plan = solve_plan(table, model_of(table), measurement()).plan
    for level, (_, target) in zip(plan.levels, LEVELS, strict=True):
        assert predicted_of(table, plan, level) <= target
        assert level.predicted_error == pytest.approx(predicted_of(table, plan, level), rel=1e-3)


def test_levels_use_most_of_what_they_may_err():
    rng = np.random.default_rng(0)
    sites = (4,) * 6
    outputs, losses = trajectories(rng, 12, sites, persistence=3.0)
    table = exact_table(rng, outputs, losses, sites, weight=np.full((12, 6), 0.3))
    plan = solve_plan(table, model_of(table), measurement()).plan
    for level, (_, target) in zip(plan.levels, LEVELS, strict=True):
        assert 0.8 * target <= level.predicted_error <= target


@pytest.mark.parametrize("goal", [0.1, KeepAttention(0.5)])
def test_a_plan_says_what_its_rows_add_up_to_and_not_what_the_search_took_them_for(goal):
    rng, outputs, losses, table = drawn(0, 8)
    plan = solve_plan(table, model_of(table), measurement(), levels=(("D1", goal),)).plan
    (level,) = plan.levels
    found = predicted_of(table, plan, level)
    assert level.predicted_error == pytest.approx(found, rel=1e-3)
    assert found != pytest.approx(float(np.sqrt(errors(table, plan.table(level)).sum())), rel=1e-2)
