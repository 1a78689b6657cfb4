import math
import subprocess
import sys
from itertools import product
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from kernel_cases import ORDERS, TOLERANCE, caches, doubled, layouts, qkv, tables, windows

from ditfastattn.kernels import (
    FULL,
    REUSE,
    HeadTable,
    Layout,
    Residual,
    Window,
    exact,
    flops,
    head_wise,
    pooling,
    reference,
    tiled,
    why_not,
)
from ditfastattn.kernels.geometry import tile_counts, tile_shape
from ditfastattn.kernels.ways.window import window_mask

LAYOUT = Layout((13, 18), prefix=3, suffix=2)
LOCAL, WIDE, WHOLE = Window((0.3, 0.3)), Window((0.7, 0.5)), Window((1.0, 1.0))
MIXED = HeadTable(
    (LOCAL, FULL, REUSE, Residual(WIDE), LOCAL, FULL, LOCAL, Residual(LOCAL)),
    (None, LOCAL, None, None, None, WIDE, None, None),
)
POOLED_TOLERANCE = {torch.float64: 1e-12, torch.float32: 1e-5, torch.bfloat16: 0.08, torch.float16: 0.01}
IMAGE = slice(LAYOUT.prefix, LAYOUT.prefix + LAYOUT.image)

pytestmark = pytest.mark.usefixtures("one_thread")
thorough = settings(deadline=None, max_examples=120)


def assert_matches_reference(q, k, v, layout, table, *, tolerance=None, scale=None, **arguments):
    outcome = head_wise(q, k, v, layout, table, scale=scale, **arguments)
    qkv64 = (x.double() for x in (q, k, v))
    wanted, fresh = reference.head_wise(*qkv64, layout, table, scale=scale, **doubled(arguments))
    tolerance = TOLERANCE[q.dtype] if tolerance is None else tolerance
    assert outcome.out.dtype == q.dtype
    torch.testing.assert_close(outcome.out.double(), wanted, rtol=0, atol=tolerance)
    if fresh is None:
        assert outcome.residual is None
    else:
        torch.testing.assert_close(outcome.residual.double(), fresh, rtol=0, atol=tolerance)


@thorough
@given(st.data())
def test_any_mix_of_methods_matches_the_float64_reference(data):
    layout = data.draw(layouts(largest=400))
    table = data.draw(tables(len(layout.grid)))
    batch, order = data.draw(st.integers(1, 3)), data.draw(st.sampled_from(ORDERS))
    q, k, v = qkv(batch, len(table), layout.length, 8, order=order, seed=data.draw(st.integers(0, 99)))
    assert_matches_reference(q, k, v, layout, table, **caches(q, layout, table))


@thorough
@given(st.data())
def test_pooled_windows_match_the_float64_reference(data):
    layout = data.draw(layouts(largest=400))
    pooled, either = (data.draw(windows(len(layout.grid), pooled=p)) for p in (True, None))
    table = HeadTable((pooled, FULL, Residual(pooled), either), (None, pooled, None, None))
    dtype, tolerance = data.draw(st.sampled_from(sorted(POOLED_TOLERANCE.items(), key=str)))
    q, k, v = qkv(2, 4, layout.length, 16, dtype, data.draw(st.sampled_from(ORDERS)), data.draw(st.integers(0, 99)))
    scale = data.draw(st.sampled_from((None, 0.05, 0.6)))
    assert_matches_reference(q, k, v, layout, table, tolerance=tolerance, scale=scale, **caches(q, layout, table))


