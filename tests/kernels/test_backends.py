"""The list of back ends: who is asked in which order, who serves, and what is said of the others.

With TRITON_INTERPRET=1 (see test_triton.py) the Triton back ends compute, in the interpreter; else they are asked only.
"""

import os

import pytest
import torch
from kernel_cases import caches, mixed, qkv

from ditfastattn.kernels import BACKENDS, FULL, REUSE, HeadTable, Layout, Window, dispatch, head_wise
from ditfastattn.kernels.backends import Backend
from ditfastattn.kernels.done import Done
from ditfastattn.kernels.triton import backend, launch
from ditfastattn.kernels.triton.configs import PINGPONG, POINTER, Config
from ditfastattn.kernels.triton.operands import why_no_descriptors, why_unaligned
from ditfastattn.kernels.triton.trial import Trial

LAYOUT = Layout((6, 37), prefix=3, suffix=2)
LOCAL, WIDE = Window((0.3, 0.3)), Window((0.7, 0.5))
MIXED = mixed(LOCAL, WIDE)
SMALL = Config(64, 32, 4, 2)
TURNS = Config(128, 64, 4, 2, PINGPONG)
interpreted = pytest.mark.skipif(os.environ.get("TRITON_INTERPRET") != "1", reason="runs in test_triton.py's process")

pytestmark = pytest.mark.usefixtures("one_thread")


class Elsewhere(torch.Tensor):
    """A CPU tensor that says it lies on another device."""

    device = torch.device("meta")


def halves(order="tokens first", heads=6):
    return qkv(1, heads, LAYOUT.length, 64, torch.float16, order)


def test_the_list_goes_from_the_fastest_to_the_one_that_serves_all():
    assert [one.name for one in BACKENDS] == ["triton_int8", "triton_hopper", "triton_pointer", "tiled", "reference"]
    assert [one.gpu for one in BACKENDS] == [True, True, True, False, False]
    for one in BACKENDS[3:]:
        assert one.why_not(None, None, None, None, None, None, scale=None, cached=None, residual=None) is None


def test_on_a_cpu_no_gpu_kernel_is_asked():
    q, k, v = halves()
    outcome = head_wise(q, k, v, LAYOUT, MIXED, **caches(q, LAYOUT, MIXED))
    assert (outcome.path, outcome.backend, outcome.refusals, outcome.refusal) == ("tiled", "tiled", (), None)


def test_the_reference_serves_like_the_others_where_it_is_alone(monkeypatch):
    q, k, v = qkv(2, len(MIXED), LAYOUT.length, 8)
    kept = caches(q, LAYOUT, MIXED)
    usual = head_wise(q, k, v, LAYOUT, MIXED, **kept)
    monkeypatch.setattr(dispatch, "BACKENDS", BACKENDS[-1:])
    plain = head_wise(q, k, v, LAYOUT, MIXED, **kept)
    assert (plain.path, plain.backend, usual.backend) == ("reference", "reference", "tiled")
    torch.testing.assert_close(plain.out, usual.out, rtol=0, atol=1e-5)
    torch.testing.assert_close(plain.residual, usual.residual, rtol=0, atol=1e-5)


@pytest.mark.parametrize("serving", [0, 1, 2])
def test_the_first_that_can_serves_and_the_others_reasons_are_kept(serving, monkeypatch):
    asked = []

    def make(number):
        def why_not(*args, **options):
            asked.append(number)
            return None if number == serving else f"{number} cannot."

        return Backend(
            f"n{number}", ("fused", "fused", "tiled")[number], "", why_not, lambda *a, **b: Done(number, False), True
        )

    monkeypatch.setattr(dispatch, "BACKENDS", tuple(map(make, range(3))))
    monkeypatch.setattr(dispatch, "why_not", lambda *a, **b: None)
    q, k, v = (x.as_subclass(Elsewhere) for x in halves())
    outcome = dispatch.head_wise(q, k, v, LAYOUT, MIXED, out=torch.empty(1))
    assert asked == list(range(serving + 1)) and outcome.residual == serving
    assert outcome.backend == f"n{serving}" and outcome.refusals == ("0 cannot.", "1 cannot.")[:serving]
    assert outcome.refusal == ("1 cannot." if serving == 2 else None)


def test_what_needs_no_back_end_asks_none():
    q, k, v = halves(heads=2)
    full = head_wise(q, k, v, LAYOUT, HeadTable.uniform(2, FULL))
    copied = head_wise(q, k, v, LAYOUT, HeadTable.uniform(2, REUSE), cached=q)
    assert (full.path, full.backend, copied.path, copied.backend) == ("dense", None, "copied", None)


