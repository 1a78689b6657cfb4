"""The Triton path apart from its arithmetic: what it refuses, how it is tried, and what a trial leaves behind.

Its arithmetic is proven in Triton's interpreter (test_triton_interpreted.py, test_hopper_emulated.py) and, where there
is a GPU, on it.
"""

import os
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from kernel_cases import TOLERANCE, caches, doubled, mixed, qkv

from ditfastattn.kernels import FULL, HeadTable, Layout, Window, head_wise, reference
from ditfastattn.kernels.triton import (
    agreement,
    attempt,
    backend,
    devices,
    launch,
    trial,
    why_not,
)
from ditfastattn.kernels.triton.configs import HEAD_DIMS, PINGPONG, POINTER, Config, candidates
from ditfastattn.kernels.triton.operands import in_place, is_wide, why_unaligned
from ditfastattn.kernels.triton.verdicts import FILE, Verdicts

CPU = torch.device("cpu")
LAYOUT = Layout((13, 37), prefix=3, suffix=2)
LOCAL, WIDE = Window((0.3, 0.3)), Window((0.7, 0.5))
TESTS = Path(__file__).parents[1]


def refusal(q=None, k=None, v=None, layout=LAYOUT, table=None, **arguments):
    shape = (1, 2, layout.length, 64)
    q, k, v = (torch.zeros(shape, dtype=torch.float16) if x is None else x for x in (q, k, v))
    return why_not.why_not(q, k, v, layout, table or HeadTable.uniform(2, LOCAL), **arguments)


def zeros(*shape, dtype=torch.float16):
    return torch.zeros(shape, dtype=dtype)


N = LAYOUT.length


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"q": zeros(2, N, 64)}, "four axes"),
        ({"k": zeros(1, 1, N, 64), "v": zeros(1, 1, N, 64)}, "grouped-query"),
        ({"k": zeros(1, 2, 9, 64), "v": zeros(1, 2, 9, 64)}, "self-attention"),
        ({name: zeros(1, 2, N, 64, dtype=torch.float32) for name in "qkv"}, "float32"),
        ({name: zeros(1, 2, N, 48) for name in "qkv"}, "head size is 48"),
        ({"scale": -1.0}, "positive scale"),
        (
            {"layout": Layout((600_000,)), **{name: zeros(1, 1, 1, 64).expand(1, 2, 600_000, 64) for name in "qkv"}},
            "large",
        ),
        ({}, "not on cpu"),
    ],
    ids=lambda x: x if isinstance(x, str) else "",
)
def test_a_call_the_kernel_cannot_serve_gets_one_sentence(arguments, words):
    sentence = refusal(**arguments)
    assert words in sentence
    assert sentence[0].isupper() and sentence.endswith(".") and "\n" not in sentence


def test_a_missing_triton_is_a_reason_and_not_an_error(monkeypatch):
    from ditfastattn.kernels import triton as package

    monkeypatch.setitem(sys.modules, "triton", None)
    monkeypatch.delitem(sys.modules, f"{package.__name__}.pointer", raising=False)
    monkeypatch.delattr(package, "pointer", raising=False)
    assert "not installed" in why_not.triton_missing.__wrapped__()


def test_a_kernel_that_fails_its_trial_is_switched_off_with_the_reason(monkeypatch):
    def broken(*args, **arguments):
        raise RuntimeError("no kernel image\nand much more")

    monkeypatch.setattr(agreement, "head_wise", broken)
    found = trial._attempt.__wrapped__(CPU, torch.float16, 64, False, False, 0)
    assert found.reason == "The Triton kernel failed its trial on this GPU: RuntimeError: no kernel image."
    assert str(found) == found.reason and found.config is None


@pytest.mark.parametrize(
    "difference, times, words",
    [
        (0.01, (), None),
        (0.01, (1.0, 2.0), None),
        (0.01, (2.0, 2.0), "no faster than the tiled path: 2.000 ms against 2.000 ms"),
        (0.01, (2.5, 2.0), "2.500 ms against 2.000 ms"),
        (0.2, (1.0, 2.0), "differs by 20 %"),
        (float("nan"), (), "differs by nan"),
        (float("inf"), (1.0, 2.0), "differs by inf"),
    ],
)
def test_a_kernel_serves_that_is_right_and_faster_than_the_tiled_path(difference, times, words):
    sentence = trial.why_rejected(difference, *times)
    assert sentence is None if words is None else words in sentence and sentence.endswith(".")


