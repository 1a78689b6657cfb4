"""DiTFastAttn A/B: what comes out at a level beside what would have come out without it, in pictures and figures."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass

import torch

from ...sentences import payload as said
from ...sentences import say
from ..calibration.asked import Budget, require_finite, sampled_model, settings_given
from ..calibration.measurement import SamplerSettings
from ..calibration.trajectory import flat
from ..calibration.verify import relative_error
from ..hooks.sampling import Setup, noise_levels
from ..report.editor import send_text
from ..report.figures import work_of
from .pair import FULL, PLAN, Pair, sample_pair
from .quality import amplification, psnr_db, ssim

log = logging.getLogger(__name__)

SHOWN = 8  # pictures of a batch, or frames of a video, that are shown


class NothingToSample(ValueError):
    """The inputs hold no run; the message says what to connect."""


@dataclass(frozen=True)
class Comparison:
    """compressed, dense: pictures (N, H, W, C), the same ones where there was nothing to compare. report: for people.
    shown: numbers of those to show.

    figures: JSON-able. state ("compared" or "nothing"), sentence, notes, plan, level, sampler, steps, cfg, seed (text),
    pictures, width, height, seconds ({"full", "plan"}), faster, first ("full" or "plan"), watched (whether the plan was
    made in the full run), psnr_db, ssim, latent_error, predicted_error, attention, model (fractions of the FLOPs that
    were kept), amplify (by how much the difference is best shown), told (sentence and notes as `sentences.payload`).
    None where something is not known.
    """

    compressed: torch.Tensor
    dense: torch.Tensor
    figures: dict
    report: str
    shown: tuple[int, ...]


def compare(model_patcher, settings: SamplerSettings, setup: Setup, vae, noise=None) -> Comparison:
    """Sample both, decode both, and say how they differ.

    settings, setup: as DiTFastAttn Calibrate takes them. model_patcher: None where there is a guider. noise: the host's
    NOISE, in place of the seed. Raises NothingToSample and CalibrationError, each with one sentence, and what sampling
    raises.
    """
    if model_patcher is None and setup.guider is None:
        raise NothingToSample("There is no model to sample: connect the model of Apply Compression Plan, or a guider.")
    require_finite(settings, setup, Budget())
    model_patcher = sampled_model(model_patcher, setup)
    settings = settings_given(model_patcher, settings, setup)
    if len(noise_levels(model_patcher, settings, setup)) < 2:
        raise NothingToSample("There is no step to sample: set steps to 1 or more and denoise above 0.")
    pair = sample_pair(model_patcher, settings, setup, noise)
    dense = _decoded(vae, pair.of(FULL).samples)
    compressed = dense if pair.why_not else _decoded(vae, pair.of(PLAN).samples)
    figures = _figures(pair, settings, noise)
    figures |= {"pictures": len(dense), "height": dense.shape[1], "width": dense.shape[2]}
    if not pair.why_not:
        figures |= _differences(pair, compressed, dense)
    if not bool(dense.isfinite().all() and compressed.isfinite().all()):
        figures["notes"].append(
            say("A picture is not finite (NaN or infinite): see whether it is without a plan, too.")
        )
    report = text_of(figures)
    figures["told"] = {
        "sentence": said(figures["sentence"] or report.splitlines()[0]),
        "notes": [said(note) for note in figures["notes"]],
    }
    figures["sentence"] = report.splitlines()[0]
    log.info("[DiTFastAttn] %s", figures["sentence"])
    if figures["watched"]:
        # In the place of what watching has said under this node.
        send_text(figures["sentence"])
    return Comparison(compressed, dense, figures, report, _shown(len(dense)))


def _decoded(vae, samples) -> torch.Tensor:
    """Pictures (N, H, W, C) of a latent, frames of videos one after another, as the host's VAE Decode gives them."""
    if getattr(samples, "is_nested", False):
        samples = samples.unbind()[0]
    pictures = vae.decode(samples)
    return pictures.reshape(-1, *pictures.shape[-3:])


def _shown(count: int) -> tuple[int, ...]:
    """Numbers of at most SHOWN of so many pictures, the first and the last among them."""
    if count <= SHOWN:
        return tuple(range(count))
    return tuple(round(place * (count - 1) / (SHOWN - 1)) for place in range(SHOWN))


