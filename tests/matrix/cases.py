"""What is sampled: settings of a run, and plans. All of it is data; the random plans follow from their names."""

from __future__ import annotations

import random
import zlib
from dataclasses import dataclass, field

from host.layouts import AXES, LAYOUTS, ONE_AT_A_TIME, VARIANTS

STEPS = 3
RANDOM = 3  # plans for each family and setting
OFF = "off"


@dataclass(frozen=True)
class Setting:
    """How the host samples. hidden: the family's record is, so that its sites have to be found."""

    name: str
    arguments: dict = field(default_factory=dict)
    hidden: bool = False


SETTINGS = (
    Setting("CFG"),
    Setting("CFG 1", {"cfg": 1.0}),
    Setting("batch", {"batch": 2}),
    Setting("split", {"split": True}),
    Setting("found", hidden=True),
)


@dataclass(frozen=True)
class Plan:
    """Letters of heads in turn, one a step; the rest is as in `plans.Level`. placed: whether it needs to know where the
    picture's tokens are. exact: whether it computes heads in full or not at all, so that its work is plain to count.
    """

    name: str
    profiles: tuple[str, ...] = ("fff",)
    share: str = "000"
    pooled: bool = False
    evaluated: str = ""
    slopes: tuple[float, ...] = ()
    corrections: tuple[float, ...] = ()

    @property
    def placed(self) -> bool:
        return bool(set("".join(self.profiles)) - set("fr")) or "1" in self.share

    @property
    def exact(self) -> bool:
        return not self.placed

    @property
    def full(self) -> bool:
        return self.exact and not self.evaluated and set("".join(self.profiles)) == {"f"}


ALONE = (
    Plan(OFF),
    Plan("full"),
    Plan("reuse of layers", ("frr",)),
    Plan("reuse of heads", ("ffr", "frf")),
    Plan("window", ("f00", "f22")),
    Plan("pooled window", ("f00", "f22"), pooled=True),
    Plan("residual", ("fAA", "fCC")),
    Plan("pooled residual", ("fAA", "fCC"), pooled=True),
    Plan("sharing", ("fff",), "011"),
    Plan(
        "forecast",
        ("ffrf",),
        "0000",
        evaluated="1101",
        slopes=(0.0, 0.0, 0.8, -0.2),
        corrections=(0.0, 0.0, 0.0, 0.45),
    ),
)


def plans_of(family: str, setting: Setting) -> list[Plan]:
    """All plans that a family is run with in one setting."""
    numbers = range(RANDOM)
    every = [*ALONE, *(random_plan(f"{family}, {setting.name}, {number}") for number in numbers)]
    if setting.hidden:
        every = [plan for plan in every if not plan.placed]
    if "cfg" in setting.arguments:
        every = [plan for plan in every if plan.name != "sharing"]
    return every


def settings_of(family: str) -> list[Setting]:
    """The settings in which the host can sample a family; of one that differs from another in its conditioning or its
    class alone, two of them.
    """
    chosen = SETTINGS if family not in VARIANTS else [one for one in SETTINGS if one.name in ("CFG", "split")]
    # Where frames attend for themselves and no record says so, calls are left to the host, which is said.
    not_run = {("batch", family) for family in ONE_AT_A_TIME} | {("found", family) for family in AXES}
    return [setting for setting in chosen if (setting.name, family) not in not_run]


def families(names=()) -> list[str]:
    """Configurations of tests/host/families.json by name, or all."""
    return [family for family in LAYOUTS if not names or family in names]


def random_plan(name: str) -> Plan:
    """A valid plan that follows from its name: of whatever letters, shared here and there, perhaps with a forecast."""
    chance = random.Random(zlib.crc32(name.encode()))
    forecast = chance.random() < 0.3
    marks = "1101" if forecast else "1" * STEPS
    profiles = tuple(_profile(chance, marks) for _ in range(chance.randint(2, 5)))
    share = "0" + "".join(chance.choice("001") if mark == "1" else "0" for mark in marks[1:])
    numbers = {"slopes": (0.0, 0.0, 0.7, 0.1), "corrections": (0.0, 0.0, 0.0, 0.4)} if forecast else {}
    return Plan(f"random {name}", profiles, share, chance.random() < 0.5, marks if forecast else "", **numbers)


def _profile(chance: random.Random, marks: str) -> str:
    letters, residual = "f", ""
    for mark in marks[1:]:
        letter = chance.choice("frr012AC") if mark == "1" else "r"
        if letter.isupper():  # one way a stretch
            residual = letter = residual or letter
        residual = "" if letter == "f" else residual
        letters += letter
    return letters
