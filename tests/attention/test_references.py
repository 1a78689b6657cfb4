"""Edits: reference pictures have windows of their own, aligned with the picture's where the model aligns them."""

import math

import pytest
import torch

from host import tiny

tiny.require_host()

from ditfastattn.attention.calibration.measurement import SamplerSettings, measure, solve  # noqa: E402
from ditfastattn.attention.families.base import places  # noqa: E402
from ditfastattn.attention.hooks.model import HostModel  # noqa: E402
from ditfastattn.attention.hooks.patch import attached  # noqa: E402
from host.applying import apply_plan  # noqa: E402
from host.hand_plans import WINDOWS, hand_plan  # noqa: E402
from host.oracle import Oracle  # noqa: E402

pytestmark = pytest.mark.host
SAME, WIDE = (16, 24), (8, 40)  # pixels of latents: the picture's, and another picture's
PROFILES, SHARE = ["ffr0", "f0rr", "fAf2"], "0100"
# Of each configuration: a reference latent's axes before its sides, and the grid. Of each case: the sides of reference
# latents, how the host is told to place them, what stands before and after the grid at each attention call, and where
# references begin, with their grid and place. Written from the host's code.
FLUX, QWEN = ((1, 16), (8, 12)), ((1, 16, 1), (1, 8, 12))
IMAGE, OTHER = 96, 80
CASES = {
    "flux, one as large": ("flux", FLUX, [SAME], None, [(7, 96)] * 4, [[(103, (8, 12), 0)]] * 4),
    "flux, two as large": (
        "flux", FLUX, [SAME, SAME], None,
        [(7, 192)] * 4, [[(103, (8, 12), 0), (199, (8, 12), 2)]] * 4,
    ),
    "flux, two numbered": (
        "flux", FLUX, [SAME, SAME], "index",
        [(7, 192)] * 4, [[(103, (8, 12), 0), (199, (8, 12), 0)]] * 4,
    ),
    "flux, elsewhere": ("flux", FLUX, [SAME], "uxo", [(7, 96)] * 4, [[(103, (8, 12), 1)]] * 4),
    "flux, another size between": (
        "flux", FLUX, [WIDE, SAME, WIDE], "index",
        [(7, 256)] * 4, [[(103, (4, 20), 0), (183, (8, 12), 0), (279, (4, 20), 0)]] * 4,
    ),
    "qwen, one as large": ("qwen", QWEN, [SAME], None, [(7, 96)] * 2, [[(103, (1, 8, 12), 0)]] * 2),
    "qwen, two beside": (
        "qwen", QWEN, [SAME, SAME], "offset",
        [(7, 192)] * 2, [[(103, (1, 8, 12), 0), (199, (1, 8, 12), 2)]] * 2,
    ),
    "krea2, one as large": ("krea2", ((1, 16), (1, 8, 12)), [SAME], "index", [(7, 96)] * 2, [[(103, (8, 12), 0)]] * 2),
    "joyimage, one as large": ("joyimage", QWEN, [SAME], None, [(0, 103)] * 2, [[(96, (1, 8, 12), 0)]] * 2),
    "omnigen2, one as large": (
        "omnigen2", FLUX, [SAME], None,
        [(0, 0), (0, 0), (103, 0), (103, 0)], [[], [], [(7, (8, 12), 0)], [(7, (8, 12), 0)]],
    ),
    "z-image, one as large": (
        "zimage", FLUX, [SAME], None,
        [(96, 0)] * 2 + [(160, 0)] * 2, [[(0, (8, 12), 0)]] * 2 + [[(64, (8, 12), 0)]] * 2,
    ),
    "wan, a source video and a picture": (
        "wan21_t2v", ((1, 16), (3, 8, 12)), [(3, *SAME), (1, *SAME)], None,
        [(0, 384)] * 2, [[(288, (3, 8, 12), 0), (576, (1, 8, 12), 0)]] * 2,
    ),
}  # fmt: skip
KEYS = {"wan21_t2v": "context_latents"}
SITES = {"omnigen2": (0, None, 1, 2)}  # the refining block of references is none


def edit(family, axes, sides, method, seed=1):
    """A conditioning with reference latents."""
    ((embeddings, extra),) = tiny.conditioning(family, seed)
    generator = torch.Generator().manual_seed(seed)
    latents = [torch.randn(*axes, *some, generator=generator) for some in sides]
    told = {} if method is None else {"reference_latents_method": method}
    return [[embeddings, {**extra, KEYS.get(family, "reference_latents"): latents, **told}]]


