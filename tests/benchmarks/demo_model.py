"""The demo model in this process: sampled through the host's own sampler, decoded, and compared with its dense self."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch

TESTS = Path(__file__).resolve().parents[1]
MODEL = TESTS / "host" / "demo_model"
for folder in (TESTS, TESTS / "host" / "demo_nodes", MODEL):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

from conftest import PACKAGE  # noqa: E402, F401 - makes the pack importable

from host import tiny  # noqa: E402
from host.fidelity import psnr_db, relative_error  # noqa: E402

tiny.load_host()

import captions  # noqa: E402
import comfy.sample  # noqa: E402
import comfy.sd  # noqa: E402
import scenes  # noqa: E402
from comfy.taesd.taesd import TAESD  # noqa: E402

FIRST_SCENE = 900_000_000  # scenes from here on were never trained on
THREADS = 2
POSITIONS = 40  # a side of the demo model's table of positions, in tokens


@dataclass(frozen=True)
class Job:
    """One picture to make: what it shows and how it is sampled."""

    caption: str
    seed: int
    steps: int = 20
    cfg: float = 4.0
    sampler: str = "euler"
    scheduler: str = "simple"
    size: tuple[int, int] = (512, 512)  # height, width in pixels
    denoise: float = 1.0
    extra_tokens: int = 0


@dataclass(frozen=True)
class Result:
    """latent (1, 16, H/8, W/8) float32; pixels (H, W, 3) uint8."""

    latent: np.ndarray
    pixels: np.ndarray


def caption(number: int) -> str:
    """The number-th caption that no training picture had."""
    return ", ".join(phrase.words() for phrase in scenes.sample(FIRST_SCENE + number))


@lru_cache(maxsize=2)
def model(finer: int = 1):
    """The demo model as a ModelPatcher.

    finer: how many times its table of positions is stretched. At so many times the size it was trained for, the model
    then sees the same scene in finer tokens.
    """
    torch.set_num_threads(THREADS)
    state = comfy.utils.load_torch_file(str(MODEL / "demo_sd3.safetensors"))
    if finer > 1:
        table = state["pos_embed"].float().unflatten(1, (POSITIONS, POSITIONS)).movedim(3, 1)
        table = torch.nn.functional.interpolate(table, scale_factor=finer, mode="bicubic")
        state["pos_embed"] = table.movedim(1, 3).flatten(1, 2).to(state["pos_embed"].dtype)
    return comfy.sd.load_diffusion_model_state_dict(state)


@lru_cache(maxsize=1)
def _decoder():
    coder = TAESD(latent_channels=16)
    for part in ("encoder", "decoder"):
        state = comfy.utils.load_torch_file(str(MODEL / f"taesd3_{part}.safetensors"))
        getattr(coder, f"taesd_{part}").load_state_dict(state)
    return coder


def sample(patcher, job: Job, callback=None) -> torch.Tensor:
    """The latent of a job, by the host's sampler."""
    height, width = job.size
    start = _start(job) if job.denoise < 1 else torch.zeros(1, 16, height // 8, width // 8)
    conditioning = []
    for text in (job.caption, ""):
        context, pooled = captions.encode(text, job.extra_tokens)
        conditioning.append([[context, {"pooled_output": pooled}]])
    with torch.inference_mode():
        return comfy.sample.sample(
            patcher,
            comfy.sample.prepare_noise(start, job.seed),
            job.steps,
            job.cfg,
            job.sampler,
            job.scheduler,
            *conditioning,
            start,
            denoise=job.denoise,
            seed=job.seed,
            disable_pbar=True,
            callback=callback,
        )


@lru_cache(maxsize=8)
def _start(job: Job) -> torch.Tensor:
    """The latent that image to image starts from: another picture of the same caption."""
    return sample(model(), replace(job, denoise=1.0, seed=job.seed + 1000))


def result_of(latent: torch.Tensor) -> Result:
    """The latent with its decoded picture."""
    coder = _decoder()
    with torch.inference_mode():
        # As the host: the sampler's latent is scaled already, and the decoder undoes it.
        pixels = coder.decode(latent.float())[0].movedim(0, -1)
    pixels = ((pixels + 1) / 2).clamp(0, 1)
    return Result(latent.float().numpy(), (pixels * 255).round().to(torch.uint8).numpy())


def figures(result: Result, dense: Result) -> dict:
    """Relative error of the latent, PSNR in dB and SSIM of the pictures."""
    from skimage.metrics import structural_similarity

    return {
        "latent_relative_error": relative_error(result.latent, dense.latent),
        "psnr_db": psnr_db(result.pixels, dense.pixels),
        "ssim": float(structural_similarity(result.pixels, dense.pixels, channel_axis=2)),
    }
