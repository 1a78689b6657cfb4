"""Calls that are served without a question: right where nothing has changed, and left alone where anything has."""

import os

import pytest
import torch
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from kernel_cases import TOLERANCE, caches, doubled, layouts, qkv, tables

from ditfastattn.kernels import FULL, REUSE, HeadTable, Layout, Residual, Window, dispatch, reference
from ditfastattn.kernels.triton import known, launch, units
from ditfastattn.kernels.triton.configs import Config
from ditfastattn.kernels.triton.worklist import Kind, Shelf

interpreted = pytest.mark.skipif(os.environ.get("TRITON_INTERPRET") != "1", reason="runs in test_triton.py's process")
CPU = torch.device("cpu")
BLOCKS = Config(64, 32, 4, 2)
LAYOUT = Layout((9, 13), prefix=5)
WINDOW = Window((0.3, 0.4), pooled=True)
TABLE = HeadTable((FULL, WINDOW, REUSE, Residual(WINDOW), FULL), (WINDOW, None, None, None, None))


def host(q, k, v):
    """Stands for the caller's own attention."""
    return torch.nn.functional.scaled_dot_product_attention(q, k, v)


def other(q, k, v):
    """Another one."""
    return host(q, k, v)


@pytest.fixture(autouse=True)
def nothing_is_known():
    known.forget()
    with torch.no_grad():
        yield
    known.forget()


def choice(layout=LAYOUT, leaves=True):
    return known.Choice(BLOCKS, leaves, Shelf(Kind(layout, BLOCKS.queries, BLOCKS.keys, CPU)))


def a_call(dtype=torch.float16, batch=1, dim=64):
    """Arguments of `known.serve` in its order."""
    q, k, v = qkv(batch, len(TABLE), LAYOUT.length, dim, dtype)
    kept = caches(q, LAYOUT, TABLE)
    out = torch.full_like(q, torch.nan)
    return [q, k, v, LAYOUT, TABLE, out, None, kept["cached"], kept["residual"], host]


def remembered(call):
    q, k, v, layout, table, out, scale, _, _, dense = call
    known.remember(q, k, v, layout, table, out, choice=choice(layout), scale=scale, dense=dense)


@pytest.fixture
def launches(monkeypatch):
    """What is launched, with nothing behind it."""
    seen = []
    monkeypatch.setattr(
        launch, "_start", lambda tensors, ready, call, steps: seen.append((tensors, ready, call, steps))
    )
    return seen


def test_a_call_like_the_one_before_is_launched_at_once(launches):
    call = a_call()
    assert known.serve(*call) is None and not launches
    remembered(call)
    fresh, ready = known.serve(*call)
    (tensors, _, _, steps), *more = launches
    assert not more and ready.table is TABLE and ready.left is True and fresh.shape == (1, 1, LAYOUT.image, 64)
    wanted = (*call[:3], call[5], call[7], call[8], fresh)
    assert all(found is one for found, one in zip(tensors, wanted))
    assert steps == units.units(*(one.stride() for one in wanted))


def shifted(x):
    """The same numbers two bytes further on."""
    return torch.cat((x.flatten()[:1], x.flatten()))[1:].view(x.shape)


def odd_rows(x):
    """The same numbers in rows that are not whole units apart."""
    return torch.nn.functional.pad(x, (0, 3))[..., : x.shape[-1]]


