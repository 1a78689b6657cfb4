"""Claims about the demo model, its captions, training and files. The host is needed by the last two only."""

import dataclasses
import hashlib
import json
import math
import os
import struct
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

HERE = Path(__file__).resolve().parent / "host"
for folder in ("demo_nodes", "demo_model"):
    sys.path.append(str(HERE / folder))

import agreement  # noqa: E402
import autoencoder  # noqa: E402
import captions  # noqa: E402
import frames  # noqa: E402
import scenes  # noqa: E402
import train  # noqa: E402
import train_clips  # noqa: E402
import train_few  # noqa: E402
import trainer  # noqa: E402

WEIGHTS = ("demo_sd3", "taesd3_encoder", "taesd3_decoder")
CAPTION = "dusk sky, sea, low red sun far left, large white house right with dots, two green trees middle"


def shapes(name: str) -> dict[str, tuple[str, list[int]]]:
    """Tensor name -> (type, shape), read from a weight file's header alone."""
    with open(HERE / "demo_model" / f"{name}.safetensors", "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
    return {key: (value["dtype"], value["shape"]) for key, value in header.items() if key != "__metadata__"}


def test_a_caption_always_gives_the_same_numbers_of_the_stated_shapes():
    first, second = captions.encode(CAPTION), captions.encode(CAPTION)
    assert first[0].shape == (1, captions.TOKENS, captions.CONTEXT_DIM)
    assert first[1].shape == (1, captions.POOLED_DIM)
    assert all(torch.equal(a, b) for a, b in zip(first, second))


def test_every_phrase_says_what_its_words_say():
    house, trees = captions.parse("a large white house far right with dots, two green trees left")
    assert house == captions.Phrase("house", colour="white", x="far right", size="large", texture="dots")
    assert trees == captions.Phrase("tree", colour="green", x="left", count=2)


def test_captions_written_from_phrases_parse_back_to_them():
    for seed in range(200):
        phrases = scenes.sample(seed)
        assert captions.parse(", ".join(phrase.words() for phrase in phrases)) == phrases


def test_one_changed_word_changes_the_embedding():
    one, other = captions.encode(CAPTION)[0], captions.encode(CAPTION.replace("white", "blue"))[0]
    assert (one != other).any(-1).sum() == 1


def test_an_unknown_word_gives_one_sentence_that_lists_what_is_understood():
    with pytest.raises(captions.CaptionError) as error:
        captions.encode("day sky, purple hat")
    message = str(error.value)
    assert '"hat"' in message and "balloon" in message and "purple" in message
    assert message.endswith(".") and "\n" not in message and ". " not in message


@pytest.mark.parametrize(
    ("caption", "reason"),
    [
        ("red house blue tree", "comma"),
        ("striped sun", "does not go with"),
        ("large red", "names nothing"),
        ("day sky, night sky", "one"),
        (", ".join(["red ball"] * 17), "at most 16"),
    ],
)
def test_a_caption_that_contradicts_itself_is_refused_with_the_reason(caption, reason):
    with pytest.raises(captions.CaptionError, match=reason):
        captions.encode(caption)


def test_the_empty_caption_is_all_padding_and_extra_tokens_only_add_padding():
    context, pooled = captions.encode("  ,\n ")
    assert not pooled.any() and (context[..., 0] == 1).all() and not context[..., 1:].any()
    longer = captions.encode(CAPTION, extra_tokens=5)[0]
    assert longer.shape[1] == captions.TOKENS + 5
    assert torch.equal(longer[:, : captions.TOKENS], captions.encode(CAPTION)[0])
    assert torch.equal(longer[:, captions.TOKENS :], context[:, :5])


def test_equal_seeds_draw_equal_pictures_and_other_seeds_others():
    phrases = captions.parse(CAPTION)
    prints = [hashlib.sha256(scenes.draw(phrases, seed).tobytes()).hexdigest() for seed in (3, 3, 4)]
    assert prints[0] == prints[1] != prints[2]


def test_a_picture_shows_the_colour_and_the_side_that_its_caption_names():
    ground = "day sky, snow, "
    for side, columns in (("far left", slice(0, 128)), ("far right", slice(384, 512))):
        picture = scenes.draw(captions.parse(f"{ground}large plain red ball {side}"), 5).astype(int)
        red = (picture[..., 0] - picture[..., 1:].max(-1)) > 60
        assert red.sum() > 2000 and red[:, columns].sum() > 0.9 * red.sum()


def test_the_latent_map_keeps_flat_colours_exactly():
    weight, bias = autoencoder.latent_map()
    flat = torch.tensor([0.9, 0.3, 0.1]).view(1, 3, 1, 1).expand(1, 3, 16, 16)
    latent = autoencoder.encode_linear(flat)
    back = (torch.linalg.pinv(weight.flatten(1)) @ (latent[0, :, 0, 0] - bias)).view(3, 8, 8)
    assert torch.allclose(back, flat[0, :, :8, :8], atol=1e-4)


def test_all_shipped_weights_together_fit_24_megabytes_as_float16():
    total = sum((HERE / "demo_model" / f"{name}.safetensors").stat().st_size for name in WEIGHTS)
    assert total <= 24_000_000
    assert {kind for name in WEIGHTS for kind, _ in shapes(name).values()} == {"F16"}


def test_the_checkpoint_takes_what_the_captions_give():
    tensors = shapes("demo_sd3")
    assert tensors["context_embedder.weight"][1][1] == captions.CONTEXT_DIM
    assert tensors["y_embedder.mlp.0.weight"][1][1] == captions.POOLED_DIM
    assert math.isqrt(tensors["pos_embed"][1][1]) >= 32  # whole 512-pixel pictures


def test_the_loss_curve_falls_and_ends_with_a_validation_loss():
    curve = json.loads((HERE / "demo_model" / "loss_curve.json").read_text())["curve"]
    losses = [entry["loss"] for entry in curve if entry["stage"].endswith("tokens")]
    assert np.mean(losses[-5:]) < 0.5 * losses[0]
    assert curve[-1]["stage"] == "validation"


def test_pictures_agree_with_their_own_captions_and_hardly_with_others():
    held = agreement.held_out(8)
    result, _ = agreement.compare([scenes.draw(phrases, seed) for seed, phrases in held], held)
    own, other = result["own captions"], result["other captions"]
    assert own["things"] >= 0.9 and own["scenery"] == 1
    assert other["things"] <= 0.15


@pytest.mark.parametrize("attribute", ["colour", "x", "kind", "texture"])
def test_one_wrong_word_is_noticed_and_told_by_its_name(attribute):
    house = captions.parse("large red house left with stripes")[0]
    wrong = {"colour": "blue", "x": "right", "kind": "ball", "texture": "dots"}[attribute]
    scenery = captions.parse("day sky, sand")
    picture = scenes.draw((*scenery, dataclasses.replace(house, **{attribute: wrong})), 5)
    verdict = agreement.judge(picture, (*scenery, house))[-1]
    asked = {"colour": "colour", "x": "place", "kind": "shape", "texture": "pattern"}[attribute]
    assert not verdict[asked]
    assert verdict["obeyed"] == (attribute == "texture")


def toy(file: Path) -> tuple[trainer.Training, Callable]:
    """A training of one matrix towards another, small enough to repeat exactly at once."""
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(8, 8, bias=False), torch.nn.Linear(8, 4))
    rates = trainer.Rates(matrix=0.02, vector=0.01, warm_up=3, average=0.9)

    def batch(step):
        generator, _ = trainer.dice(1, step)
        x = torch.randn(16, 8, generator=generator)
        return trainer.Batch("toy", lambda network: ((network(x) - x[:, :4]) ** 2).mean(), 16, 16)

    return trainer.Training(model, [model[0].weight], rates, file), batch


