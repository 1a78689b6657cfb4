"""Test-only nodes: a tiny random model and random prompts, in place of checkpoints and text encoders."""

import importlib.util
from pathlib import Path

from comfy_api.latest import ComfyExtension, io

_SOURCE = Path(__file__).resolve().parents[2] / "host" / "tiny.py"


def _tiny():
    spec = importlib.util.spec_from_file_location("ditfastattn_tiny", _SOURCE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Decoder:
    """In the place of a VAE: a latent's first channels as colours, in squares."""

    def decode(self, latent):
        pictures = latent[:, :3].float().movedim(1, -1).sigmoid()
        return pictures.repeat_interleave(32, -3).repeat_interleave(32, -2)


class TinyModel(io.ComfyNode):
    """A model and two prompts."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DiTFastAttnTestTinyModel",
            display_name="Tiny model",
            category="tests",
            inputs=[
                io.Combo.Input("family", options=["sd3", "flux", "pixart_sigma", "sd15"]),
                io.Int.Input("batch", default=1, optional=True),
            ],
            outputs=[
                io.Model.Output(),
                io.Conditioning.Output("positive"),
                io.Conditioning.Output("negative"),
                io.Latent.Output(),
                io.Vae.Output(),
            ],
        )

    @classmethod
    def execute(cls, family, batch=1) -> io.NodeOutput:
        tiny = _tiny()
        return io.NodeOutput(
            tiny.make_model(family),
            tiny.conditioning(family, 1),
            tiny.conditioning(family, 2),
            {"samples": tiny.latent(family, batch)},
            Decoder(),
        )


class Picture(io.ComfyNode):
    """A latent as a picture, in place of a decoder."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DiTFastAttnTestPicture",
            display_name="Latent as picture",
            category="tests",
            inputs=[io.Latent.Input("samples")],
            outputs=[io.Image.Output()],
        )

    @classmethod
    def execute(cls, samples) -> io.NodeOutput:
        latent = samples["samples"].float()
        return io.NodeOutput(latent[:, :3].movedim(1, -1).sigmoid())


class TinyNodes(ComfyExtension):
    """Hands the nodes to the host."""

    async def get_node_list(self):
        return [TinyModel, Picture]


async def comfy_entrypoint():
    """The host's entry point."""
    return TinyNodes()