Q, K, V, LAYOUT_AT, TABLE_AT, OUT, SCALE, CACHED, RESIDUAL, DENSE = range(10)
CHANGES = {
    "more items": lambda call: [x.repeat(2, 1, 1, 1) if isinstance(x, torch.Tensor) else x for x in call],
    "keys of other strides": lambda call: replaced(call, K, call[K].contiguous()),
    "an output of other strides": lambda call: replaced(call, OUT, call[OUT].contiguous()),
    "values of another dtype": lambda call: replaced(call, V, call[V].bfloat16()),
    "another dtype": lambda call: [x.bfloat16() if isinstance(x, torch.Tensor) else x for x in call],
    "queries off 16 bytes": lambda call: replaced(call, Q, shifted(call[Q])),
    "queries in odd rows": lambda call: replaced(call, Q, odd_rows(call[Q])),
    "a scale": lambda call: replaced(call, SCALE, 0.1),
    "another attention": lambda call: replaced(call, DENSE, other),
    "another grid": lambda call: replaced(call, LAYOUT_AT, Layout((13, 9), prefix=5)),
    "text elsewhere": lambda call: replaced(call, LAYOUT_AT, Layout((9, 13), suffix=5)),
    "another table": lambda call: replaced(call, TABLE_AT, HeadTable((WINDOW,) * 5, (None,) * 5)),
    "nothing cached": lambda call: replaced(call, CACHED, None),
    "too few heads cached": lambda call: replaced(call, CACHED, call[CACHED][:, :0]),
    "too few tokens cached": lambda call: replaced(call, CACHED, call[CACHED][:, :, 1:]),
    "cached outputs of another dtype": lambda call: replaced(call, CACHED, call[CACHED].bfloat16()),
    "cached outputs off 16 bytes": lambda call: replaced(call, CACHED, shifted(call[CACHED])),
    "cached outputs in odd rows": lambda call: replaced(call, CACHED, odd_rows(call[CACHED])),
    "no residual": lambda call: replaced(call, RESIDUAL, None),
    "a residual of text as well": lambda call: replaced(call, RESIDUAL, call[CACHED]),
    "a residual elsewhere": lambda call: replaced(call, RESIDUAL, call[RESIDUAL].to("meta")),
    "queries elsewhere": lambda call: replaced(call, Q, call[Q].to("meta")),
}


def replaced(call, at, value):
    return [*call[:at], value, *call[at + 1 :]]


@pytest.mark.parametrize("change", CHANGES)
def test_a_call_that_differs_is_left_to_the_questions(change, launches):
    call = a_call()
    remembered(call)
    changed = CHANGES[change](call)
    assert known.serve(*changed) is None and not launches
    assert known.serve(*call) is not None and len(launches) == 1


def test_a_call_with_gradients_is_left_to_the_questions(launches):
    call = a_call()
    remembered(call)
    with torch.enable_grad():
        assert known.serve(*call) is None and not launches


def test_calls_of_several_kinds_take_turns_and_each_is_launched_with_its_own_strides(launches):
    """As a model's sites do of which some have their own order of axes; and an equal table is known as well."""
    first = a_call()
    second = replaced(first, K, first[K].contiguous())
    for call in (first, second):
        remembered(call)
    equal = HeadTable(TABLE.ways, TABLE.refresh)
    for call in (first, second, second, replaced(first, TABLE_AT, equal), second):
        assert known.serve(*call) is not None
        tensors, _, _, steps = launches[-1]
        assert tensors[1] is call[K] and steps[:12] == units.units(*(call[i].stride() for i in (Q, K, V, OUT)))


def test_of_equal_tables_the_last_is_kept_and_of_too_many_the_first_goes(monkeypatch):
    monkeypatch.setattr(known, "MOST_TABLES", 2)
    store = known.Tables()
    some = [HeadTable((WINDOW,) * heads, (None,) * heads) for heads in (1, 2, 2, 3)]
    ready = [launch.Ready(LAYOUT, table, BLOCKS, False, choice().shelf, 64, False) for table in some]
    for one in ready[:3]:
        store.put(one)
    assert [store.equal.get(table) for table in some] == [ready[0], ready[2], ready[2], None]
    store.put(ready[3])
    assert [store.equal.get(table) for table in some] == [None, ready[2], ready[2], ready[3]]
    assert [store.same.get(id(table)) for table in some] == [None, None, ready[2], ready[3]]
    assert len(store.same) == len(store.equal) == 2