def test_a_training_that_was_stopped_goes_on_exactly_as_one_that_was_not(tmp_path):
    whole, batch = toy(tmp_path / "whole.pt")
    assert whole.run(batch, lambda: 0.0, 16 * 40, math.inf, compiled=False)
    first, batch = toy(tmp_path / "piece.pt")
    assert not first.run(batch, lambda: 0.0, 16 * 40, minutes=0, compiled=False)  # time is up before the first step
    first.run(batch, lambda: 0.0, 16 * 17, math.inf, compiled=False)
    second, batch = toy(tmp_path / "piece.pt")
    second.load(tmp_path / "piece.pt")
    assert second.run(batch, lambda: 0.0, 16 * 40, math.inf, compiled=False)
    assert second.at["step"] == whole.at["step"] == 40
    for name, value in whole.average.items():
        assert torch.equal(value, second.average[name])
        assert torch.equal(whole.model.state_dict()[name], second.model.state_dict()[name])


def test_a_branch_ends_at_rate_zero_and_leaves_its_trunk_as_it_was(tmp_path):
    trunk, batch = toy(tmp_path / "trunk.pt")
    trunk.run(batch, lambda: 0.0, 16 * 20, math.inf, compiled=False)
    before = (tmp_path / "trunk.pt").read_bytes()
    branch, batch = toy(tmp_path / "branch.pt")
    branch.load(tmp_path / "trunk.pt")
    branch.branch(16 * 10)
    assert branch.share() == 1
    assert branch.run(batch, lambda: 0.0, branch.at["falls"][1], math.inf, compiled=False)
    assert branch.share() == 0 and branch.at["step"] == 30
    assert (tmp_path / "trunk.pt").read_bytes() == before


