"""The kernel's benchmark, as far as a machine without a GPU can follow it: it must not die half way on one that has."""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch

BENCHMARKS = Path(__file__).parent / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))
COLUMNS = "shape tokens text_tokens heads head_dim dtype density path ms tflops baseline baseline_ms speedup".split()


@pytest.fixture
def bench_kernel(monkeypatch):
    import bench_kernel

    monkeypatch.setattr(bench_kernel, "about_machine", lambda device: {"device": "none"})
    return bench_kernel


def test_every_shape_comes_as_near_to_a_density_as_its_text_and_tiles_allow(bench_kernel):
    assert {shape.head_dim for shape in bench_kernel.SHAPES} == {64, 72, 80, 128}
    for shape in bench_kernel.SHAPES:
        tables = list(bench_kernel.tables(shape))
        assert all(len(table) == shape.heads for _, table in tables)
        found = [bench_kernel.density_of(shape, table) for what, table in tables if what in ("full", "window")]
        floor = 1 - (shape.layout.image / shape.layout.length) ** 2
        assert found[0] == 1.0 and found == sorted(found, reverse=True) and len(found) >= 3
        for density, wanted in zip(found[1:], bench_kernel.DENSITIES):
            assert density == pytest.approx(max(wanted, floor), abs=0.09)


def test_a_row_that_fails_leaves_a_sentence_and_the_next_is_measured(bench_kernel, tmp_path, monkeypatch):
    calls = []

    def head_wise(q, k, v, layout, table, out, **options):
        calls.append(options["config"].path)
        if table.all_full:
            raise RuntimeError("CUDA error: too many resources\nand more")

    monkeypatch.setattr(bench_kernel, "head_wise", head_wise)
    bench = bench_kernel.Bench(torch.device("cpu"), torch.float16, tmp_path / "b.json", 5, [])
    bench.shape(bench_kernel.TINY)
    written = json.loads((tmp_path / "b.json").read_text())
    assert (
        "tiny, full, pointer 128x64, 4 warps, 2 stages: RuntimeError: CUDA error: too many resources"
        in (written["not_measured"])
    )
    assert {row["path"] for row in written["rows"]} == {"pointer", "int8"}
    assert {row["what"] for row in written["rows"] if row["path"] == "int8"} == {"window and residual"}
    assert written["costs"] and {"window", "refresh", "mixed plan"} <= {row["what"] for row in written["rows"]}


def test_tile_order_is_timed_where_a_path_puts_windowed_heads_in_it(bench_kernel):
    shape, config = bench_kernel.TINY, bench_kernel.Config(128, 64, 4, 2)
    inputs = bench_kernel.Inputs.of(shape, torch.float16, torch.device("cpu"))
    turns = bench_kernel.replace(config, path="ping_pong")
    timed = {
        (what, one.path)
        for what, table in bench_kernel.tables(shape)
        for one in (config, turns)
        if bench_kernel.ordering_call(shape, inputs, table, one) is not None
    }
    assert ("window", "ping_pong") in timed and {path for _, path in timed} == {"ping_pong"}
    assert ("full", "ping_pong") not in timed


def test_a_kernel_that_hangs_leaves_a_sentence_and_what_was_measured(bench_kernel, tmp_path, monkeypatch):
    ended = threading.Event()
    monkeypatch.setattr(bench_kernel, "HANGS_AFTER", 0.05)
    monkeypatch.setattr(bench_kernel.os, "_exit", lambda status: ended.set())
    bench = bench_kernel.Bench(torch.device("cpu"), torch.float32, tmp_path / "b.json", 1, [])
    bench.report["rows"].append("measured")
    assert bench.attempt("a shape", lambda: ended.wait(20))
    report = json.loads((tmp_path / "b.json").read_text())
    assert report["rows"] == ["measured"] and "a shape: hung" in report["not_measured"][0]


