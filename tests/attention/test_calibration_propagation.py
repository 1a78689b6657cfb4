"""Gains and reach: from an error in a head to an error of the final latent, on made-up figures with known answers."""

import numpy as np
import pytest

from ditfastattn.attention.calibration.propagation import (
    MOST_FACTOR,
    MOST_GROUPS,
    MOST_GROWTH,
    PROBE_FRACTION,
    REUSED,
    WINDOWED,
    Probes,
    euler_shares,
    growth,
    reach,
)

SHAPES = [(4, 20), (57, 28), (57, 50), (1, 20), (2, 5), (30, 100)]


def errors_of(steps, sites, seed=0):
    return np.random.default_rng(seed).uniform(0.5, 2, (2, steps, sites))


def answered(probes, by_site, factor, windowed, reused, kept=None):
    """Tell probes what a model with these gains at the probed step would have answered."""
    for probe in probes.due(probes.step):
        kind = windowed if probe.kind == WINDOWED else reused * factor
        sites = probes.sites(probe.group) if probe.kind == WINDOWED else kept or tuple(range(len(by_site)))
        probes.add(probe, sites, float((kind[probes.step] * by_site)[list(sites)].sum()))


@pytest.mark.parametrize("sites,steps", SHAPES)
@pytest.mark.parametrize("factor", [0.2, 1.0, 6.0])
def test_gains_that_are_a_product_are_found_from_the_few_probes_there_are(sites, steps, factor):
    probes = Probes(sites, steps)
    sigmas = np.linspace(1.0, 0.1, steps)
    windowed, reused = errors_of(steps, sites)
    group_of = np.zeros(sites, int)
    for probe in probes.list:
        if probe.kind == WINDOWED:
            group_of[list(probes.sites(probe.group))] = probe.group
    by_site = np.array([0.3, 1.7, 0.9, 2.5])[group_of]
    answered(probes, by_site, factor, windowed, reused)
    gains, found = probes.gains(sigmas, windowed, reused)
    assert found == pytest.approx(factor)
    np.testing.assert_allclose(gains, (sigmas / sigmas[probes.step])[:, None] ** 2 * by_site)


@pytest.mark.parametrize("sites,steps", SHAPES)
def test_probes_are_few_and_all_at_one_step_that_has_one_before_it(sites, steps):
    probes = Probes(sites, steps)
    asked = {step: probes.due(step) for step in range(steps)}
    assert [step for step, due in asked.items() if due] == [probes.step] and 1 <= probes.step < steps
    assert len(asked[probes.step]) <= min(MOST_GROUPS + 1, max(2, round(PROBE_FRACTION * steps)))
    assert [probe.kind for probe in asked[probes.step]].count(REUSED) == 1


@pytest.mark.parametrize("sites,steps", SHAPES)
def test_every_site_belongs_to_one_group(sites, steps):
    probes = Probes(sites, steps)
    groups = [probe.group for probe in probes.list if probe.kind == WINDOWED]
    assert [site for group in groups for site in probes.sites(group)] == list(range(sites))


def test_the_factor_of_reuse_is_found_from_the_sites_that_could_be_kept():
    probes = Probes(10, 20)
    windowed, reused = errors_of(20, 10)
    answered(probes, np.ones(10), 3.0, windowed, reused, kept=(0, 4, 8))
    assert probes.gains(np.ones(20), windowed, reused)[1] == pytest.approx(3.0)


@pytest.mark.parametrize("factor,limit", [(1e9, MOST_FACTOR), (1e-9, 1 / MOST_FACTOR)])
def test_the_factor_of_reuse_is_bounded(factor, limit):
    probes = Probes(4, 20)
    windowed, reused = errors_of(20, 4)
    answered(probes, np.ones(4), factor, windowed, reused)
    assert probes.gains(np.ones(20), windowed, reused)[1] == pytest.approx(limit)


def test_a_group_whose_probe_showed_nothing_has_the_gain_of_the_others():
    probes = Probes(8, 40)
    windowed, reused = np.ones((2, 40, 8))
    for probe in probes.list:
        sites = probes.sites(probe.group) if probe.kind == WINDOWED else ()
        probes.add(probe, sites, {0: 0.0, None: 0.0}.get(probe.group, 2.0 * len(sites)))
    gains, factor = probes.gains(np.ones(40), windowed, reused)
    np.testing.assert_allclose(gains, 2.0)
    assert factor == 1.0


def test_sites_that_were_not_measured_leave_the_gains_finite():
    probes = Probes(4, 20)
    windowed, reused = errors_of(20, 4)
    answered(probes, np.ones(4), 1.0, windowed, reused)
    windowed[:, 1] = reused[:, 2] = np.nan
    gains, factor = probes.gains(np.linspace(1, 0.1, 20), windowed, reused)
    assert np.isfinite(gains).all() and (gains > 0).all() and np.isfinite(factor)


@pytest.mark.parametrize("sites,steps", [(1, 1), (3, 1), (3, 2), (4, 3)])
def test_short_runs_have_gains_too(sites, steps):
    probes = Probes(sites, steps)
    windowed, reused = errors_of(steps, sites)
    for step in range(steps):
        for probe in probes.due(step):
            probes.add(probe, probes.sites(probe.group) if probe.kind == WINDOWED else tuple(range(sites)), 0.5)
    gains, factor = probes.gains(np.linspace(1, 0.5, steps), windowed, reused)
    assert gains.shape == (steps, sites) and (gains > 0).all() and factor > 0


def test_the_whole_error_of_the_last_step_reaches_the_final_latent():
    sigmas = np.array([1.0, 0.75, 0.5, 0.25])
    signal, scale = 1 - np.append(sigmas, 0), np.ones(5)
    assert reach(euler_shares(sigmas), signal, scale)[-1] == pytest.approx(1 / (1 + MOST_GROWTH**-2))


def test_an_error_enters_with_the_share_of_its_step_and_grows_as_the_picture_does():
    sigmas = np.array([1.0, 0.75, 0.5, 0.25])
    share = np.array([0.25, 1 / 3, 0.5, 1.0])
    constant = reach(euler_shares(sigmas), np.ones(5), np.ones(5))
    assert constant == pytest.approx(share**2 / (1 + MOST_GROWTH**-2))
    flow = reach(euler_shares(sigmas), 1 - np.append(sigmas, 0), np.ones(5))
    assert flow / constant == pytest.approx(
        (1 + MOST_GROWTH**-2) / (np.array([0.25, 0.5, 0.75, 1]) ** 2 + MOST_GROWTH**-2)
    )


def test_a_part_that_the_next_step_takes_back_is_not_in_the_reach():
    shares = np.array([[0.15, 0.0], [0.15, -0.05], [0.1, -0.05]])
    assert reach(shares, np.ones(4), np.ones(4)) == pytest.approx(0.1**2 / (1 + MOST_GROWTH**-2))


def test_a_deviation_in_pure_noise_grows_by_a_bounded_factor():
    assert growth(np.zeros(1), np.ones(1)) == pytest.approx(MOST_GROWTH**2)
    assert growth(np.linspace(0, 1, 9), np.ones(9)).max() == pytest.approx(MOST_GROWTH**2)


def test_a_latent_that_the_host_scales_up_has_the_same_reach():
    """x = picture + sigma * noise is a flow's latent times 1 + sigma, at the flow's level sigma / (1 + sigma)."""
    level = np.array([0.9, 0.6, 0.3, 0.1])
    sigma = level / (1 - level)
    flow = growth(1 - level, np.ones(4))
    np.testing.assert_allclose(growth(1 / (1 + sigma), 1 + sigma) * (1 + sigma) ** 2, flow)
