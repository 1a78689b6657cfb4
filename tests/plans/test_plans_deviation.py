"""How far runs with forecasts deviate: held against runs of a model that is really there, in float64."""

from __future__ import annotations

import numpy as np
import pytest
from plans_samples import course_of

from ditfastattn.plans import PlanError
from ditfastattn.plans.search import Course
from ditfastattn.plans.search import deviation as module
from ditfastattn.plans.search.deviation import PICTURE, directions


def run_of(rows: int, size: int, seed: int = 0):
    """Predictions v (rows, size) of a dense run, of norm about 1, its noise levels, and an Euler sampler's takes."""
    generator = np.random.default_rng(seed)
    turns = np.cumsum(np.cumsum(generator.normal(size=(rows, size)), axis=0), axis=0)
    v = (generator.normal(size=size) + turns * 1.5 / rows**1.5) / np.sqrt(size)
    sigmas = np.linspace(1.0, 1 / rows, rows)
    return v, sigmas, 1.0 / np.arange(rows, 0, -1.0)


def followed(v, sigmas, takes, keeps, gains, evaluated, slopes, corrections, error=(None, 0.0)) -> np.ndarray:
    """The deviation in the end of a sampler whose model answers to a deviation with `gains` (rows, size) times it, one
    coordinate at a time: forecasts and corrections are carried out as `attention.replay.forecast` does. error: a row,
    and what its prediction is off by.
    """
    deviation, off, history, since = np.zeros(v.shape[1]), [], [], False
    for row, level in enumerate(sigmas):
        line = 0.0
        if len(history) > 1:
            (before, older), (last, newer) = history
            line = (newer - older) * (level - last) / (last - before)
        if evaluated[row]:
            prediction = used = v[row] + gains[row] * deviation + (error[1] if row == error[0] else 0.0)
            if since:
                used = prediction + corrections[row] * (prediction - history[-1][1]) + slopes[row] * line
            history, since = [*history[-1:], (level, prediction)], False
        else:
            used, since = history[-1][1] + slopes[row] * line, True
        off.insert(0, used - v[row])
        deviation = keeps[row] * deviation + sum(take * one for take, one in zip(takes[row], off))
    return deviation


MARKS = ["11011010011", "1010001101", "1001000100", "111111", "100000001"]


def numbers_of(marks: str, seed: int):
    generator = np.random.default_rng(seed)
    evaluated = np.array([mark == "1" for mark in marks])
    return evaluated, generator.uniform(0, 1, len(marks)), generator.uniform(0, 2, len(marks))


@pytest.mark.parametrize("marks", MARKS)
@pytest.mark.parametrize("terms", [1, 2])
def test_a_run_deviates_as_that_of_a_model_with_such_answers(monkeypatch, marks, terms):
    """7 of 10 coordinates are answered more than along it, and 3 less; without new directions and bounds."""
    monkeypatch.setattr(module, "NEW", 0.0)
    monkeypatch.setattr(module, "LARGEST", 1e6)
    rows, size = len(marks), 20_000
    v, sigmas, takes = run_of(rows, size, seed=rows)
    takes = takes[:, None] if terms == 1 else np.stack([1.5 * takes, -0.5 * takes], axis=1)
    answers = np.stack([np.linspace(-1, 0.9, rows), np.linspace(1.2, 0.3, rows)], axis=1)
    keeps = 1 - takes.sum(axis=1)
    odds = np.sqrt((1 - PICTURE) / PICTURE)
    high, low = answers[:, 0] + answers[:, 1] * odds, answers[:, 0] - answers[:, 1] / odds
    gains = np.where(np.arange(size) % 10 < 10 * PICTURE, high[:, None], low[:, None])
    evaluated, slopes, corrections = numbers_of(marks, seed=terms)
    expected = np.linalg.norm(followed(v, sigmas, takes, keeps, gains, evaluated, slopes, corrections))
    course = Course(takes, keeps, answers)
    many = (np.stack([one, one]) for one in (evaluated, slopes, corrections))
    found = course.final_deviations(sigmas, directions(v @ v.T), *many)
    assert found == pytest.approx([expected] * 2, rel=0.03, abs=1e-12)


