"""Everything in which a template that is run here differs from the file, beside the one node that is put in.

* Every model file has a tiny model in its place (`models.FILES`).
* Loaders, inputs and services have the nodes of `nodes.STAND_INS` in their place, with the objects of `objects.py`:
  a VAE sees pictures at 192 pixels, prompts are 12 tokens long.
* Sizes and lengths of what is sampled are at most what `AT_MOST` says, whether a widget or a link brings them.
* Values that a newer host knows and this one does not are those of `OLDER`.
* Free memory is `FREE_MEMORY`, whatever else the machine is doing.
* Torch's global generator is seeded before each run: nodes draw from it.

Steps, samplers, sigmas, guiders, CFG, seeds, patches of the model and all links are the template's own.
"""

from __future__ import annotations

from . import models, nodes

# Pixels and frames. With them every latent has 24 to 360 tokens.
_SIDES = {"width": 192, "height": 128}
_VIDEO = {**_SIDES, "length": 9}
AT_MOST: dict[str, dict[str, int]] = {
    # The host's PixArt divides by zero at sizes below 256.
    "EmptyLatentImage": {"width": 320, "height": 288},
    "EmptySD3LatentImage": _SIDES,
    "EmptyFlux2LatentImage": _SIDES,
    "EmptyHunyuanLatentVideo": _VIDEO,
    "EmptyLTXVLatentVideo": _VIDEO,
    "BerniniConditioning": {**_VIDEO, "ref_max_size": 128},
    "Wan22FunControlToVideo": _VIDEO,
    "Wan22ImageToVideoLatent": _VIDEO,
    "WanFirstLastFrameToVideo": _VIDEO,
    "WanFunControlToVideo": _VIDEO,
    "WanFunInpaintToVideo": _VIDEO,
    "WanImageToVideo": _VIDEO,
    "WanInfiniteTalkToVideo": _VIDEO,
    "WanMoveTrackToVideo": _VIDEO,
    "WanTrackToVideo": _VIDEO,
    **dict.fromkeys(
        (
            *("WanVaceToVideo", "WanCameraImageToVideo", "WanCameraEmbedding", "WanHuMoImageToVideo", "WanDancerVideo"),
            *("WanSoundImageToVideo", "WanSCAILToVideo", "Kandinsky5ImageToVideo", "HunyuanVideo15ImageToVideo"),
            *(
                "EmptyHunyuanVideo15Latent",
                "MiniMaxH3ImageToVideo",
                "MiniMaxH3ReferenceToVideo",
                "EmptyLTXVLatentVideo",
            ),
            *("WanSoundImageToVideoExtend", "LTXVImgToVideo", "VOIDInpaintConditioning", "VOIDWarpedNoise"),
        ),
        _VIDEO,
    ),
    "EmptyQwenImageLayeredLatentImage": _SIDES,
    "EmptyChromaRadianceLatentImage": _SIDES,
    "LTXVEmptyLatentAudio": {"frames_number": 9, "batch_size": 1},
    "TextEncodeMageFlowEdit": _SIDES,
    "RepeatImageBatch": {"amount": 9},
    "WanDancerEncodeAudio": {"video_frames": 9},
    "WanDancerPadKeyframesList": {"segment_length": 9, "num_segments": 2},
    # Pictures on their way: what is done to them is not what is looked at.
    "ImageScale": _SIDES,
    "GenerateTracks": _SIDES,
}


# Host node -> input -> (value in newer templates, what this host takes for it).
OLDER: dict[str, dict[str, tuple]] = {"CreateVideo": {"bit_depth": ("auto", 8)}}

FREE_MEMORY = 64 * 2**30  # bytes

LEVEL = "D2"  # the node's own default
# Templates in which mild levels save nothing, and the level that they are run at: the Flux KV cache rewrites every
# attention call, so that only whole steps can be left out, and there are four.
STRONGER = {"image_flux2_klein_9b_kv_image_edit.json": "D6"}


def declared() -> dict:
    """The same for the results file."""
    return {
        "model files": {
            pattern: f"{entry.model_class or entry.base}, tiny" + ("" if entry.covered else " (not covered)")
            for pattern, entry in models.FILES.items()
        },
        "nodes": sorted(nodes.STAND_INS),
        "at most": AT_MOST,
        "values of newer hosts": OLDER,
        "free memory": FREE_MEMORY,
        "other levels": STRONGER,
    }