@thorough
@given(st.data())
def test_pooling_is_the_mean_of_each_tile_and_the_bias_its_definition(data):
    layout = data.draw(layouts(largest=400))
    dtype, tolerance = data.draw(st.sampled_from(((torch.float32, 1e-5), (torch.float64, 1e-12))))
    q, k, v = qkv(1, 2, layout.length, 8, dtype, data.draw(st.sampled_from(ORDERS)))
    scale = data.draw(st.sampled_from((None, 0.1, 1.5)))
    found = pooling.pool(q, k, v, layout, scale)
    image = slice(layout.prefix, layout.prefix + layout.image)
    q, k, v = (x[:, :, image].double() for x in (q, k, v))
    scale = 8**-0.5 if scale is None else scale
    tiles = [[] for _ in range(math.prod(tile_counts(layout.grid)))]
    for token, at in enumerate(product(*map(range, layout.grid))):
        number = 0
        for x, side, count in zip(at, tile_shape(layout.grid), tile_counts(layout.grid)):
            number = number * count + x // side
        tiles[number].append(token)
    assert pooling.tile_tokens(layout.grid).tolist() == [len(tokens) for tokens in tiles]
    for tile, tokens in enumerate(tiles):
        spread = scale**2 / 2 * (k[:, :, tokens].var(dim=2, correction=0) * (q * q).mean(dim=2)).sum(dim=-1)
        bias = math.log(len(tokens)) + spread.clamp(max=math.log(len(tokens)))
        for got, wanted in (
            (found.k[:, :, tile], k[:, :, tokens].mean(dim=2)),
            (found.v[:, :, tile], v[:, :, tokens].mean(dim=2)),
            (found.bias[:, :, tile], bias),
        ):
            torch.testing.assert_close(got.double(), wanted, rtol=0, atol=tolerance)


def test_a_far_tile_of_one_token_is_as_exact_as_full_attention():
    layout = Layout((65,), prefix=2, suffix=1)
    q, k, v = qkv(1, 2, layout.length, 16)
    pooled = head_wise(q, k, v, layout, HeadTable.uniform(2, Window((0.01,), pooled=True))).out
    full = exact.attention(q.double(), k.double(), v.double())
    first = slice(layout.prefix, layout.prefix + 64)
    torch.testing.assert_close(pooled[:, :, first].double(), full[:, :, first], rtol=0, atol=1e-5)
    # The tile of 64 that the last token sees as one key is not exact.
    assert (pooled[:, :, 66] - full[:, :, 66]).abs().max() > 1e-3


def test_pooling_brings_a_window_nearer_to_full_attention():
    layout = Layout((24, 24), prefix=4)
    q, k, v = qkv(1, 4, layout.length, 16)
    full = exact.attention(q.double(), k.double(), v.double())
    errors = [
        (head_wise(q, k, v, layout, HeadTable.uniform(4, Window((0.3, 0.3), pooled))).out - full).norm()
        for pooled in (False, True)
    ]
    assert errors[1] < errors[0] / 2


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_a_pooled_window_counts_its_tiles_and_one_that_leaves_nothing_out_does_not(data):
    layout = data.draw(layouts())
    window = data.draw(windows(len(layout.grid)))
    more = 4 * 8 * layout.image * math.prod(tile_counts(layout.grid))
    pair = [Window(window.extent, pooled) for pooled in (False, True)]
    for makes in (lambda way: HeadTable.uniform(1, way), lambda way: HeadTable.uniform(1, FULL, refresh=way)):
        plain, pooled = (flops(layout, makes(way), 8) for way in pair)
        assert pooled - plain == (more if pair[1].pools(layout) else 0)
    whole = Window((1.0,) * len(layout.grid), pooled=True)
    assert flops(layout, HeadTable.uniform(1, whole), 8) == flops(layout, HeadTable.uniform(1, FULL), 8)


@pytest.mark.parametrize("kind", ("full", "window", "residual", "reuse"))
@pytest.mark.parametrize("heads", [(0,), (1, 2), (0, 2, 4), (0, 1, 3), (1, 2, 5, 6)], ids=str)
def test_heads_keep_their_order_wherever_a_way_has_them(kind, heads):
    """Evenly spaced heads are served as views and others through copies; two windows split the chosen heads again."""
    windows_ = tuple(WIDE if h == 3 or h == 6 else LOCAL for h in range(7))
    ways = {
        "full": (FULL,) * 7,
        "window": windows_,
        "residual": tuple(map(Residual, windows_)),
        "reuse": (REUSE,) * 7,
    }
    others = {"full": "window", "window": "full", "residual": "full", "reuse": "window"}
    chosen = tuple(ways[kind if h in heads else others[kind]][h] for h in range(7))
    refresh = tuple(window if way == FULL else None for way, window in zip(chosen, windows_))
    table = HeadTable(chosen, refresh)
    q, k, v = qkv(2, 7, LAYOUT.length, 8)
    assert_matches_reference(q, k, v, LAYOUT, table, **caches(q, LAYOUT, table))


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
def test_every_dtype_and_memory_order_stays_within_its_rounding(dtype, order):
    q, k, v = qkv(2, len(MIXED), LAYOUT.length, 32, dtype, order)
    assert_matches_reference(q, k, v, LAYOUT, MIXED, **caches(q, LAYOUT, MIXED))


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
def test_a_window_errs_at_most_twice_as_much_as_full_attention_in_the_same_precision(dtype):
    q, k, v = qkv(2, 4, LAYOUT.length, 64, dtype)
    full = exact.attention(q.double(), k.double(), v.double())
    floor = (tiled.full_attention(q, k, v).double() - full).abs().max()
    table = HeadTable.uniform(4, WIDE)
    wanted, _ = reference.head_wise(q.double(), k.double(), v.double(), LAYOUT, table)
    error = (head_wise(q, k, v, LAYOUT, table).out.double() - wanted).abs().max()
    # Fewer keys average less, so windowed outputs are larger and their last bit with them.
    growth = wanted.abs().max() / full.abs().max()
    assert error <= 2 * floor * max(growth, 1) + 1e-7


