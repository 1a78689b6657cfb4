"""Samples the demo model through the host itself and lays the pictures out on a sheet.

    python tests/host/demo_model/sample.py --host PATH_TO_COMFYUI --sheet samples.png

Uses the host's own detection, sampler and decoder, so a sheet that looks right shows that the shipped files work there.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "demo_nodes"))
import captions  # noqa: E402
import frames  # noqa: E402

EXAMPLES = (
    "dusk sky, sea, large low red sun middle, medium white boat with stripes left",
    "day sky, meadow, mountains, large white house right with dots, two large green trees left, white fence",
    "night sky, snow, hills, large high moon left, medium red house middle, three medium green pines far right",
    "day sky, sand, high yellow sun right, large red ball left with stripes, large blue balloon middle with checks",
    "dawn sky, sea, mountains, large orange balloon right with stripes, medium red boat middle",
    "dusk sky, meadow, hills, large yellow house left with checks, two large purple trees right",
    "day sky, snow, mountains, large high orange sun left, large pink house right with stripes",
    "night sky, sea, large low moon right, large yellow boat left with checks",
    "day sky, meadow, hills, three large clouds left, four large pink trees middle, brown fence",
    "dawn sky, sand, low red sun far left, large green ball middle with dots, large black balloon right",
)


class Host:
    """The demo model and its decoder, loaded by a ComfyUI checkout."""

    def __init__(self, path: str, weights: Path = HERE):
        sys.path.insert(0, str(Path(path).resolve()))
        import comfy.options  # noqa: F401
        from comfy.cli_args import args

        args.cpu = True
        import comfy.sample
        import comfy.sd
        import folder_paths

        import nodes

        self.comfy, self.weights, self.video = comfy, weights, None
        folder_paths.add_model_folder_path("vae_approx", str(weights), is_default=True)
        self.model = comfy.sd.load_diffusion_model(str(weights / "demo_sd3.safetensors"))
        self.vae = nodes.VAELoader().load_vae("taesd3")[0]

    @torch.inference_mode()
    def latent(self, caption, seed, steps=20, cfg=4.0, sampler="euler", scheduler="simple", size=512, extra=0):
        """Sampled latent ``(1, 16, size/8, size/8)`` of a caption."""

        def conditioning(text, extra=0):
            context, pooled = captions.encode(text, extra)
            return [[context, {"pooled_output": pooled}]]

        empty = torch.zeros(1, 16, size // 8, size // 8)
        noise = self.comfy.sample.prepare_noise(empty, seed)
        return self.comfy.sample.sample(
            self.model,
            noise,
            steps,
            cfg,
            sampler,
            scheduler,
            conditioning(caption),
            conditioning("", extra),
            empty,
            seed=seed,
            disable_pbar=True,
        )

    @torch.inference_mode()
    def clip(self, caption, seed, steps=20, cfg=4.0, sampler="euler", scheduler="simple", side=256, length=8):
        """Frames ``(length, side, side, 3)`` uint8 of a caption's clip by the video model."""
        if self.video is None:
            self.video = self.comfy.sd.load_diffusion_model(str(self.weights / "demo_wan.safetensors"))
        empty = torch.zeros(1, 16, length, side // 8, side // 8)
        noise = self.comfy.sample.prepare_noise(empty, seed)
        said = [[[captions.encode(text)[0], {}]] for text in (caption, "")]
        latent = self.comfy.sample.sample(
            self.video, noise, steps, cfg, sampler, scheduler, *said, empty, seed=seed, disable_pbar=True
        )
        pixels = self.vae.decode(frames.of_clip(latent))
        return (pixels.clamp(0, 1) * 255 + 0.5).byte().numpy()

    @torch.inference_mode()
    def picture(self, latent) -> np.ndarray:
        """Decoded picture ``(H, W, 3)`` uint8."""
        return (self.vae.decode(latent)[0].clamp(0, 1) * 255 + 0.5).byte().numpy()


def sheet(rows: list[list[np.ndarray]], side: int = 256) -> Image.Image:
    """Pictures in rows, each shrunk to ``side`` pixels."""
    small = [[np.asarray(Image.fromarray(p).resize((side, side), Image.LANCZOS)) for p in row] for row in rows]
    return Image.fromarray(np.concatenate([np.concatenate(row, 1) for row in small]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", required=True, help="folder of a ComfyUI checkout")
    parser.add_argument("--weights", type=Path, default=HERE)
    parser.add_argument("--sheet", type=Path, default=HERE / "samples.png")
    parser.add_argument("--captions", nargs="*", default=EXAMPLES[:6])
    parser.add_argument("--seeds", nargs="*", type=int, default=[1, 2])
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--clips", action="store_true", help="clips of the video model, one a row")
    parser.add_argument("--columns", type=int, default=4, help="pictures in a row; seeds of a caption stay together")
    for name, kind, value in (
        ("steps", int, 20),
        ("cfg", float, 4.0),
        ("sampler", str, "euler"),
        ("scheduler", str, "simple"),
        ("size", int, 512),
    ):
        parser.add_argument("--" + name, type=kind, default=value)
    given = parser.parse_args()
    torch.set_num_threads(2)
    host = Host(given.host, given.weights)
    pictures, start = [], time.monotonic()
    for caption in given.captions:
        for seed in given.seeds:
            if given.clips:
                pictures += [*host.clip(caption, seed, given.steps, given.cfg, given.sampler, given.scheduler)]
                continue
            latent = host.latent(caption, seed, given.steps, given.cfg, given.sampler, given.scheduler, given.size)
            pictures.append(host.picture(latent))
    print(f"{len(pictures)} pictures in {time.monotonic() - start:.1f} s")
    if given.clips:
        given.columns = 8
    while len(pictures) % given.columns:
        pictures.append(np.full_like(pictures[0], 255))
    sheet([pictures[i : i + given.columns] for i in range(0, len(pictures), given.columns)], given.side).save(
        given.sheet
    )


if __name__ == "__main__":
    main()
