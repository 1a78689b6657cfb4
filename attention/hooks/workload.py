"""What a dense sampling run takes its time for: two runs with equal workloads take as long as one another."""

from __future__ import annotations

from dataclasses import dataclass, replace

from .model import device_name, parameter_count


@dataclass(frozen=True)
class Workload:
    """Of one run. model: class, weights and precision. device: its name. shape: of the latent, the batch included.
    guided: whether there are two branches, as far as the scale tells. conditions: of each branch's conditionings, the
    shapes and what else takes time. other: what else leaves out work or adds some.
    """

    model: tuple
    device: str
    shape: tuple[int, ...]
    sampler: str
    steps: int
    guider: str
    guided: bool
    conditions: tuple
    other: str = ""

    @staticmethod
    def of(guider, patcher, shape, sampler: str, steps: int, cfg: float, other: str) -> Workload:
        """Of a guider of the host that is about to sample."""
        network = patcher.model.diffusion_model
        conditions = getattr(guider, "conds", None) or {}
        return Workload(
            model=(type(network).__name__, parameter_count(patcher), str(patcher.model_dtype())),
            device=device_name(patcher.load_device),
            shape=tuple(shape),
            sampler=sampler,
            steps=steps,
            guider=type(guider).__name__,
            guided=cfg != 1.0,
            conditions=tuple((name, tuple(map(_told, conditions[name] or ()))) for name in sorted(conditions)),
            other=other,
        )

    def with_steps(self, steps: int) -> Workload:
        """The same of another number of steps."""
        return replace(self, steps=steps)


def _told(condition) -> tuple:
    """What of one conditioning decides how much is computed: the length of the prompt, an area, a control model."""
    if not isinstance(condition, dict):
        return (type(condition).__name__,)
    text = condition.get("cross_attn")
    names = ("area", "mask", "control", "gligen", "hooks", "start_percent", "end_percent", "reference_latents")
    return (tuple(getattr(text, "shape", ())), *(name for name in names if condition.get(name) is not None))