@pytest.fixture
def fresh_trials(monkeypatch):
    monkeypatch.setattr(attempt, "VERDICTS", Verdicts())
    monkeypatch.setattr(trial, "_trials", {})
    yield
    trial._attempt.cache_clear()


@pytest.mark.usefixtures("fresh_trials")
def test_a_lack_of_memory_is_not_held_against_the_kernel(monkeypatch):
    minute, tries = [0.0], []

    def survey(*args, **options):
        tries.append(args)
        if len(tries) == 1:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 40 MiB")
        return trial.Trial(None, Config(128, 64, 8, 3), 0.0, 1.0, 2.0, 3.0)

    monkeypatch.setattr(trial, "survey", survey)
    monkeypatch.setattr(attempt.time, "monotonic", lambda: minute[0])
    for _ in range(3):
        assert "not enough GPU memory" in why_not.fault(CPU, torch.float16, 64)
    with pytest.raises(attempt.NotNow):
        trial.trial_of(CPU, torch.float16, 64)
    assert len(tries) == 1
    minute[0] += attempt.RETRY_SECONDS
    assert why_not.fault(CPU, torch.float16, 64) is None and why_not.fault(CPU, torch.float16, 64) is None
    assert len(tries) == 2 and trial.trial_of(CPU, torch.float16, 64).fused_ms == 1.0


@pytest.mark.usefixtures("fresh_trials")
def test_a_trial_that_does_not_end_says_how_to_go_on_without(monkeypatch):
    said, warned = [], threading.Event()
    found = trial.Trial(None, Config(128, 64, 8, 3), 0.0, 1.0, 2.0, 3.0)
    monkeypatch.setattr(attempt, "LONG_SECONDS", 0.05)
    monkeypatch.setattr(trial, "survey", lambda *args, **options: found if warned.wait(20) else None)
    monkeypatch.setattr(attempt.log, "warning", lambda text, *args: (said.append(text % args), warned.set()))
    assert why_not.fault(CPU, torch.float16, 64) is None
    assert len(said) == 1 and "start it with DITFASTATTN_FUSED=pointer" in said[0]


@pytest.mark.usefixtures("fresh_trials")
def test_no_trial_is_made_while_a_graph_is_captured(monkeypatch):
    device, capturing = torch.device("cuda", 0), [True]
    monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: capturing[0])
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "a GPU")
    monkeypatch.setattr(trial, "device_configs", lambda *args: (Config(128, 64, 8, 3),))
    monkeypatch.setattr(trial, "name_of", lambda *args: "a GPU")
    monkeypatch.setattr(attempt, "on", lambda device: torch.no_grad())
    found = trial.Trial(None, Config(128, 64, 8, 3), 0.0, 1.0, 2.0, 3.0)
    tries = []
    monkeypatch.setattr(trial, "survey", lambda *args, **options: tries.append(args) or found)
    assert "being captured" in why_not.fault(device, torch.float16, 64) and not tries
    capturing[0] = False
    assert why_not.fault(device, torch.float16, 64) is None
    capturing[0] = True
    assert why_not.fault(device, torch.float16, 64) is None and len(tries) == 1


def test_one_variable_switches_the_kernel_off(monkeypatch):
    monkeypatch.setenv("DITFASTATTN_FUSED", "0")
    assert why_not.switched_off() == "The Triton kernel is switched off by DITFASTATTN_FUSED=0."
    monkeypatch.setenv("DITFASTATTN_FUSED", "1")
    assert why_not.switched_off() is None


