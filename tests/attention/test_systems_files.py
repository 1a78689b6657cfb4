"""Files that the loader of the papers' models does not take: each gets one sentence, and none runs code."""

import argparse
from pathlib import Path

import pytest
import torch

from host import tiny

tiny.require_host()

from systems.weights import dit_diffusers, dit_published  # noqa: E402

from ditfastattn.attention.systems.load import load, read  # noqa: E402
from ditfastattn.sentences import Sentence  # noqa: E402

pytestmark = pytest.mark.host


def refused(path: Path, weights) -> str:
    """What is said of a file."""
    torch.save(weights, path)
    with pytest.raises(ValueError) as raised:
        load(str(path))
    assert isinstance(str(raised.value), Sentence) and path.name in str(raised.value)
    return str(raised.value)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "file.pt"


def without(weights: dict, name: str) -> dict:
    assert name in weights
    return {key: tensor for key, tensor in weights.items() if key != name}


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        ({}, "is none of the models"),
        ({"model.embed_tokens.weight": torch.zeros(2, 2)}, "none of the models.*it holds model.embed_tokens.weight"),
        (without(dit_published(2), "blocks.1.mlp.fc1.bias"), r"1 tensors are missing, 0 .*\(blocks.1.mlp.fc1.bias\)"),
        (dit_published(2) | {"blocks.0.attn.q_norm.weight": torch.ones(64)}, "0 tensors are missing, 1 are of no"),
        (dit_published(2) | {"t_embedder.mlp.0.weight": torch.zeros(384, 128)}, "0 are of no layer, 1 have another"),
        (dit_published(2) | {"final_layer.linear.weight": torch.zeros(7, 384)}, "of no layer, 2 have another shape"),
        (without(dit_published(2), "final_layer.linear.weight"), "looks like DiT, and its size is none"),
        (dit_published(2, width=320), "looks like DiT, and its size is none that is known .320"),
        (without(dit_diffusers(2), "transformer_blocks.1.attn1.to_k.weight"), "size is none that is known"),
        (without(dit_diffusers(2), "transformer_blocks.1.attn1.to_q.weight"), "1 tensors are missing"),
        (dit_diffusers(2) | {"transformer_blocks.0.attn2.to_q.bias": torch.ones(9)}, "blocks.0.attn2.to_q.bias"),
    ],
)
def test_a_file_with_wrong_missing_or_foreign_names_gets_one_sentence(path, weights, said):
    import re

    assert re.search(said, refused(path, weights))


class _Runs:
    def __reduce__(self):
        return (Path.touch, (Path("ran"),))


@pytest.mark.parametrize("held", [_Runs(), argparse.Namespace(lr=1e-4)], ids=["code", "options"])
def test_a_pickle_with_anything_but_tensors_is_refused_and_runs_no_code(path, held, monkeypatch):
    monkeypatch.chdir(path.parent)
    assert "cannot be read as tensors alone" in refused(path, {**dit_published(2), "args": held})
    assert not Path("ran").exists()


def test_plain_values_beside_tensors_are_refused(path):
    assert "holds more than the tensors" in refused(path, {**dit_published(2), "epoch": 3})


def test_the_averaged_weights_of_a_training_checkpoint_and_prefixed_names_are_read(path):
    weights = dit_published(2)
    torch.save({"model": {"a": torch.zeros(1)}, "ema": weights, "steps": 3}, path)
    assert read(str(path)).keys() == weights.keys()
    torch.save({f"module.{name}": tensor for name, tensor in weights.items()}, path)
    assert read(str(path)).keys() == weights.keys()