@pytest.fixture
def on_hopper(monkeypatch):
    """The two Triton back ends as on a Hopper GPU whose trial is over; call it with the winner."""

    def make(winner):
        configs = (TURNS, SMALL)
        monkeypatch.setattr(backend, "is_hopper", lambda device: True)
        monkeypatch.setattr(backend, "why_not", lambda *a, **b: None)
        monkeypatch.setattr(backend, "trial_of", lambda *a: Trial(None, winner))
        monkeypatch.setattr(backend, "device_configs", lambda *args: configs)
        monkeypatch.setattr(backend, "leaves_full", lambda *args: False)

    return make


def hopper_refusal(q, k, v, table=MIXED):
    options = {"scale": None, "cached": None, "residual": None}
    return BACKENDS[1].why_not(q, k, v, LAYOUT, table, torch.empty_like(q), **options)


def test_only_hopper_gets_the_hopper_kernel():
    sentence = hopper_refusal(*halves())
    assert "compute capability 9.0" in sentence and sentence.endswith(".")


def test_the_hopper_kernel_serves_where_it_won_its_trial(on_hopper):
    on_hopper(TURNS)
    assert hopper_refusal(*halves()) is None
    on_hopper(SMALL)
    assert "the trial on this GPU chose the pointer kernel" in hopper_refusal(*halves())


@pytest.mark.parametrize(
    "which, words", [("repeated", "repeat one another"), ("strides", "start on 16 bytes"), ("address", "16 bytes")]
)
def test_what_a_descriptor_cannot_describe_gets_one_sentence(which, words, on_hopper):
    on_hopper(TURNS)
    q, k, v = halves("sliced tokens" if which == "strides" else "tokens first")
    if which == "repeated":
        k, v = k[:, :1].expand(1, len(MIXED), -1, -1), v[:, :1].expand(1, len(MIXED), -1, -1)
    if which == "address":
        shape = (1, LAYOUT.length, len(MIXED), 64)
        q = torch.zeros(q.numel() + 1, dtype=q.dtype)[1:].view(shape).transpose(1, 2).copy_(q)
    sentence = hopper_refusal(q, k, v)
    assert words in sentence and sentence[0].isupper() and sentence.endswith(".") and "\n" not in sentence
    assert sentence == (why_no_descriptors if which == "repeated" else why_unaligned)([q, k, v])


@pytest.mark.parametrize("winner", [SMALL, TURNS], ids=str)
def test_the_pointer_back_end_takes_its_own_configuration_whoever_won(winner, on_hopper, monkeypatch):
    on_hopper(winner)
    taken = []
    monkeypatch.setattr(backend, "head_wise", lambda *a, config, **b: taken.append(config))
    for one in BACKENDS[1:3]:
        options = {"scale": None, "cached": None, "residual": None, "dense": None}
        q, k, v = halves()
        one.head_wise(q, k, v, LAYOUT, MIXED, torch.empty_like(q), **options)
    assert taken == [winner, SMALL] and SMALL.path == POINTER


@interpreted
@pytest.mark.parametrize("repeated", [False, True])
def test_dispatch_serves_a_mixed_table_by_one_launch_where_the_kernel_can(repeated, on_hopper, monkeypatch):
    """With TURNS as the winner and heads that no descriptor describes, the pointer kernel serves."""
    on_hopper(TURNS if repeated else SMALL)
    q, k, v = qkv(1, len(MIXED), LAYOUT.length, 64, torch.float16)
    if repeated:
        k, v = (x[:, :1].expand(-1, len(MIXED), -1, -1) for x in (k, v))
    arguments = caches(q, LAYOUT, MIXED)
    wanted = head_wise(q, k, v, LAYOUT, MIXED, **arguments)
    monkeypatch.setattr(dispatch, "why_not", lambda *a, **b: None)
    seen = []

    def fused(q, k, v, *args, **options):
        seen.append(options["config"])
        return launch.head_wise(*(x.as_subclass(torch.Tensor) for x in (q, k, v)), *args, **options)

    monkeypatch.setattr(backend, "head_wise", fused)
    out = torch.empty_like(q)
    outcome = dispatch.head_wise(*(x.as_subclass(Elsewhere) for x in (q, k, v)), LAYOUT, MIXED, out=out, **arguments)
    assert seen == [SMALL] and outcome.backend == "triton_pointer" and len(outcome.refusals) == 2
    torch.testing.assert_close(outcome.out, wanted.out, rtol=0, atol=5e-3)
    torch.testing.assert_close(outcome.residual, wanted.residual, rtol=0, atol=5e-3)
