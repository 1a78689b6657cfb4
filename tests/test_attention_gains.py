"""Gains and reach: from an error in a head to an error of the final latent, on made-up figures with known answers."""

import numpy as np
import pytest

from ditfastattn.attention.gains import MOST_GROUPS, Probes, reach


@pytest.mark.parametrize("sites,steps", [(4, 20), (57, 28), (57, 50), (1, 20), (2, 5), (30, 100)])
def test_gains_that_are_a_product_are_found_from_the_few_probes_there_are(sites, steps):
    probes = Probes(sites, steps)
    by_site = np.exp(np.linspace(-1, 1, MOST_GROUPS))
    group_gain, errors = {}, np.random.default_rng(0).uniform(0.5, 2, (steps, sites))
    count = 0
    for step in range(steps):
        for group in probes.due(step):
            count += 1
            group_gain[group] = by_site[group]
            put_in = errors[step, list(probes.sites(group))].sum()
            probes.add(group, step, by_site[group] * np.exp(-3 * step / steps) * put_in)
    gains = probes.gains(errors)
    assert count <= max(4, round(0.2 * steps)) and gains.shape == (steps, sites)
    probed = [step for step in range(steps) if probes.due(step)]
    for group, gain in group_gain.items():
        for site in probes.sites(group):
            np.testing.assert_allclose(gains[probed, site], gain * np.exp(-3 * np.array(probed) / steps), rtol=0.02)


def test_every_site_belongs_to_one_group():
    probes = Probes(57, 50)
    groups = sorted({group for step in range(50) for group in probes.due(step)})
    assert [site for group in groups for site in probes.sites(group)] == list(range(57))


@pytest.mark.parametrize("sites,steps", [(1, 1), (3, 2), (4, 3)])
def test_short_runs_have_gains_too(sites, steps):
    probes = Probes(sites, steps)
    errors = np.ones((steps, sites))
    for step in range(steps):
        for group in probes.due(step):
            probes.add(group, step, 0.5)
    gains = probes.gains(errors)
    assert gains.shape == (steps, sites) and (gains > 0).all()


def test_reach_of_the_last_step_is_all_of_its_error_and_grows_with_the_step():
    sigmas = np.array([1.0, 0.75, 0.5, 0.25])
    flow = reach(sigmas, 1 - sigmas)
    assert flow[-1] == pytest.approx(1 / (0.75**2 + 1 / 36))
    plain = reach(sigmas, np.ones(4))
    assert plain == pytest.approx(np.array([0.25, 1 / 3, 0.5, 1.0]) ** 2 / (1 + 1 / 36))
    assert (flow[:-1] > plain[:-1]).all()
