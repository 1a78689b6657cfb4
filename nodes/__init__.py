"""The pack's nodes, one file each."""

from .apply_plan import ApplyCompressionPlan
from .calibrate import Calibrate
from .compare import Compare
from .stats import AttentionStats

NODES = (Calibrate, ApplyCompressionPlan, AttentionStats, Compare)