def test_what_holds_many_calls_may_take_longer_than_one(bench_kernel, tmp_path, monkeypatch):
    monkeypatch.setattr(bench_kernel, "HANGS_AFTER", 0.01)
    monkeypatch.setattr(bench_kernel.os, "_exit", lambda status: pytest.fail("it was ended"))
    bench = bench_kernel.Bench(torch.device("cpu"), torch.float32, tmp_path / "b.json", 1, [])
    assert bench.attempt("a shape, all", lambda: time.sleep(0.2) or "done", watched=False) == "done"
    assert bench.report["not_measured"] == []


def test_in_int8_windows_keep_their_extent_and_other_tables_are_left_alone(bench_kernel):
    shape = bench_kernel.TINY
    found = {what: bench_kernel.in_int8(table) for what, table in bench_kernel.tables(shape)}
    assert {what for what, table in found.items() if table} == {"window", "pooled window", "window and residual"}
    local = bench_kernel.window_of(shape.layout, 0.25)
    assert found["window and residual"].ways[0].way == bench_kernel.Int8(local.extent)


def test_nothing_starts_when_time_is_up(bench_kernel, tmp_path):
    bench = bench_kernel.Bench(torch.device("cpu"), torch.float16, tmp_path / "b.json", 0, ["cudnn"])
    time.sleep(0.01)
    bench.shape(bench_kernel.TINY)
    assert bench.report["not_measured"] == ["tiny: time was up"] and bench.report["rows"] == []


@pytest.mark.slow
def test_the_benchmark_runs_from_end_to_end_in_the_interpreter(tmp_path):
    pytest.importorskip("triton", reason="Triton is not installed")
    if tuple(map(int, np.__version__.split(".")[:2])) >= (2, 4):
        pytest.skip("Triton's interpreter does not work with NumPy 2.4 and newer")
    command = [sys.executable, str(BENCHMARKS / "bench_kernel.py"), "--device", "cpu", "--check", "--out"]
    command += [str(tmp_path / "out.json"), "--dtype", "float16", "--baselines", "cudnn,kitchen_int8,kitchen"]
    environment = {**os.environ, "TRITON_INTERPRET": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    report = json.loads((tmp_path / "out.json").read_text())
    assert {"device", "driver", "torch", "triton"} <= set(report)
    assert all(set(COLUMNS) <= set(row) and row["bits_repeat"] for row in report["rows"])
    assert {row["path"] for row in report["rows"]} == {"pointer", "int8"}
    assert not any("tile_order_ms" in row for row in report["rows"])
    assert len(report["checks"]) == 8 and all(found["right"] and found["bits_repeat"] for found in report["checks"])
    assert {cost["what"] for cost in report["costs"]} == {"window and residual", "refresh", "pooled window"}
    for name in ("cudnn", "kitchen_int8"):
        assert any(f"dense {name}" in sentence for sentence in report["not_measured"])


def test_every_row_is_held_against_the_fastest_dense_attention_that_is_found(bench_kernel, tmp_path, monkeypatch):
    def attention(milliseconds):
        return lambda q, k, v: lambda: milliseconds

    def missing(q, k, v):
        raise ModuleNotFoundError("No module named 'sageattention'")

    found = {"cudnn": attention(30.0), "kitchen_int8": attention(10.0), "sage": missing}
    monkeypatch.setattr(bench_kernel, "DENSE", found)
    monkeypatch.setattr(bench_kernel, "head_wise", lambda *args, **options: 2.0)
    bench = bench_kernel.Bench(torch.device("cpu"), torch.float16, tmp_path / "b.json", 5, list(found))
    bench.clock = lambda call: call()
    bench.shape(bench_kernel.TINY)
    rows = bench.report["rows"]
    assert rows and {row["fastest_dense"] for row in rows} == {"dense kitchen_int8"}
    assert {row["over_fastest"] for row in rows} == {5.0}
    assert any("dense sage: ModuleNotFoundError" in sentence for sentence in bench.report["not_measured"])
    assert bench_kernel.fastest({"a": None}) is None