@pytest.mark.parametrize(
    "wanted, paths",
    [
        (None, [PINGPONG, POINTER]), ("1", [PINGPONG, POINTER]), ("pointer", [POINTER]),
        ("ping_pong", [PINGPONG, POINTER]), ("pointer,ping_pong", [PINGPONG, POINTER]), ("int8", [POINTER]),
    ],
)  # fmt: skip
def test_the_same_variable_leaves_single_paths_off(wanted, paths, monkeypatch):
    pytest.importorskip("triton", reason="Triton is not installed")
    monkeypatch.delenv("DITFASTATTN_FUSED", raising=False)
    if wanted:
        monkeypatch.setenv("DITFASTATTN_FUSED", wanted)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (9, 0))
    monkeypatch.setattr(devices, "proven_triton", lambda: True)
    devices._candidates.cache_clear()
    assert [config.path for config in devices.device_configs(torch.device("cuda"), 128)] == paths


@pytest.mark.parametrize("version, known", [("3.6.0", True), ("3.5.1", False), ("3.7.0", False), ("3.60.0", False)])
def test_gluon_serves_only_where_its_version_was_tested(version, known, monkeypatch):
    triton = pytest.importorskip("triton", reason="Triton is not installed")
    monkeypatch.setattr(triton, "__version__", version)
    devices.proven_triton.cache_clear()
    assert devices.proven_triton() is known
    devices.proven_triton.cache_clear()


def test_under_a_later_triton_blocks_are_smaller_where_it_would_spill():
    for capability in (80, 86, 89, 120):
        first, last = candidates("cuda", capability, 128, later=True)
        assert (first,) == candidates("cuda", capability, 128) and (last.queries, last.keys) == (first.queries, 16)
    assert [one.keys for one in candidates("cuda", 100, 80, later=True)] == [64, 32]
    first, last = candidates("cuda", 80, 64, later=True)
    assert first.queries == 64 and last == candidates("cuda", 80, 64)[-1]
    for capability, dim in ((90, 128), (100, 128), (89, 64), (89, 80), (120, 96)):
        assert candidates("cuda", capability, dim, later=True) == candidates("cuda", capability, dim)


@pytest.mark.parametrize("capability, refreshing", [(80, -1), (90, 0)])
def test_a_refresh_takes_a_configuration_that_is_made_for_it(capability, refreshing, monkeypatch):
    configs = candidates("cuda", capability, 64)
    monkeypatch.setattr(backend, "device_configs", lambda *args: configs)
    monkeypatch.setattr(backend, "trial_of", lambda *args: trial.Trial(None, configs[0]))
    q = zeros(1, 2, N, 64)
    assert backend.choice(q, LAYOUT, HeadTable.uniform(2, LOCAL)) == configs[0]
    assert backend.choice(q, LAYOUT, HeadTable.uniform(2, FULL, refresh=LOCAL)) == configs[refreshing]


def test_cached_heads_in_their_place_are_recognised():
    out = torch.zeros(1, 9, 4, 8).transpose(1, 2)
    assert in_place(out, out[:, 1::2], (1, 3)) and in_place(out, out[:, 2:3], (2,))
    assert not in_place(out, out[:, 1::2].clone(), (1, 3)) and not in_place(out, out[:, :2], (1, 2))
    assert not in_place(out, out[:, :3], (0, 1, 3)) and not in_place(out, None, ())


def test_rows_that_no_kernel_is_compiled_for_go_elsewhere():
    assert why_unaligned([torch.zeros(1, 9, 3, 72).transpose(1, 2)]) is None
    for x in (
        torch.zeros(1, 9, 3, 76)[..., :72].transpose(1, 2),
        torch.zeros(1, 3, 9, 144)[..., ::2],
        torch.zeros(1, 3, 9, 80)[..., 1:73],
    ):
        assert "16 bytes" in why_unaligned([torch.zeros(1, 3, 9, 72), x])
    tokens = torch.zeros(1, dtype=torch.float16).expand(1, 2, 9, 64)
    assert not is_wide([tokens])
    assert is_wide([torch.empty_strided((1, 2, 9, 64), (0, 0, 1 << 28, 1), device="meta")])