def test_updated_residuals_take_turns_in_memory_during_a_prepared_run_alone(launches, monkeypatch):
    call = a_call()
    remembered(call)
    first, second = (known.serve(*call)[0] for _ in range(2))
    assert first.data_ptr() != second.data_ptr()  # no run has prepared them
    known.lay_out(call[Q], LAYOUT, [(TABLE, choice())], False, host)
    first, second = (known.serve(*call)[0] for _ in range(2))
    assert first is second and first.dtype is torch.float16
    with monkeypatch.context() as patch:
        patch.setattr(units, "_capturing", lambda like: True)
        assert known.serve(*call)[0].data_ptr() != first.data_ptr()
    with monkeypatch.context() as patch:
        patch.setattr(units, "MOST_KEPT", 100)
        known.release()
        known.lay_out(call[Q], LAYOUT, [(TABLE, choice())], False, host)
        first, second = (known.serve(*call)[0] for _ in range(2))
        assert first.data_ptr() != second.data_ptr()
    known.release()
    first, second = (known.serve(*call)[0] for _ in range(2))
    assert first.data_ptr() != second.data_ptr()


@interpreted
@settings(deadline=None, max_examples=8, derandomize=True, database=None, phases=(Phase.explicit, Phase.generate))
@given(st.data())
def test_known_calls_match_the_float64_reference(data):
    """Whatever the layout and the table, with cached outputs as part of a larger buffer and as a copy, in a run that
    was prepared or not, and by the caller's own full heads."""
    layout = data.draw(layouts(largest=200))
    table = data.draw(tables(len(layout.grid)))
    dtype, batch = data.draw(st.sampled_from((torch.float16, torch.float32))), data.draw(st.integers(1, 2))
    q, k, v = qkv(batch, len(table), layout.length, 64, dtype)
    kept = caches(q, layout, table)
    if data.draw(st.booleans()):
        kept = {name: x if x is None else torch.cat((x, x), 1)[:, : x.shape[1]] for name, x in kept.items()}
    chosen = choice(layout, data.draw(st.booleans()))
    if data.draw(st.booleans()):
        known.lay_out(q, layout, [(table, chosen)], False, host)
    wanted, wanted_fresh = reference.head_wise(q.double(), k.double(), v.double(), layout, table, **doubled(kept))
    known.remember(q, k, v, layout, table, q, choice=chosen, scale=None, dense=host)
    for _ in range(2):
        out = torch.full_like(q, torch.nan)
        fresh, ready = known.serve(q, k, v, layout, table, out, None, kept.get("cached"), kept.get("residual"), host)
        torch.testing.assert_close(out.double(), wanted, rtol=0, atol=TOLERANCE[dtype])
        assert ready.left is (chosen.leaves and bool(ready.work.left) if table.full_heads else None)
        if wanted_fresh is not None:
            torch.testing.assert_close(fresh.double(), wanted_fresh, rtol=0, atol=TOLERANCE[dtype])
    known.release()
    known.forget()


def test_windows_over_all_of_the_grid_are_left_to_the_caller_as_full_heads_are(launches):
    whole = Window((1.0, 1.0))
    q, k, v = qkv(1, 2, LAYOUT.length, 64, torch.float16)
    table, out = HeadTable((whole, WINDOW), (None, None)), torch.full_like(q, torch.nan)
    known.remember(q, k, v, LAYOUT, table, out, choice=choice(), scale=None, dense=host)
    _, ready = known.serve(q, k, v, LAYOUT, table, out, None, None, None, host)
    assert torch.equal(out[:, :1], host(q[:, :1], k[:, :1], v[:, :1])) and ready.left is None and len(launches) == 1


def test_dispatch_hands_on_what_is_known(launches, monkeypatch):
    call = a_call()
    remembered(call)
    q, k, v, layout, table, out, _, cached, residual, dense = call
    monkeypatch.setattr(dispatch, "why_not", lambda *args, **options: "It was asked.")
    outcome = dispatch.head_wise(q, k, v, layout, table, cached=cached, residual=residual, dense=dense, out=out)
    assert isinstance(outcome, dispatch.Outcome) and outcome.out is out and outcome.left is True
    assert (outcome.path, outcome.backend, outcome.refusals) == ("fused", "triton_pointer", ())
    assert outcome.pairs == known.serve(*call)[1].pairs and outcome.residual.shape == (1, 1, layout.image, 64)
    with pytest.raises(ValueError, match="It was asked."):
        dispatch.head_wise(q, k, v, layout, table, cached=cached, dense=dense, out=out)