@pytest.mark.parametrize("scale", [None, 0.01, 0.7])
def test_the_scale_is_used_by_every_method(scale):
    q, k, v = qkv(1, len(MIXED), LAYOUT.length, 16)
    given_caches = caches(q, LAYOUT, MIXED)
    outcome = head_wise(q, k, v, LAYOUT, MIXED, scale=scale, **given_caches)
    wanted, fresh = reference.head_wise(
        q.double(), k.double(), v.double(), LAYOUT, MIXED, scale=scale, **doubled(given_caches)
    )
    torch.testing.assert_close(outcome.out.double(), wanted, rtol=0, atol=1e-5)
    torch.testing.assert_close(outcome.residual.double(), fresh, rtol=0, atol=1e-5)


@settings(deadline=None, max_examples=40)
@given(layouts(largest=400), st.booleans())
def test_a_window_of_the_whole_grid_is_full_attention_bit_for_bit(layout, pooled):
    q, k, v = qkv(2, 3, layout.length, 8)
    whole = Window((1.0,) * len(layout.grid), pooled)
    windowed = head_wise(q, k, v, layout, HeadTable.uniform(3, whole)).out
    assert torch.equal(windowed, head_wise(q, k, v, layout, HeadTable.uniform(3, FULL)).out)


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_window_plus_residual_on_its_own_refresh_step_is_full_attention(data):
    layout = data.draw(layouts(largest=400))
    window = data.draw(windows(len(layout.grid), pooled=None))
    q, k, v = qkv(1, 3, layout.length, 8)
    refresh = head_wise(q, k, v, layout, HeadTable.uniform(3, FULL, refresh=window))
    again = head_wise(q, k, v, layout, HeadTable.uniform(3, Residual(window)), residual=refresh.residual)
    torch.testing.assert_close(again.out, refresh.out, rtol=0, atol=2e-6)


def test_reused_heads_are_copied_exactly_and_cost_no_look_at_the_tokens():
    q, k, v = (torch.full((2, 5, LAYOUT.length, 8), torch.nan) for _ in range(3))
    cached = torch.randn(2, 5, LAYOUT.length, 8)
    assert torch.equal(head_wise(q, k, v, LAYOUT, HeadTable.uniform(5, REUSE), cached=cached).out, cached)


def test_reused_heads_among_others_keep_their_place_and_bits():
    table = HeadTable((REUSE, LOCAL, REUSE, FULL, REUSE, REUSE), (None,) * 6)
    q, k, v = qkv(2, 6, LAYOUT.length, 8)
    cached = torch.randn(2, 4, LAYOUT.length, 8)
    out = head_wise(q, k, v, LAYOUT, table, cached=cached).out
    assert torch.equal(out[:, [0, 2, 4, 5]], cached)


def test_full_tables_return_what_the_dense_callable_returns():
    q, k, v = qkv(1, 4, LAYOUT.length, 8)
    answer = torch.randn_like(q)
    assert head_wise(q, k, v, LAYOUT, HeadTable.uniform(4, FULL), dense=lambda q, k, v: answer).out is answer


