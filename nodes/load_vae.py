"""Load Open-Sora VAE: the autoencoder that the host's loader does not know."""

import folder_paths
from comfy_api.latest import io

from ..attention.systems.vae_file import load_vae
from .types import CATEGORY

_FOLDER = "vae"


class LoadOpenSoraVAE(io.ComfyNode):
    """A file of the autoencoder of Open-Sora 1.2 to a VAE of the host."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DiTFastAttnLoadVAE",
            display_name="Load Open-Sora VAE",
            category=CATEGORY,
            description=(
                "Loads the autoencoder of Open-Sora 1.2, with its parts for frames and for time, which ComfyUI's Load "
                "VAE does not know. What comes out works with VAE Decode and VAE Encode. Open-Sora 1.1 needs none of "
                "its own: Video Latent to Frames and a VAE of Stable Diffusion 1 serve."
            ),
            search_aliases=["open-sora", "opensora", "stdit", "video", "vae", "load vae", "temporal vae", "loader"],
            inputs=[
                io.Combo.Input(
                    "vae_name",
                    options=folder_paths.get_filename_list(_FOLDER),
                    tooltip="A file in models/vae with both parts, such as OpenSora-VAE-v1.2.",
                ),
            ],
            outputs=[io.Vae.Output("vae", display_name="vae")],
        )

    @classmethod
    def execute(cls, vae_name, **kwargs) -> io.NodeOutput:
        return io.NodeOutput(load_vae(folder_paths.get_full_path_or_raise(_FOLDER, vae_name)))