def _figures(pair: Pair, settings: SamplerSettings, noise) -> dict:
    full = pair.of(FULL)
    found = {
        "state": "nothing" if pair.why_not else "compared",
        "sentence": pair.why_not,
        "notes": list(full.record.notes) if pair.why_not and full.record else [],
        "plan": "",
        "level": "",
        "sampler": settings.name,
        "steps": settings.steps,
        "cfg": settings.cfg,
        "seed": str(settings.seed if noise is None else noise.seed),
        "seconds": {"full": full.seconds, "plan": None},
        "faster": None,
        "first": "full",
        "watched": full.watched,
        "psnr_db": None,
        "ssim": None,
        "latent_error": None,
        "predicted_error": None,
        "attention": None,
        "model": None,
        "amplify": 1,
    }
    if pair.why_not:
        return found
    plan = pair.of(PLAN)
    record = plan.record
    work = work_of(record, record.plan.measurement)
    attention, model = work.attention, work.model
    if pair.again:
        found["notes"].append(say("The plan's run was sampled twice: the first one had the GPU's kernels to compile."))
    if plan.seconds > 0:
        found["faster"] = full.seconds / plan.seconds
    return found | {
        "notes": [*found["notes"], *record.notes],
        "plan": record.plan.id,
        "level": record.level,
        "seconds": {"full": full.seconds, "plan": plan.seconds},
        "first": pair.runs[0].kind,
        "predicted_error": record.plan.level(record.level).predicted_error if record.promises else None,
        "attention": attention,
        "model": model,
    }


def _differences(pair: Pair, compressed: torch.Tensor, dense: torch.Tensor) -> dict:
    """What lies between the two, as far as it is a number."""
    compressed, dense = compressed.clamp(0, 1), dense.clamp(0, 1)
    error = relative_error(flat(pair.of(PLAN).samples), flat(pair.of(FULL).samples))
    measured = {"latent_error": error}
    if bool(dense.isfinite().all() and compressed.isfinite().all()):
        measured["psnr_db"], measured["ssim"] = psnr_db(compressed, dense), ssim(compressed, dense)
        measured["amplify"] = amplification(compressed, dense)
    return {name: value for name, value in measured.items() if math.isfinite(value)}


def text_of(figures: dict) -> str:
    """The figures as text, one kind a line."""
    sampled = f"{figures['steps']} steps of {figures['sampler']}, CFG {figures['cfg']:g}, seed {figures['seed']}"
    many = figures["pictures"]
    size = f"{many} picture{'s' * (many != 1)} of {figures['width']} x {figures['height']}"
    full, plan = figures["seconds"]["full"], figures["seconds"]["plan"]
    notes = [f"Note: {note}" for note in figures["notes"]]
    if figures["state"] == "nothing":
        return "\n".join((figures["sentence"], f"Full attention: {full:.2f} s ({sampled}).", f"{size}.", *notes))
    head = [f"Level {figures['level']}"]
    if figures["faster"] is not None:
        # Watching keeps a device waiting between its steps, which no clock can tell from its own time.
        times = f"about {figures['faster']:.1f}" if figures["watched"] else f"{figures['faster']:.2f}"
        head.append(f"{times} times as fast")
    if figures["psnr_db"] is not None:
        head += [f"PSNR {figures['psnr_db']:.1f} dB", f"SSIM {figures['ssim']:.3f}"]
    lines = [f"{', '.join(head)}."]
    order = {"full": "sampled second", "plan": "sampled second", figures["first"]: "sampled first"}
    if figures["watched"]:
        order["full"] += ", watched to make the plan: run again for a better figure"
    lines += [
        f"Full attention: {full:.2f} s ({order['full']}).",
        f"Plan {figures['plan']}, {figures['level']}: {plan:.2f} s ({order['plan']}).",
        "Seconds are of the steps alone: one step before them and loading, decoding and watching are not counted.",
    ]
    if figures["attention"] is not None and figures["model"] is not None:
        lines.append(f"Work kept: {figures['attention']:.1%} of attention, {figures['model']:.1%} of all.")
    if figures["latent_error"] is not None:
        predicted = figures["predicted_error"]
        told = "" if predicted is None else f", where the plan predicts {predicted:.3f}"
        lines.append(f"Relative error of the latent: {figures['latent_error']:.3f}{told}.")
    return "\n".join([*lines, f"{size}; {sampled}.", *notes])