def test_a_trial_that_took_the_process_down_is_not_made_again(tmp_path, monkeypatch):
    first, last = Config(128, 64, 8, 3), Config(64, 32, 4, 3)
    monkeypatch.setattr(trial, "device_configs", lambda *args: (first, last))
    seen = []

    def start(survey):
        """A process of its own, as far as the trial can tell."""
        verdicts = Verdicts()
        verdicts.keep_in(tmp_path)
        monkeypatch.setattr(attempt, "VERDICTS", verdicts)
        monkeypatch.setattr(trial, "survey", survey)
        return trial._attempt.__wrapped__(CPU, torch.float16, 64, False, False, 0)

    def dies(*args, crashed, trying):
        seen.append(sorted(crashed))
        trying(first)
        raise SystemError  # stands for the end of the process

    right = trial.Trial(None, last, 0.002, 1.0, 2.0, 3.0, dropped=("said",))
    with monkeypatch.context() as killed:
        # The end of a process is seen by nobody: what was written before is all that is left.
        killed.setattr(Verdicts, "put", once(Verdicts.put))
        start(dies)
    assert "trying" in (tmp_path / FILE).read_text()
    found = start(lambda *args, crashed, trying: seen.append(sorted(crashed)) or right)
    assert seen == [[], [str(first)]] and found == right
    again = start(lambda *args, **options: pytest.fail("tried again"))
    assert again == right


def once(put):
    """A function that works the first time alone."""
    calls = []

    def only_once(*args):
        calls.append(args)
        if len(calls) == 1:
            put(*args)

    return only_once


@pytest.mark.parametrize("text", ["", "[1, 2]", '{"a": 3}', "{", "\x00"])
def test_a_damaged_file_of_verdicts_is_an_empty_one(text, tmp_path):
    (tmp_path / FILE).write_text(text)
    verdicts = Verdicts()
    verdicts.keep_in(tmp_path)
    assert verdicts.get("a") == {}
    verdicts.put("b", {"trying": "x"})
    again = Verdicts()
    again.keep_in(tmp_path)
    assert again.get("b") == {"trying": "x"}
    again.put("b", None)
    assert (tmp_path / FILE).read_text() == "{}"


def test_verdicts_that_cannot_be_written_are_no_error(tmp_path):
    (tmp_path / "file").write_text("")
    verdicts = Verdicts()
    verdicts.keep_in(tmp_path / "file")
    verdicts.put("a", {"x": 1})
    assert verdicts.get("a") == {"x": 1}


def separate(arguments, **environment):
    """Run pytest on this folder in a process of its own."""
    kept = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-c",
        TESTS / "pytest.ini",
        "--rootdir",
        TESTS,
        "-q",
        "-p",
        "no:cacheprovider",
    ]
    return subprocess.run(
        [*map(str, command), *arguments], cwd=TESTS, capture_output=True, text=True, env={**kept, **environment}
    )


@pytest.mark.slow
def test_the_kernels_arithmetic_in_the_interpreter():
    """Every claim of some files, in a process whose Triton interprets."""
    pytest.importorskip("triton", reason="Triton is not installed")
    if tuple(map(int, np.__version__.split(".")[:2])) >= (2, 4):
        pytest.skip("Triton's interpreter does not work with NumPy 2.4 and newer")
    names = ("triton_interpreted", "hopper_emulated", "backends", "int8_interpreted", "known_calls")
    files = [f"kernels/test_{name}.py" for name in names]
    done = separate([*files, "-rf"], TRITON_INTERPRET="1")
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]


def test_only_hopper_gets_paths_of_its_own_and_every_list_ends_with_the_other():
    for capability in (75, 80, 86, 89, 90, 100, 103, 120, 121):
        for dim in HEAD_DIMS:
            found = candidates("cuda", capability, dim)
            hopper = [PINGPONG] if capability == 90 else []
            assert [config.path for config in found if config.path != POINTER] == hopper
            assert found[-1].path == POINTER and len(set(found)) == len(found) <= 3
    assert all(config.path == POINTER for name in ("gfx942", "gfx1100") for config in candidates(name, 0, 128))


gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA or ROCm device")
MIXED = mixed(LOCAL, WIDE)