def test_the_dense_callable_serves_exactly_the_full_heads():
    q, k, v = qkv(2, len(MIXED), LAYOUT.length, 8)
    seen = []

    def dense(q, k, v):
        seen.append(q)
        return torch.full_like(q, 7.0)

    out = head_wise(q, k, v, LAYOUT, MIXED, dense=dense, **caches(q, LAYOUT, MIXED)).out
    assert len(seen) == 1 and torch.equal(seen[0], q[:, [1, 5]])
    assert (out[:, [1, 5]] == 7.0).all() and not (out[:, [0, 2, 3, 4, 6, 7]] == 7.0).any()


def test_the_output_buffer_is_written_in_place_and_nowhere_else():
    q, k, v = qkv(2, len(MIXED), LAYOUT.length, 8)
    arguments = caches(q, LAYOUT, MIXED)
    wanted = head_wise(q, k, v, LAYOUT, MIXED, **arguments).out
    wide = torch.full((2, LAYOUT.length, len(MIXED) + 1, 8), 3.0)
    out = wide[:, :, :-1].transpose(1, 2)
    outcome = head_wise(q, k, v, LAYOUT, MIXED, out=out, **arguments)
    assert outcome.out is out and torch.equal(out, wanted)
    assert (wide[:, :, -1] == 3.0).all()


def test_full_tables_write_into_the_output_buffer_too():
    q, k, v = qkv(1, 4, LAYOUT.length, 8)
    out = torch.empty(1, LAYOUT.length, 4, 8).transpose(1, 2)
    outcome = head_wise(q, k, v, LAYOUT, HeadTable.uniform(4, FULL), out=out)
    assert outcome.out is out
    assert torch.equal(out, head_wise(q, k, v, LAYOUT, HeadTable.uniform(4, FULL)).out)


def test_without_a_buffer_the_output_flattens_to_tokens_first_without_a_copy():
    q, k, v = qkv(2, len(MIXED), LAYOUT.length, 8)
    out = head_wise(q, k, v, LAYOUT, MIXED, **caches(q, LAYOUT, MIXED)).out
    assert out.transpose(1, 2).is_contiguous()


def test_inputs_and_caches_are_left_as_they_were():
    q, k, v = qkv(2, len(MIXED), LAYOUT.length, 8)
    arguments = caches(q, LAYOUT, MIXED)
    tensors = (q, k, v, *arguments.values())
    before = [x.clone() for x in tensors]
    head_wise(q, k, v, LAYOUT, MIXED, **arguments)
    assert all(torch.equal(x, y) for x, y in zip(tensors, before))


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_poison_outside_every_window_never_reaches_a_windowed_row(data):
    layout = data.draw(layouts(largest=400))
    window = data.draw(windows(len(layout.grid)))
    row = data.draw(st.integers(layout.prefix, layout.prefix + layout.image - 1))
    q, k, v = qkv(1, 2, layout.length, 8, order="heads first")
    unseen = ~window_mask(layout, window)[row]
    clean = head_wise(q, k, v, layout, HeadTable.uniform(2, window)).out[:, :, row]
    k[:, :, unseen], v[:, :, unseen] = torch.nan, torch.nan
    poisoned = head_wise(q, k, v, layout, HeadTable.uniform(2, window)).out[:, :, row]
    assert torch.equal(poisoned, clean)


def test_rows_of_ones_stay_ones():
    q, k, v = qkv(2, 4, LAYOUT.length, 16)
    out = head_wise(q, k, torch.ones_like(v), LAYOUT, HeadTable.uniform(4, LOCAL)).out
    torch.testing.assert_close(out, torch.ones_like(out))


def test_permuting_heads_permutes_the_output():
    q, k, v = qkv(1, len(MIXED), LAYOUT.length, 8)
    order = [4, 0, 6, 1, 5, 2, 7, 3]
    table = HeadTable(*(tuple(column[h] for h in order) for column in (MIXED.ways, MIXED.refresh)))
    arguments = caches(q, LAYOUT, MIXED)
    out = head_wise(q, k, v, LAYOUT, MIXED, **arguments).out
    places = [MIXED.residual_heads.index(h) for h in order if h in MIXED.residual_heads]
    arguments["residual"] = arguments["residual"][:, places]
    shuffled = head_wise(q[:, order], k[:, order], v[:, order], LAYOUT, table, **arguments).out
    torch.testing.assert_close(shuffled, out[:, order], rtol=0, atol=2e-6)


