"""The pack's nodes, one file each."""

from .apply_plan import ApplyCompressionPlan
from .calibrate import Calibrate
from .compare import Compare
from .imagenet_class import ImageNetClass
from .load_system import LoadSystem
from .load_vae import LoadOpenSoraVAE
from .opensora import OpenSoraConditioning, VideoLatentToFrames
from .stats import AttentionStats

NODES = (
    Calibrate,
    ApplyCompressionPlan,
    AttentionStats,
    Compare,
    LoadSystem,
    ImageNetClass,
    OpenSoraConditioning,
    LoadOpenSoraVAE,
    VideoLatentToFrames,
)