def test_a_clip_moves_what_drifts_and_leaves_what_stands():
    phrases = captions.parse("day sky, sea, red house left, yellow boat far right")
    start, middle, end = (scenes.draw(phrases, 3, time).astype(int) for time in (-0.5, 0.0, 0.5))
    assert (middle == scenes.draw(phrases, 3)).all()
    half = scenes.SIZE // 2
    assert (start[:, :half] == end[:, :half]).all()
    moved = [np.argwhere(np.abs(a - middle).max(-1) > 60) for a in (start, end)]
    assert min(points[:, 1].min() for points in moved) >= half and min(map(len, moved)) > 300


@pytest.fixture(scope="module")
def host():
    """The host's modules, on CPU; set COMFYUI_PATH to a checkout."""
    path = os.environ.get("COMFYUI_PATH", "")
    if not (Path(path) / "comfy" / "model_detection.py").is_file():
        pytest.skip("no ComfyUI at COMFYUI_PATH")
    return train.host_modules(path)


def weights(name: str) -> dict[str, torch.Tensor]:
    from safetensors.torch import load_file

    return {key: value.float() for key, value in load_file(HERE / "demo_model" / f"{name}.safetensors").items()}


@torch.inference_mode()
def test_the_host_recognises_the_checkpoint_as_sd3_and_computes_what_was_trained(host):
    import comfy.sd

    mmdit, _, ops = host
    loaded = comfy.sd.load_diffusion_model(str(HERE / "demo_model" / "demo_sd3.safetensors")).model
    assert type(loaded).__name__ == "SD3"
    assert len(loaded.diffusion_model.joint_blocks) == 4
    trained = train.build_model(mmdit, ops, train.Settings())
    trained.load_state_dict(weights("demo_sd3"))
    context, pooled = captions.encode(CAPTION)
    latent = torch.randn(1, 16, 32, 32, generator=torch.Generator().manual_seed(0))
    inputs = {"context": context, "y": pooled}
    got = loaded.diffusion_model(latent, torch.tensor([500.0]), **inputs)
    assert got.std() > 0.1
    assert torch.equal(got, trained(latent, torch.tensor([500.0]), **inputs))


