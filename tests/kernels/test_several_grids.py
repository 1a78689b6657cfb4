"""Sequences with several grids, and with padding: what they mean, what they cost, and that nothing else changes."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from kernel_cases import ORDERS, caches, doubled, layouts, layouts_of_several, qkv, tables, windows

from ditfastattn.kernels import FULL, HeadTable, Layout, Reference, Residual, Window, exact, flops, head_wise, reference
from ditfastattn.kernels.geometry import is_global
from ditfastattn.kernels.triton.why_not import about_table
from ditfastattn.kernels.ways.window import window_mask

pytestmark = pytest.mark.usefixtures("one_thread")
thorough = settings(deadline=None, max_examples=120)
quick = settings(deadline=None, max_examples=80)
TOLERANCES = {torch.float64: 1e-12, torch.float32: 1e-5, torch.bfloat16: 0.08, torch.float16: 0.01}
LOCAL = Window((0.3, 0.3))


@thorough
@given(st.data())
def test_any_mix_of_methods_matches_the_float64_reference(data):
    layout = data.draw(layouts_of_several())
    table = data.draw(tables(len(layout.grid)))
    dtype, tolerance = data.draw(st.sampled_from(sorted(TOLERANCES.items(), key=str)))
    order, seed = data.draw(st.sampled_from(ORDERS)), data.draw(st.integers(0, 99))
    q, k, v = qkv(2, len(table), layout.length, 8, dtype, order, seed)
    kept = caches(q, layout, table)
    outcome = head_wise(q, k, v, layout, table, **kept)
    wanted, fresh = reference.head_wise(*(x.double() for x in (q, k, v)), layout, table, **doubled(kept))
    torch.testing.assert_close(outcome.out.double(), wanted, rtol=0, atol=tolerance)
    if fresh is not None:
        torch.testing.assert_close(outcome.residual.double(), fresh, rtol=0, atol=tolerance)


@quick
@given(st.data())
def test_the_counted_pairs_are_those_of_the_mask_and_of_the_pooled_tiles(data):
    layout = data.draw(layouts_of_several())
    window = data.draw(windows(len(layout.grid), pooled=None))
    rows = torch.arange(layout.length)
    pooled = sum(g.tokens * g.tiles for g in layout.groups if window.pools(Layout(g.grid)))
    assert window.pairs(layout) == int(window_mask(layout, window).sum()) + pooled
    assert torch.equal(window.row_mask(layout, rows), window_mask(layout, window))
    assert FULL.pairs(layout) == layout.length * layout.keys


@quick
@given(st.data())
def test_sampled_rows_are_those_of_the_whole_output(data):
    layout = data.draw(layouts_of_several())
    window = data.draw(windows(len(layout.grid), pooled=None))
    q, k, v = qkv(1, 2, layout.length, 8)
    rows = torch.tensor(data.draw(st.lists(st.integers(0, layout.length - 1), min_size=1, max_size=9)))
    rows = rows[~is_global(layout, rows)]
    whole = window.reference(q.double(), k.double(), v.double(), layout)[:, :, rows]
    torch.testing.assert_close(window.at_rows(q, k, v, layout, rows).double(), whole, rtol=0, atol=1e-5)


@quick
@given(st.data())
def test_padding_is_as_if_it_were_not_there(data):
    """Every other row is what the sequence without padding gives, and padding attends that sequence in full."""
    plain = data.draw(layouts())
    text = data.draw(st.integers(1, 9))
    layout = Layout(plain.grid, plain.prefix + text, plain.suffix, padding=((plain.prefix, plain.prefix + text),))
    assert layout.without_padding() == plain
    table = HeadTable.uniform(1, data.draw(windows(len(plain.grid), pooled=None)))
    q, k, v = qkv(2, 1, layout.length, 8)
    left = torch.tensor([t for t in range(layout.length) if not plain.prefix <= t < plain.prefix + text])
    made = head_wise(q, k, v, layout, table).out
    short = head_wise(*(x[:, :, left].contiguous() for x in (q, k, v)), plain, table).out
    torch.testing.assert_close(made[:, :, left], short, rtol=0, atol=1e-6)
    padding = exact.attention(q, k[:, :, left], v[:, :, left])[:, :, plain.prefix : plain.prefix + text]
    torch.testing.assert_close(made[:, :, plain.prefix : plain.prefix + text], padding, rtol=0, atol=1e-5)


def test_a_window_joins_the_same_places_of_pictures_that_stand_at_one_place_and_sees_others_whole():
    """Written out for 9 x 13 tokens in 4 x 4 tiles: an image, a picture at its place, one of another size there, and
    one of its size elsewhere."""
    grid, other = (9, 13), (5, 6)
    size = math.prod(grid)
    references = (
        Reference(grid, 2 + size, 0),
        Reference(other, 2 + 2 * size, 0),
        Reference(grid, 2 + 2 * size + 30, 1),
    )
    layout = Layout(grid, 2, 2 * size + 30, references)
    assert (layout.globals, layout.referenced, layout.locals) == (2, 2 * size + 30, 3 * size + 30)

    def place(token):
        """(picture by place and size, row of tiles, column of tiles), or None for text."""
        if token < 2:
            return None
        token -= 2
        for name, shape in (("here", grid), ("here", grid), ("small", other), ("there", grid)):
            if token < math.prod(shape):
                return name, token // shape[1] // 4, token % shape[1] // 4
            token -= math.prod(shape)

    def sees(query, key):
        if query is None or key is None or query[0] != key[0]:
            return True
        # 0.3 of 3 rows of tiles reach over no other, 0.5 of 4 columns over one to either side, and of 2 over none.
        reach = (0, 0) if query[0] == "small" else (0, 1)
        return all(abs(a - b) <= r for a, b, r in zip(query[1:], key[1:], reach))

    places = [place(token) for token in range(layout.length)]
    wanted = torch.tensor([[sees(one, another) for another in places] for one in places])
    assert torch.equal(window_mask(layout, Window((0.3, 0.5))), wanted)
    assert Window((0.3, 0.5)).pairs(layout) == int(wanted.sum())


def test_grids_change_nothing_where_no_head_is_approximated():
    plain = Layout((6, 7), 3, 42)
    layout = Layout((6, 7), 3, 42, (Reference((6, 7), 45),))
    q, k, v = qkv(1, 2, layout.length, 8)
    assert torch.equal(
        head_wise(q, k, v, layout, HeadTable.uniform(2, FULL)).out,
        head_wise(q, k, v, plain, HeadTable.uniform(2, FULL)).out,
    )


def test_the_work_of_a_picture_and_a_reference_of_its_size_is_windowed_in_all_four_parts():
    """1024 x 1024 pixels of Flux beside a reference as large, 512 tokens of text."""
    picture, text = (64, 64), 512
    size = math.prod(picture)
    table = HeadTable.uniform(1, Window((0.25, 0.25)))
    alone = Layout(picture, text)
    beside = Layout(picture, text, size, (Reference(picture, text + size),))
    as_text = Layout(picture, text, size)
    elsewhere = Layout(picture, text, size, (Reference(picture, text + size, 1),))
    kept = [
        flops(one, table, 128) / flops(one, HeadTable.uniform(1, FULL), 128)
        for one in (alone, beside, elsewhere, as_text)
    ]
    assert kept == pytest.approx([0.303, 0.219, 0.609, 0.805], abs=0.001)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"references": (Reference((4,), 16),)}, "axes"),
        ({"references": (Reference((2, 2), 15),)}, "tokens of the image"),
        ({"references": (Reference((2, 2), 18),)}, "leave the sequence"),
        ({"references": (Reference((1, 2), 16), Reference((1, 2), 17))}, "one another"),
        ({"padding": ((3, 17),)}, "before or after"),
        ({"padding": ((18, 21),)}, "before or after"),
    ],
)
def test_what_cannot_be_a_sequence_is_refused(arguments, told):
    with pytest.raises(ValueError, match=told):
        Layout((4, 4), 0, 4, **arguments)


@pytest.mark.parametrize("wrong", [{"grid": (0, 2), "start": 0}, {"grid": (2, 2), "start": -1}])
def test_a_grid_that_cannot_be_is_refused(wrong):
    with pytest.raises(ValueError, match="grid"):
        Reference(**wrong)


def test_the_triton_kernel_says_that_it_has_windows_over_one_grid():
    layout = Layout((4, 4), 0, 16, (Reference((4, 4), 16),))
    assert "grids of their own" in about_table(layout, HeadTable.uniform(1, LOCAL))


def test_tokens_between_grids_are_attended_in_full_and_leave_no_residual():
    layout = Layout((4, 4), 19, 0, (Reference((4, 4), 0),))
    q, k, v = qkv(1, 2, layout.length, 8)
    outcome = head_wise(q, k, v, layout, HeadTable((FULL, LOCAL), (LOCAL, None)))
    assert outcome.residual.shape[2] == layout.locals == layout.length
    assert not outcome.residual[:, :, 16:19].any() and outcome.residual[:, :, :16].any()
    full = exact.attention(q, k, v)[:, :, 16:19]
    torch.testing.assert_close(outcome.out[:, :, 16:19], full, rtol=0, atol=1e-5)


def test_a_residual_of_several_grids_makes_a_window_full_again():
    layout = Layout((9, 5), 2, 45, (Reference((9, 5), 47),))
    q, k, v = qkv(1, 1, layout.length, 8)
    first = head_wise(q, k, v, layout, HeadTable((FULL,), (LOCAL,)))
    again = head_wise(q, k, v, layout, HeadTable.uniform(1, Residual(LOCAL)), residual=first.residual)
    torch.testing.assert_close(again.out, first.out, rtol=0, atol=1e-5)
