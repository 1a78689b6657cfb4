"""The demo's order of runs, its measures and its report."""

import io
import json

import numpy as np
import pytest
from PIL import Image

from host import demo
from host.fidelity import IDENTICAL_DB, psnr_db, read_latent, relative_error
from host.provision import ROOT, Host
from host.report import contact_sheet, table


def test_every_round_holds_every_level_and_no_two_neighbours_are_equal():
    order = [level for one in demo.ROUNDS for level in one]
    assert all(sorted(one) == sorted((demo.DENSE, *demo.LEVELS)) for one in demo.ROUNDS)
    assert all(a != b for a, b in zip(order, order[1:])) and order[0] == demo.DENSE


def latent_file(values, dtype, raw):
    header = {"latent_tensor": {"dtype": dtype, "shape": list(values.shape), "data_offsets": [4, 4 + len(raw)]}}
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + b"\0\0\0\0" + raw


@pytest.mark.parametrize("dtype", ["F32", "F16", "BF16"])
def test_a_latent_is_read_as_it_was_saved(dtype):
    values = np.array([[1.5, -2.0, 0.25]], np.float32)
    raw = {
        "F32": values.tobytes(),
        "F16": values.astype("<f2").tobytes(),
        "BF16": (values.view("<u4") >> 16).astype("<u2").tobytes(),
    }
    assert np.array_equal(read_latent(latent_file(values, dtype, raw[dtype])), values)


def test_fidelity_is_measured_against_dense():
    dense = np.full((4, 4), 2.0, np.float32)
    assert relative_error(dense, dense) == 0 and relative_error(dense * 1.1, dense) == pytest.approx(0.1)
    picture = np.full((4, 4, 3), 100, np.uint8)
    assert psnr_db(picture, picture) == IDENTICAL_DB
    assert psnr_db(picture + 1, picture) == pytest.approx(48.13, abs=0.01)


@pytest.fixture
def samples():
    model = {"family": "sd3", "parameters": 9e6, "tokens": 1024, "text_tokens": 16, "layers": 4, "heads": 4}
    stats = {
        "model": model,
        "kept": {"attention": 0.5, "model": 0.9},
        "plan": {"error": 0.01},
        "cache": {"bytes": 2**20},
    }
    encoded = io.BytesIO()
    Image.new("RGB", (64, 48), "green").save(encoded, "PNG")
    return {
        level: demo.Sample(np.ones((1, 2), np.float32), encoded.getvalue(), stats, [3, 1, 2])
        for level in (demo.DENSE, *demo.LEVELS)
    }


@pytest.fixture
def result(samples, tmp_path, monkeypatch):
    (tmp_path / "pyproject.toml").write_text('version = "1.2.3"\n')
    monkeypatch.setattr(demo, "ROOT", tmp_path)
    return demo.summary(Host(ROOT, ROOT, "0.30.0", True), "cpu", samples, {"seconds": 9.0, "ratio_to_dense_run": 1.5})


def test_the_json_says_what_was_agreed(result, samples, tmp_path):
    files = demo.write_files(tmp_path / "out", result, samples, "{}")
    written = json.loads((tmp_path / "out" / "demo.json").read_text())
    assert set(written) == {
        *("host_version", "pack_version", "device", "model", "sampler", "dense", "calibration", "levels", "files")
    }
    assert set(written["model"]) == {"family", "parameters", "tokens", "text_tokens", "layers", "heads"}
    assert (written["model"]["tokens"], written["model"]["text_tokens"]) == (1024, 16)
    assert set(written["sampler"]) == {"name", "scheduler", "steps", "cfg", "seed"}
    assert set(written["calibration"]) == {"seconds", "ratio_to_dense_run"} and set(written["dense"]) == {"seconds"}
    figures = {"level", "attention_flops_kept", "model_flops_kept", "predicted_error", "latent_relative_error"}
    assert all(set(level) == figures | {"psnr_db", "seconds", "cache_bytes"} for level in written["levels"])
    assert [level["level"] for level in written["levels"]] == list(demo.LEVELS)
    assert written["pack_version"] == "1.2.3" and written["levels"][0]["seconds"] == 2
    assert written["files"] == files and all(map(lambda f: (tmp_path / "out" / f).is_file(), files))


def test_the_table_has_a_line_for_dense_and_every_level(result):
    text = table(result)
    assert [line.split()[0] for line in text.splitlines() if line.strip().startswith(("dense", "D"))][1:] == [
        "dense",
        *demo.LEVELS,
    ]
    assert "50.0 %" in text and "1.50 times one dense run" in text


def test_a_noisy_machine_and_unequal_bits_are_said(samples):
    said = " ".join(demo.remarks(samples, 3))
    assert "median of 3" in said and "3.0 times" in said and "same bits" in said
    samples["D1"].repeats = False
    assert "did not all give the same bits" in " ".join(demo.remarks(samples, 3))


def test_the_contact_sheet_holds_every_picture(result, samples):
    pictures = {level: sample.picture for level, sample in samples.items()}
    sheet = Image.open(io.BytesIO(contact_sheet(pictures, result)))
    assert sheet.width > 4 * 64 and sheet.height > 2 * 48
    assert sum(count for count, colour in sheet.getcolors(1 << 24) if colour == (0, 128, 0)) == 7 * 64 * 48