def test_the_host_recognises_the_video_model_as_wan_and_computes_what_was_trained(host, tmp_path):
    import comfy.model_management
    import comfy.sd

    _, _, ops = host
    s = train_clips.Settings(layers=2)
    wan = train_clips.host_model()
    torch.manual_seed(0)
    trained = train_clips.build_model(wan, ops, s)
    with torch.no_grad():
        for value in trained.parameters():
            value.add_(0.02 * torch.randn(value.shape)).copy_(value.half())
    trainer.save_weights(
        trained.state_dict(),
        tmp_path / "demo_wan.safetensors",
        {"config": json.dumps({"transformer": train_clips.transformer_config(s)})},
    )
    comfy.model_management.in_training = False
    loaded = comfy.sd.load_diffusion_model(str(tmp_path / "demo_wan.safetensors")).model
    assert type(loaded).__name__ == "WAN21"
    assert (loaded.diffusion_model.num_heads, len(loaded.diffusion_model.blocks)) == (s.heads, s.layers)
    clip, (context, _) = torch.randn(1, 16, 3, 8, 8), captions.encode(CAPTION)
    with torch.inference_mode():
        got = loaded.diffusion_model.float()(clip, torch.tensor([500.0]), context)
        assert got.std() > 0.01
        assert torch.allclose(got, trained(clip, torch.tensor([500.0]), context), atol=1e-4)


@torch.inference_mode()
def test_the_host_applies_every_matrix_that_few_steps_learn(host):
    import comfy.lora
    import comfy.sd

    mmdit, _, ops = host
    student = train.build_model(mmdit, ops, train.Settings())
    student.load_state_dict(weights("demo_sd3"))
    train_few.add_deltas(student, rank=2)
    learned = {name: p for name, p in student.named_parameters() if p.requires_grad}
    for name, value in learned.items():
        if name.endswith("up"):
            value.normal_(std=0.02)
    lora = train_few.lora_keys(learned)
    patcher = comfy.sd.load_diffusion_model(str(HERE / "demo_model" / "demo_sd3.safetensors"))
    patcher, _ = comfy.sd.load_lora_for_models(patcher, None, lora, 1.0, 0)
    assert len(patcher.patches) == len(lora) // 2 >= 28
    patcher.patch_model()
    context, pooled = captions.encode(CAPTION)
    latent = torch.randn(1, 16, 32, 32, generator=torch.Generator().manual_seed(0))
    call = (latent, torch.tensor([500.0]), context, pooled)
    got, want = patcher.model.diffusion_model(*call), student(*call)
    assert (got - want).norm() < 0.01 * want.norm()


def test_a_sampled_clip_becomes_frames_that_the_still_decoder_takes(host):
    import comfy.latent_formats as formats

    plain = torch.randn(2, 16, 3, 4, 4)
    sampled = formats.Wan21().process_out(plain)
    got = formats.SD3().process_in(frames.of_clip(sampled))
    assert got.shape == (6, 16, 4, 4)
    assert torch.allclose(got[4], plain[1, :, 1], atol=1e-5)


@torch.inference_mode()
def test_the_host_encoder_and_decoder_keep_a_picture(host):
    _, taesd, _ = host
    coder = taesd.TAESD(latent_channels=16)
    coder.taesd_encoder.load_state_dict(weights("taesd3_encoder"))
    coder.taesd_decoder.load_state_dict(weights("taesd3_decoder"))
    pixels = torch.from_numpy(scenes.draw(captions.parse(CAPTION), 1)).permute(2, 0, 1)[None, :, 128:384, 128:384] / 255
    latent = coder.taesd_encoder(pixels)
    assert torch.allclose(latent, autoencoder.encode_linear(pixels), atol=0.02)
    error = (coder.taesd_decoder(latent).clamp(0, 1) - pixels).square().mean()
    assert -10 * torch.log10(error) > 25  # decibels