@pytest.mark.gpu
@gpu
@pytest.mark.parametrize("layout", [LAYOUT, Layout((48, 56), 77), Layout((5, 20, 24), 0, 3)], ids=str)
@pytest.mark.parametrize("dim", (64, 72, 80, 96, 128))
@pytest.mark.parametrize("dtype", (torch.float16, torch.bfloat16), ids=str)
@pytest.mark.parametrize("pooled", (False, True), ids=("", "pooled"))
def test_on_the_gpu_a_mixed_layer_matches_float64_and_repeats_its_bits(pooled, dtype, dim, layout):
    table = mixed(*(Window((*w.extent, 0.4)[-len(layout.grid) :], pooled) for w in (LOCAL, WIDE)))
    q, k, v = (x.cuda() for x in qkv(2, len(table), layout.length, dim, dtype))
    arguments = {name: x.cuda() for name, x in caches(q.cpu(), layout, table).items()}
    outcome = head_wise(q, k, v, layout, table, **arguments)
    assert outcome.path == "fused"
    again = head_wise(q, k, v, layout, table, **arguments)
    assert torch.equal(outcome.out, again.out) and torch.equal(outcome.residual, again.residual)
    for row in range(2):
        one = {name: x[row : row + 1].double() for name, x in arguments.items()}
        wanted, fresh = _reference_on(q[row : row + 1], k[row : row + 1], v[row : row + 1], layout, table, one)
        torch.testing.assert_close(outcome.out[row : row + 1].double(), wanted, rtol=0, atol=TOLERANCE[dtype])
        torch.testing.assert_close(outcome.residual[row : row + 1].double(), fresh, rtol=0, atol=TOLERANCE[dtype])


@pytest.mark.gpu
@gpu
@pytest.mark.parametrize("dim", (64, 72, 80, 96, 128))
@pytest.mark.parametrize("dtype", (torch.float16, torch.bfloat16), ids=str)
@pytest.mark.parametrize("pooled", (False, True), ids=("", "pooled"))
def test_on_the_gpu_every_configuration_is_right_and_repeats_its_bits_under_load(pooled, dtype, dim):
    """More blocks of work than the GPU holds at a time, many times over: what a race would show in."""
    layout = Layout((64, 72), 77)
    table = mixed(replace(LOCAL, pooled=pooled), replace(WIDE, pooled=pooled))
    q, k, v = (x.cuda() for x in qkv(1, len(table), layout.length, dim, dtype))
    arguments = {name: x.cuda() for name, x in caches(q.cpu(), layout, table).items()}
    wanted, residual = _reference_on(q, k, v, layout, table, arguments)
    for config in devices.device_configs(q.device, dim):
        out = torch.empty_like(q)
        fresh = launch.head_wise(q, k, v, layout, table, out, config=config, **arguments)
        torch.testing.assert_close(out.double(), wanted, rtol=0, atol=TOLERANCE[dtype])
        torch.testing.assert_close(fresh.double(), residual, rtol=0, atol=TOLERANCE[dtype])
        for _ in range(20):
            again = torch.empty_like(q)
            fresh_again = launch.head_wise(q, k, v, layout, table, again, config=config, **arguments)
            assert torch.equal(again, out) and torch.equal(fresh_again, fresh), str(config)


def _reference_on(q, k, v, layout, table, arguments):
    """The reference on the device of its inputs, in float64."""
    with torch.device(q.device):
        return reference.head_wise(q.double(), k.double(), v.double(), layout, table, **doubled(arguments))


@pytest.mark.gpu
@gpu
def test_on_the_gpu_a_captured_graph_replays_the_same_bits():
    q, k, v = (x.cuda() for x in qkv(1, len(MIXED), LAYOUT.length, 64, torch.float16))
    arguments = {name: x.cuda() for name, x in caches(q.cpu(), LAYOUT, MIXED).items()}
    out = torch.empty_like(q)
    wanted = head_wise(q, k, v, LAYOUT, MIXED, **arguments)
    assert wanted.path == "fused"
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        outcome = head_wise(q, k, v, LAYOUT, MIXED, out=out, **arguments)
    out.zero_()
    graph.replay()
    assert torch.equal(out, wanted.out) and torch.equal(outcome.residual, wanted.residual)
