"""The records of the ways: what each says of itself, and that what it says agrees with what it computes."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from kernel_cases import layouts, qkv, windows

from ditfastattn.kernels import FULL, REUSE, WAYS, Approximation, Band, Int8, Layout, Residual, Way, Window, way_of

LOCAL = Window((0.3, 0.3))
BAND = Band(1 / 4)
EXAMPLES = {
    "full": FULL,
    "int8": Int8.whole(2),
    "window": LOCAL,
    "residual": Residual(BAND),
    "band": BAND,
    "reuse": REUSE,
}

pytestmark = pytest.mark.usefixtures("one_thread")


def test_each_way_says_who_it_is_and_no_two_say_the_same():
    assert [way.letter for way in WAYS] == ["f", "q", "d", "b", "w", "r"]
    for field in ("kind", "name", "letter", "colour", "hatch"):
        assert len({getattr(way, field) for way in WAYS}) == len(WAYS)
    for way in WAYS:
        assert way.letter.islower() and len(way.letter) == 1 and way.reads in (None, "output", "residual")
        for colour in (way.colour, way.mark):
            assert len(colour) == 3 and all(0 <= part <= 255 for part in colour)
        assert isinstance(EXAMPLES[way.kind], way)


def test_ways_stand_in_falling_cost_and_the_map_gets_lighter():
    layout = Layout((16, 16), prefix=3)
    pairs = [EXAMPLES[way.kind].pairs(layout) for way in WAYS]
    assert pairs == sorted(pairs, reverse=True) and pairs[0] == layout.length**2 and pairs[-1] == 0
    luminance = [0.2126 * r + 0.7152 * g + 0.0722 * b for r, g, b in (way.colour for way in WAYS)]
    assert luminance == sorted(luminance)


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_a_window_comes_back_from_what_a_plan_stores(data):
    window = data.draw(windows(data.draw(st.integers(1, 3)), pooled=None))
    found = way_of(window.kind, window.parameters(), len(window.extent))
    assert found == window and hash(found) == hash(window)
    assert set(map(type, window.parameters().values())) <= {bool, int, float, list}


@pytest.mark.parametrize(
    "kind, parameters, words",
    [
        ("circle", {}, "no way 'circle' to approximate attention; there is int8, band, window"),
        ("full", {}, "no way 'full'"),
        ("residual", {}, "no way 'residual'"),
        ("window", {"size": [0.5]}, "list of 2 fractions"),
        ("window", {"size": 0.5}, "list of 2 fractions"),
        ("window", {"size": ["a", 0.5]}, "list of 2 fractions"),
        ("window", {"size": [True, 0.5]}, "list of 2 fractions"),
        ("window", {}, "list of 2 fractions"),
        ("window", {"size": [0.5, 0.5], "pooled": 1}, "true or false"),
        ("window", {"size": [0.5, 0.5], "colour": 1}, "colour"),
        ("window", {"size": [0.5, 2]}, "fraction in"),
    ],
)
def test_what_no_way_can_be_made_of_gets_one_sentence(kind, parameters, words):
    with pytest.raises(ValueError, match=words) as raised:
        way_of(kind, parameters, 2)
    sentence = str(raised.value)
    assert sentence[0].isupper() and sentence.endswith(".") and "\n" not in sentence


def test_a_residual_corrects_nothing_but_an_approximation():
    for way in (FULL, REUSE, Residual(LOCAL), None):
        with pytest.raises(ValueError, match="corrects an approximation"):
            Residual(way)
    layout = Layout((16, 16), prefix=3)
    assert Residual(LOCAL).pairs(layout) == LOCAL.pairs(layout)


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_sampled_rows_of_a_window_are_the_rows_of_its_output(data):
    layout = data.draw(layouts(largest=300))
    window = data.draw(windows(len(layout.grid), pooled=None))
    rows = torch.tensor(data.draw(st.lists(st.integers(0, layout.length - 1), min_size=1, max_size=9)))
    scale = data.draw(st.sampled_from((None, 0.05, 0.6)))
    q, k, v = qkv(2, 3, layout.length, 16, seed=data.draw(st.integers(0, 99)))
    wanted = window.reference(q.double(), k.double(), v.double(), layout, scale)[:, :, rows]
    found = window.at_rows(q, k, v, layout, rows, scale)
    assert found.dtype is torch.float32
    torch.testing.assert_close(found.double(), wanted, rtol=0, atol=1e-5)


def test_what_a_way_does_not_implement_says_so():
    class Empty(Approximation):
        kind = "empty"

    for call in (
        lambda: Way().pairs(Layout((4,))),
        lambda: Empty().image_pairs(Layout((4,))),
        lambda: Empty().parameters(),
        lambda: Empty.from_parameters({}, 1),
        lambda: Empty().attend(*(None,) * 6),
        lambda: Empty().reference(*(None,) * 5),
        lambda: Empty().row_mask(None, None),
    ):
        with pytest.raises(NotImplementedError):
            call()
