"""How deviations go on: what is read from a sampler's steps, and the table of what models answer."""

import numpy as np
import pytest

from host import tiny

tiny.require_host()

from ditfastattn.attention.calibration.course import ACROSS, ALONG, MOST_GUIDANCE, NOISE, course  # noqa: E402
from ditfastattn.attention.calibration.propagation import euler_shares, growth, reach  # noqa: E402

pytestmark = pytest.mark.host
LEVELS = np.array([1.0, 0.9, 0.6, 0.3, 0.1])
SIGNAL, SCALE = 1 - np.append(LEVELS, 0), np.ones(6)


def test_an_euler_step_keeps_of_a_deviation_what_it_keeps_of_the_noise():
    found = course(euler_shares(LEVELS), SIGNAL, SCALE, 1.0)
    grown = np.sqrt(growth(SIGNAL, SCALE))
    noise = np.append(LEVELS, 0)[1:] / LEVELS
    assert np.allclose(found.keeps[1:], (noise * grown[1:] / grown[:-1])[1:])
    assert found.keeps[0] == 0  # nothing deviates in pure noise
    assert np.allclose(found.takes[:, 0], np.sqrt(reach(euler_shares(LEVELS), SIGNAL, SCALE)))


def test_the_same_run_of_a_model_that_samples_picture_plus_noise_has_the_same_course():
    level = LEVELS[1:]
    sigma = level / (1 - level)
    flow = course(euler_shares(level), 1 - np.append(level, 0), np.ones(5), 4.0)
    ends = np.append(sigma, 0)
    other = course(euler_shares(sigma), 1 / (1 + ends), 1 + ends, 4.0)
    for name in ("takes", "keeps", "answers"):
        assert np.allclose(getattr(flow, name), getattr(other, name))


def test_a_deviation_that_every_prediction_goes_along_with_stays_in_proportion_to_the_picture():
    found = course(euler_shares(LEVELS), SIGNAL, SCALE, 1.0)
    grown = np.sqrt(growth(SIGNAL, SCALE))
    units = SIGNAL * grown  # of a deviation as large as the picture in the latent
    for row in range(1, len(LEVELS)):
        assert found.keeps[row] * units[row] + found.takes[row, 0] == pytest.approx(units[row + 1])


def test_answers_are_those_of_the_table_and_in_between_in_noise_and_guidance():
    def at(noise, guidance):
        level = np.array([noise, noise / 2])
        return course(euler_shares(level), 1 - np.append(level, 0), np.ones(3), guidance).answers[0]

    for number, noise in enumerate(NOISE[1:-1], start=1):
        for column, scale in enumerate((1.0, 4.0)):
            assert np.allclose(at(noise, scale), (ALONG[column][number], ACROSS[column][number]))
    assert np.allclose(at(0.625, 2.5), (at(0.6, 1.0) + at(0.65, 1.0) + at(0.6, 4.0) + at(0.65, 4.0)) / 4)
    assert np.allclose(at(0.9, MOST_GUIDANCE), at(0.9, 100.0))


def test_steps_between_those_of_a_plan_belong_to_the_one_before():
    shares = euler_shares(LEVELS)
    whole, some = course(shares, SIGNAL, SCALE, 1.0), course(shares, SIGNAL, SCALE, 1.0, [0, 1, 3])
    assert np.allclose(some.takes[:, 0], [whole.takes[0, 0], whole.takes[1:3].sum(), whole.takes[3:].sum()])
    assert some.answers.shape == (3, 2) and np.allclose(some.answers, whole.answers[[0, 1, 3]])
    assert (some.keeps >= 0).all()
