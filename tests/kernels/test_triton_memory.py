"""The memory that the calls of a run take turns in."""

import torch

from ditfastattn.kernels import HeadTable, Layout, Window
from ditfastattn.kernels.triton import known, units
from ditfastattn.kernels.triton.configs import Config
from ditfastattn.kernels.triton.worklist import Kind, Shelf

CPU = torch.device("cpu")
LAYOUT = Layout((13, 37), prefix=3, suffix=2)
N = LAYOUT.length
LOCAL = Window((0.3, 0.3))


def test_calls_of_a_run_take_turns_in_memory_that_is_free_when_it_is_over(monkeypatch):
    shelf, q = Shelf(Kind(LAYOUT, 64, 32, CPU)), torch.empty(1, 2, N, 64, dtype=torch.float16)
    first = shelf.scratch.take(30, 20, q)
    assert [len(x) for x in first] == [30, 20] and [x.dtype for x in first] == [torch.float16, torch.float32]
    assert shelf.scratch.take(30, 20, q)[0].data_ptr() != first[0].data_ptr()  # a call that no run has prepared
    known.lay_out(
        q, LAYOUT, [(HeadTable.uniform(2, LOCAL), known.Choice(Config(64, 32, 4, 3), False, shelf))], False, max
    )
    kept = shelf.scratch.take(30, 20, q)
    assert shelf.scratch.take(30, 10, q) is shelf.scratch.take(29, 20, q) is kept
    assert shelf.work(HeadTable.uniform(2, LOCAL)).scratch is shelf.scratch
    for grown in (shelf.scratch.take(31, 20, q), shelf.scratch.take(8, 21, q.bfloat16())):
        assert grown is not kept
    with monkeypatch.context() as patch:
        patch.setattr(units, "_capturing", lambda like: True)
        assert shelf.scratch.take(8, 8, q.bfloat16()) is not grown
    assert shelf.scratch.take(8, 8, q.bfloat16()) is grown
    known.release()
    assert shelf.scratch.take(8, 8, q.bfloat16()) is not grown and not shelf.scratch.keeps


def test_pieces_of_a_runs_memory_lie_apart_and_are_the_same_until_a_call_needs_more(monkeypatch):
    like = torch.empty(1)
    shapes = (torch.int8, (3, 5)), (torch.float16, (2, 7)), (torch.float32, (0, 4)), (torch.float32, (6,))
    scratch = units.Scratch()
    assert scratch.pieces("a", shapes, like)[0] is not scratch.pieces("a", shapes, like)[0]  # no run has prepared it
    scratch.keeps = True
    made = scratch.pieces("a", shapes, like)
    assert [(x.dtype, tuple(x.shape)) for x in made] == list(shapes) and all(x.is_contiguous() for x in made)
    assert all(x.data_ptr() % 16 == 0 for x in made if x.numel())
    for number, x in enumerate(made):
        x.fill_(number)
    assert [x.unique().tolist() for x in made] == [[0], [1], [], [3]]
    assert scratch.pieces("a", shapes, like) is made
    # Another purpose has other memory, and smaller ones with this purpose the same.
    room = made[0].untyped_storage().data_ptr()
    other, smaller = scratch.pieces("b", shapes, like), scratch.pieces("a", shapes[:2], like)
    assert other[0].untyped_storage().data_ptr() != room == smaller[0].untyped_storage().data_ptr()
    larger = scratch.pieces("a", (*shapes, (torch.float32, (999,))), like)
    again = scratch.pieces("a", shapes, like)
    assert again[0].untyped_storage().data_ptr() == larger[0].untyped_storage().data_ptr() != room
    with monkeypatch.context() as patch:
        patch.setattr(units, "_capturing", lambda like: True)
        assert scratch.pieces("a", shapes, like)[0].data_ptr() != again[0].data_ptr()
    scratch.release()
    assert scratch.pieces("a", shapes, like) is not scratch.pieces("a", shapes, like)