@pytest.mark.parametrize("marks", MARKS)
@pytest.mark.parametrize("terms", [1, 2])
def test_an_error_of_one_evaluation_gets_the_amplitude_that_it_has_in_such_a_run(monkeypatch, marks, terms):
    """Every forecast that repeats it, and every evaluation that answers to it, counts."""
    monkeypatch.setattr(module, "NEW", 0.0)
    rows, size = len(marks), 1000
    _, sigmas, takes = run_of(rows, 1)
    takes = takes[:, None] if terms == 1 else np.stack([1.5 * takes, -0.5 * takes], axis=1)
    answers = np.stack([np.linspace(-1, 0.9, rows), np.linspace(1.2, 0.3, rows)], axis=1)
    keeps = 1 - takes.sum(axis=1)
    odds = np.sqrt((1 - PICTURE) / PICTURE)
    high, low = answers[:, 0] + answers[:, 1] * odds, answers[:, 0] - answers[:, 1] / odds
    gains = np.where(np.arange(size) % 10 < 10 * PICTURE, high[:, None], low[:, None])
    evaluated, slopes, corrections = numbers_of(marks, seed=terms)
    nothing, even = np.zeros((rows, size)), np.full(size, size**-0.5)
    expected = [
        np.linalg.norm(followed(nothing, sigmas, takes, keeps, gains, evaluated, slopes, corrections, (row, even)))
        for row in np.flatnonzero(evaluated)
    ]
    found = Course(takes, keeps, answers).amplitudes(sigmas, evaluated, slopes, corrections)
    assert found == pytest.approx(expected, rel=1e-6)


def test_answers_in_new_directions_add_up_in_squares():
    """Two evaluations whose answers across nothing else could have."""
    course = Course(np.array([[0.0], [1.0], [0.5], [0.5]]), np.ones(4), np.tile([0.0, 0.4], (4, 1)))
    exact = np.diag([1e-3, 1e-3, 0.0, 0.0])
    marks, zeros = np.array([[True, False, True, True]]), np.zeros((1, 4))
    found = course.final_deviations(np.array([4.0, 3.0, 2.0, 1.0]), exact, marks, zeros, zeros)
    first = np.sqrt(2) * 1e-3  # p(0) in place of p(1)
    same, new = np.sqrt(1 - module.NEW), np.sqrt(module.NEW)
    # What is answered across: `same` times the deviation's own halves, in which it has no mean, and `new` directions.
    odds = np.sqrt((1 - PICTURE) / PICTURE)
    gains = 0.4 * same * np.array([odds, -1 / odds])
    halves, fresh = np.ones(2), []
    for _ in range(2):
        size = np.sqrt(PICTURE * halves[0] ** 2 + (1 - PICTURE) * halves[1] ** 2 + sum(np.square(fresh)))
        grown = [0.5 * 0.4 * new * size]
        fresh = [np.sqrt(sum(np.square(fresh))) * np.sqrt(np.mean((1 + 0.5 * gains) ** 2))] if fresh else []
        halves = halves * (1 + 0.5 * gains)
        fresh += grown
    size = np.sqrt(PICTURE * halves[0] ** 2 + (1 - PICTURE) * halves[1] ** 2 + sum(np.square(fresh)))
    assert found[0] == pytest.approx(first * size, rel=0.01)


def test_a_model_answers_to_a_large_deviation_with_no_more_than_it_can_show():
    course = course_of(np.array([1.0, 1.0, 1.0]), along=1.0, keeps=0.0)
    marks, zeros = np.array([[True, False, True]]), np.zeros((1, 3))
    for size, answer in ((1e-4, 1e-4), (100.0, module.LARGEST)):
        exact = np.array([[size], [0.0], [0.0]])
        found = course.final_deviations(np.array([3.0, 2.0, 1.0]), exact, marks, zeros, zeros)
        assert found[0] == pytest.approx(answer, rel=1e-3)


def test_a_run_that_evaluates_everything_does_not_deviate():
    v, sigmas, takes = run_of(8, 50)
    course = course_of(takes, along=0.8, across=0.5)
    numbers = np.ones((1, 8), dtype=bool), np.ones((1, 8)), np.ones((1, 8))
    assert course.final_deviations(sigmas, directions(v @ v.T), *numbers)[0] < 1e-12


def test_directions_have_the_inner_products_of_the_matrix():
    v, *_ = run_of(12, 300)
    found = directions(v @ v.T)
    assert found.shape[1] <= 12 and np.allclose(found @ found.T, v @ v.T, atol=1e-7)
    assert directions(np.zeros((3, 3))).shape == (3, 0)


def test_courses_are_averaged_and_refused_where_they_do_not_fit():
    takes = np.array([0.25, 0.5, 1.0])
    one, other = course_of(takes), Course(np.stack([takes, -takes], axis=1), np.zeros(3), np.ones((3, 2)))
    mean = one.averaged(other, 0.75)
    assert np.allclose(mean.takes, np.stack([takes, -0.25 * takes], axis=1)) and np.allclose(mean.keeps, 0.75)
    assert np.allclose(mean.answers, 0.25)
    for bad in ({"keeps": np.ones(2)}, {"answers": np.ones((3, 3))}, {"takes": np.full((3, 1), np.nan)}):
        with pytest.raises(PlanError):
            Course(**{"takes": takes[:, None], "keeps": np.ones(3), "answers": np.ones((3, 2)), **bad})
