"""The settings under which methods are compared."""

from __future__ import annotations

from dataclasses import dataclass, replace

ATTENTION_SHARE = 0.4  # of the demo model's FLOPs at HOME_TOKENS tokens, counted
HOME_TOKENS = 1024


@dataclass(frozen=True)
class Setting:
    """How pictures are sampled, and how many are judged.

    size: (height, width) in pixels. attention_share: None, or the part of a dense run's work that attention is taken to
    be: everything else is priced accordingly, and errors are those of the same runs at their own prices.
    """

    name: str
    sampler: str = "euler"
    scheduler: str = "simple"
    steps: int = 20
    cfg: float = 4.0
    size: tuple[int, int] = (512, 512)
    prompts: int = 8
    seeds: int = 1
    attention_share: float | None = None

    @property
    def model(self) -> str:
        """Its name, and at what prices if not its own."""
        if self.attention_share is None:
            return "demo_sd3"
        return f"demo_sd3 priced as {100 * self.attention_share:.0f} % attention"

    @property
    def unpriced(self) -> Setting:
        """The setting whose runs serve this one, too, where nothing depends on prices: `home`, or itself."""
        return self if self.attention_share is None else replace(SETTINGS[HOME], prompts=self.prompts, seeds=self.seeds)

    @property
    def relative_size(self) -> float:
        """Tokens, as a multiple of those of the setting `home`."""
        return self.size[0] * self.size[1] / 256 / HOME_TOKENS

    @property
    def dense_cost(self) -> float:
        """A dense run's work in dense runs of the setting `home`: attention grows with the square of the tokens."""
        grows = self.relative_size * (1 - ATTENTION_SHARE + ATTENTION_SHARE * self.relative_size)
        return self.steps / 20 * (0.5 if self.cfg == 1 else 1.0) * grows

    def sentence(self) -> str:
        """For people."""
        height, width = self.size
        return (
            f"{self.model}, {height} x {width}, {self.sampler}, {self.scheduler}, {self.steps} steps, CFG {self.cfg:g}"
        )


HOME = "home"
SETTINGS = {
    setting.name: setting
    for setting in (
        Setting(HOME, prompts=16, seeds=2),
        Setting("cfg1", cfg=1.0),
        Setting("8steps", steps=8, cfg=1.0, prompts=16, seeds=2),
        Setting("4steps", steps=4, cfg=1.0),
        Setting("dpmpp_2m", sampler="dpmpp_2m"),
        Setting("euler_ancestral", sampler="euler_ancestral", cfg=1.0),
        Setting("640px", size=(640, 640)),
        # The shares of attention that FLUX has at 2048 x 2048 and Wan at 720p.
        Setting("attention48", attention_share=0.48),
        Setting("attention72", attention_share=0.72),
    )
}