@pytest.mark.parametrize("case", CASES)
def test_what_a_plan_makes_of_an_edit_is_what_its_letters_mean(case):
    family, (axes, grid), sides, method, around, references = CASES[case]
    model = tiny.shared_model(family)
    settings = {"positive": edit(family, axes, sides, method), "negative": edit(family, axes, sides, method, 2)}
    plain = tiny.sample(model, family, **settings)
    full = apply_plan(model, hand_plan(model, family, "ffff"), "D1", strict=True)
    assert torch.equal(tiny.sample(full, family, **settings), plain)
    patched = apply_plan(model, hand_plan(model, family, PROFILES, SHARE), "D1", strict=True)
    made = tiny.sample(patched, family, **settings)
    # krea2's latent has a time axis and its grid none.
    grid = grid[-2:] if family == "krea2" else grid
    windows = tuple((1.0,) * (len(grid) - 2) + window for window in WINDOWS)
    numbers = SITES.get(family, range(len(around)))
    calls = [(before, after, number) for (before, after), number in zip(around, numbers, strict=True)]
    oracle = Oracle(grid, calls, PROFILES, SHARE, windows, references=references)
    with oracle.inside(model) as meant:
        expected = tiny.sample(meant, family, **settings)
    error, effect = (float((made - other).norm() / other.norm()) for other in (expected, plain))
    assert oracle.steps == 4 and error < 1e-5 < effect
    record = attached(patched).runs.latest()
    last = [math.prod(shape) for _, shape, _ in references[-1]]
    assert not record.notes and record.reference_tokens == sum(last)
    assert record.text_tokens == sum(around[-1]) - sum(last)


@pytest.mark.parametrize(
    ("method", "sides", "found"),
    [
        ("index", [(4, 4), (4, 4)], [0, 0]),
        ("negative_index", [(4, 4), (2, 6)], [0, 0]),
        ("uxo", [(4, 4), (4, 4)], [1, 2]),
        ("offset", [(4, 6), (4, 6), (4, 6)], [0, 2, 3]),
        (None, [(6, 4)], [0]),
    ],
)
def test_references_stand_where_the_host_puts_them(method, sides, found):
    assert places([(1, 16, *some) for some in sides], method) == found


@pytest.mark.parametrize("family", ["flux", "qwen"])
def test_a_window_keeps_as_little_of_an_edit_as_of_a_picture(family):
    """References were global tokens once, and a window kept 0.8 to 0.9 of an edit's attention."""
    axes = FLUX[0] if family == "flux" else QWEN[0]
    model = tiny.shared_model(family)
    kept = []
    for sides in ([], [SAME], [WIDE]):
        patched = apply_plan(model, hand_plan(model, family, "2222".replace("2", "f", 1)), "D1", strict=True)
        one = edit(family, axes, sides, "index") if sides else None
        other = {"negative": edit(family, axes, sides, "index", 2)} if sides else {}
        tiny.sample(patched, family, positive=one, **other)
        last = attached(patched).runs.latest().steps[-1]
        kept.append(last.kept / last.dense)
    alone, aligned, other_size = kept
    assert aligned < alone + 0.02 and alone < other_size < 0.75


@pytest.mark.parametrize("case", ["flux, one as large", "flux, two as large", "z-image, one as large"])
def test_an_edit_calibrates_and_follows_its_plan(case):
    family, (axes, _), sides, method, _, references = CASES[case]
    model = HostModel.of(tiny.shared_model(family))
    both = {"positive": edit(family, axes, sides, method), "negative": edit(family, axes, sides, method, 2)}
    settings = SamplerSettings("euler", "simple", 3, 4.0, 1.0, 7)
    plan = solve(measure(model, settings, lambda patched: tiny.sample(patched, family, steps=3, **both))).plan
    told = [(shape, place) for _, shape, place in references[-1]]
    assert [(one.grid, one.place) for one in plan.measurement.references] == told
    patched = apply_plan(model.patcher, plan, "D6", strict=True)
    tiny.sample(patched, family, steps=3, **both)
    record = attached(patched).runs.latest()
    dense, kept = record.attention_flops()
    assert kept / dense == pytest.approx(plan.level("D6").attention_flops_kept, abs=0.02) and not record.notes


def test_an_edit_with_its_reference_on_the_positive_alone_calibrates():
    model = HostModel.of(tiny.shared_model("flux"))
    settings = SamplerSettings("euler", "simple", 3, 4.0, 1.0, 7)
    positive = edit("flux", FLUX[0], [SAME], None)
    measured = measure(model, settings, lambda patched: tiny.sample(patched, "flux", steps=3, positive=positive))
    patched = apply_plan(model.patcher, solve(measured).plan, "D6", strict=True)
    tiny.sample(patched, "flux", steps=3, positive=positive)
    assert not attached(patched).runs.latest().notes