@pytest.mark.parametrize("layout", [Layout((32, 32), 16), Layout((5, 15, 13), 4, 1), Layout((500,), 2)], ids=str)
def test_cutting_the_work_into_smaller_blocks_changes_no_result(layout, monkeypatch):
    q, k, v = qkv(2, 3, layout.length, 8)
    table = HeadTable.uniform(3, Window((0.4,) * len(layout.grid)))
    whole = head_wise(q, k, v, layout, table).out
    monkeypatch.setattr(tiled, "band_bytes", lambda device: 1)
    torch.testing.assert_close(head_wise(q, k, v, layout, table).out, whole, rtol=0, atol=2e-6)


@thorough
@given(st.lists(st.integers(1, 6), max_size=4), st.integers(-1, 200))
def test_blocks_cover_an_array_once_and_keep_to_their_size(shape, most):
    shape = tuple(shape)
    seen = torch.zeros(shape, dtype=torch.int)
    for block in tiled.blocks(shape, most):
        seen[block] += 1
        assert seen[block].numel() <= max(most, 1)
    assert (seen == 1).all()


def refusal(layout=LAYOUT, table=None, q=None, k=None, v=None, **arguments):
    shape = (2, 4, layout.length, 8)
    q, k, v = (torch.zeros(shape) if x is None else x for x in (q, k, v))
    return why_not(q, k, v, layout, table or HeadTable.uniform(4, LOCAL), **arguments)


def zeros(*shape, **options):
    return torch.zeros(shape, **options)


N = LAYOUT.length


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"q": zeros(2, N, 8)}, "four axes"),
        ({"k": zeros(2, 2, N, 8), "v": zeros(2, 2, N, 8)}, "grouped-query"),
        ({"k": zeros(2, 4, 77, 8), "v": zeros(2, 4, 77, 8)}, "self-attention"),
        ({"v": zeros(2, 4, N, 9)}, "head size"),
        ({"k": zeros(2, 4, N, 8, dtype=torch.float16)}, "different dtypes"),
        ({name: zeros(2, 4, N, 8, dtype=torch.int8) for name in "qkv"}, "int8"),
        ({"k": zeros(2, 4, N, 8, device="meta")}, "different devices"),
        ({"q": zeros(2, 4, N, 8, requires_grad=True)}, "Gradients"),
        ({name: zeros(2, 4, N + 1, 8) for name in "qkv"}, f"{N + 1} tokens and the layout {N}"),
        ({"table": HeadTable.uniform(3, FULL)}, "4 heads and the table 3"),
        ({"table": HeadTable.uniform(4, Window((0.5,)))}, "1 axes and the grid 2"),
        ({"table": HeadTable.uniform(4, REUSE)}, "cached output of 4 head"),
        ({"table": HeadTable.uniform(4, Residual(LOCAL))}, "residual of 4 head"),
        ({"table": HeadTable.uniform(4, REUSE), "cached": zeros(2, 3, N, 8)}, "shape"),
        ({"table": HeadTable.uniform(4, Residual(LOCAL)), "residual": zeros(2, 4, N, 8)}, "shape"),
        ({"out": zeros(2, 4, N, 9)}, "output buffer"),
    ],
    ids=lambda x: x if isinstance(x, str) else "",
)
def test_a_call_that_cannot_be_served_gets_one_sentence_that_says_why(arguments, words):
    sentence = refusal(**arguments)
    assert words in sentence
    assert sentence[0].isupper() and sentence.endswith(".") and "\n" not in sentence


def test_head_wise_raises_the_sentence_of_why_not():
    q, k, v = qkv(1, 4, 50, 8)
    with pytest.raises(ValueError, match="50 tokens"):
        head_wise(q, k, v, LAYOUT, HeadTable.uniform(4, LOCAL))


def test_a_call_that_can_be_served_gets_no_reason():
    assert refusal() is None


def test_the_package_imports_neither_host_nor_triton_nor_plans():
    code = (
        "import sys; import conftest; import ditfastattn.kernels; "
        "print([m for m in sys.modules if m.split('.')[0] in ('triton', 'comfy', 'nodes') "
        "or m.startswith(('ditfastattn.plans', 'ditfastattn.attention'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[1], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr
