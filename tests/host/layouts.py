"""Where the tokens of each tiny configuration stand, written from the host's code and not from the pack's records."""

from __future__ import annotations

import math

from . import tiny

# Of each configuration: the token grid, and for its attention calls over it, in order, how many there are and how many
# tokens stand before and after those of the grid. Written from the host's code, not read from the pack's records.
LAYOUTS = {
    "sd3": ((8, 12), [(2, 7, 0)]),
    "sd35m": ((8, 12), [(1, 7, 0), (1, 0, 0), (1, 7, 0), (1, 0, 0), (1, 7, 0)]),
    "flux": ((8, 12), [(4, 7, 0)]),
    "pixart_sigma": ((18, 20), [(2, 0, 0)]),
    "wan21_t2v": ((3, 8, 12), [(2, 0, 0)]),
    "qwen": ((1, 8, 12), [(2, 7, 0)]),
    "lumina2": ((8, 12), [(2, 0, 0), (2, 7, 0)]),
    "zimage": ((8, 12), [(2, 0, 0), (2, 32, 0)]),
    "ltxv": ((2, 4, 6), [(2, 0, 0)]),
    "chroma": ((8, 12), [(4, 7, 0)]),
    "hunyuan_video": ((3, 8, 12), [(4, 7, 0)]),
    "cosmos_predict2": ((1, 8, 12), [(2, 0, 0)]),
    "kandinsky5": ((1, 8, 12), [(2, 0, 0)]),
    "hidream": ((8, 12), [(2, 0, 17)]),
    "omnigen2": ((8, 12), [(1, 0, 0), (2, 7, 0)]),
    "cogvideox": ((3, 8, 12), [(2, 7, 0)]),
    "hydit": ((8, 12), [(4, 0, 0)]),
    "aura": ((8, 8), [(2, 15, 0)]),
    "mochi": ((4, 4, 8), [(1, 0, 8)]),
    "krea2": ((8, 12), [(2, 7, 0)]),
    "ernie": ((8, 12), [(2, 0, 7)]),
    "joyimage": ((1, 8, 12), [(2, 0, 7)]),
    # With reference pictures, further frames, and several sequences through the same blocks.
    "qwen_edit": ((1, 8, 12), [(2, 7, 16)]),
    "qwen_layered": ((3, 8, 12), [(2, 7, 0)]),
    "mage_flow": ((8, 12), [(2, 7, 16)]),
    "flux_kontext": ((8, 12), [(4, 7, 16)]),
    "zimage_omni": ((8, 12), [(2, 32, 0), (2, 96, 0)]),
    "ltxav": ((2, 4, 6), [(2, 0, 0)]),
    "radiance": ((8, 12), [(2, 7, 0)]),
    "hunyuan_image21": ((8, 12), [(2, 7, 0)]),
    "boogu": ((8, 12), [(1, 0, 0), (1, 23, 0), (1, 16, 0), (1, 23, 0)]),
    "qwen_masked": ((1, 8, 12), [(2, 7, 0)]),
    "newbie": ((8, 12), [(2, 0, 0), (2, 7, 0)]),
    "hunyuan_video15": ((3, 8, 12), [(2, 12, 0)]),
    "wan_dancer": ((3, 8, 12), [(2, 0, 0)]),
    "wan_camera": ((3, 8, 12), [(2, 0, 0)]),
    "wan_vace": ((3, 8, 12), [(4, 0, 0)]),
    "wan_phantom": ((3, 8, 12), [(2, 0, 96)]),
    "wan_scail": ((3, 8, 12), [(2, 96, 72)]),
    "wan_s2v": ((3, 8, 12), [(2, 0, 96)]),
    "wan_humo": ((3, 8, 12), [(2, 0, 96)]),
    "wan_animate": ((3, 8, 12), [(2, 0, 0)]),
    "anima": ((1, 8, 12), [(2, 0, 0)]),
    "zimage_pixel": ((8, 12), [(2, 0, 0), (2, 32, 0)]),
    "lens": ((8, 12), [(2, 0, 7)]),
    "ideogram4": ((8, 12), [(2, 7, 0)]),
    "pixeldit": ((8, 12), [(2, 7, 0), (1, 0, 0)]),
    "pid": ((8, 12), [(2, 7, 0), (1, 0, 0)]),
    "kandinsky5_image": ((1, 8, 12), [(2, 0, 0)]),
    "minimax": ((3, 8, 12), [(2, 17, 0)]),
    # The papers' own, which the host lacks.
    "dit": ((8, 12), [(2, 0, 0)]),
    **{name: ((3, 8, 12), [(4, 0, 0)]) for name in ("stdit2", "stdit3")},
}
# Of each of its calls, where reference pictures begin, their grid, and their place: 0 where the grid's own tokens are.
REFERENCES = {
    **{name: [[(103, (4, 4), 0)]] * 4 for name in ("flux_kontext", "mage_flow")},
    "qwen_edit": [[(103, (1, 4, 4), 0)]] * 2,
    "zimage_omni": [[(0, (4, 4), 0)]] * 2 + [[(64, (4, 4), 0)]] * 2,
    "boogu": [[], [(7, (4, 4), 0)], [(0, (4, 4), 0)], [(7, (4, 4), 0)]],
    **{name: [[(288, (1, 8, 12), 1)]] * 2 for name in ("wan_phantom", "wan_s2v", "wan_humo")},
    "wan_scail": [[(0, (1, 8, 12), 1), (384, (3, 4, 6), 2)]] * 2,
}
# Of each of its calls, the axes of the grid that one sequence runs along: within a frame, or along time at a place. One
# item of the latent's batch is as many sequences as there are places along the other axes.
AXES = {name: [(1, 2), (0,)] * 2 for name in ("stdit2", "stdit3")}
TEXT_LAST = {"hidream", "mochi", "ernie", "joyimage", "lens"}
ONE_AT_A_TIME = {"minimax"}  # of which the host takes batches of one alone
# Where not every call has a site of its own: two control videos through one block, a refining block that is left alone.
SITES = {"wan_vace": (0, 2, 2, 1), "boogu": (None, 0, 1, 2)}
# Those that differ from another in their conditioning or their class alone.
VARIANTS = {name for name in LAYOUTS if "like" in tiny.configs()[name]}


def calls_of(family):
    """(before, after, number of the site) of each call."""
    layouts = [(before, after) for count, before, after in LAYOUTS[family][1] for _ in range(count)]
    numbers = SITES.get(family, range(len(layouts)))
    return [(*layout, number) for layout, number in zip(layouts, numbers, strict=True)]


def grids_of(family):
    """(grid of one sequence, sequences of one item) of each call."""
    whole = LAYOUTS[family][0]
    for axes in AXES.get(family, [range(len(whole))] * len(calls_of(family))):
        own = tuple(whole[axis] for axis in axes)
        yield own, math.prod(whole) // math.prod(own)


def window_axes(family):
    """Axes of a plan's windows; calls of fewer have none."""
    return max(len(grid) for grid, _ in grids_of(family))


def sites_of(family):
    """Tokens before and after those of the grid at each call of a site."""
    return [(before, after, number) for before, after, number in calls_of(family) if number is not None]
